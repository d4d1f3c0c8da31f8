import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { errnoCode } from "./file-error.ts";

/** Who holds a lock, as its file says. */
export interface LockOwner {
	/** Unique to this one holding. */
	readonly token: string;
	readonly pid: number;
	/** When the process started, in the system's own counting, where it tells; process ids are used again, this is not. */
	readonly started: string | undefined;
	/** Host name and, where the system tells, the namespace in which the process id counts. */
	readonly machine: string;
	/** Changes when the machine starts anew. */
	readonly boot: string | undefined;
}

function readOrUndefined(read: () => string): string | undefined {
	try {
		return read();
	} catch (error) {
		// Only Linux has /proc; elsewhere, and for a process that is gone, there is nothing to tell.
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}

function startOf(pid: number | "self"): string | undefined {
	const stat = readOrUndefined(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
	const fields = stat?.replace(/^.*\) /s, "").split(" ");
	// A zombie has ended; its start does not matter any more.
	return fields?.[0] === "Z" ? undefined : fields?.[19];
}

let self: Omit<LockOwner, "token"> | undefined;

/** This process as an owner. */
export function ourselves(token: string): LockOwner {
	self ??= {
		pid: process.pid,
		started: startOf("self"),
		machine: `${hostname()} ${readOrUndefined(() => readlinkSync("/proc/self/ns/pid")) ?? ""}`.trim(),
		boot: readOrUndefined(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"))?.trim(),
	};
	return { token, ...self };
}

export type OwnerState = "alive" | "dead" | "elsewhere";

/** Whether the owner still runs; `elsewhere` when it ran on another machine or in another container, where we can't look. */
export function ownerState(owner: LockOwner): OwnerState {
	const us = ourselves("");
	const sameHost = owner.machine.split(" ")[0] === us.machine.split(" ")[0];
	if (sameHost && owner.boot !== us.boot) return "dead";
	if (owner.machine !== us.machine) return "elsewhere";
	if (owner.started !== undefined) return startOf(owner.pid) === owner.started ? "alive" : "dead";
	try {
		process.kill(owner.pid, 0);
		return "alive";
	} catch (error) {
		return errnoCode(error) === "ESRCH" ? "dead" : "alive";
	}
}
