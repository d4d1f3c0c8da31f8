import { hash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { errnoCode } from "./file-error.ts";

export interface LockOwner {
	/** Unique to this acquisition. */
	readonly token: string;
	readonly pid: number;
	/** Start time in the system's own units, if known; process ids are reused, this is not. */
	readonly started: string | undefined;
	/** Host name and, if known, the namespace of the process id. */
	readonly machine: string;
	/** Changes when the machine reboots. */
	readonly boot: string | undefined;
}

function readOrUndefined(read: () => string): string | undefined {
	try {
		return read();
	} catch (error) {
		// Only Linux has /proc; elsewhere, and for a process that is gone, nothing is known.
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}

function startOf(pid: number | "self"): string | undefined {
	const stat = readOrUndefined(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
	const fields = stat?.replace(/^.*\) /s, "").split(" ");
	// A zombie has ended; its start no longer matters.
	return fields?.[0] === "Z" ? undefined : fields?.[19];
}

let self: Omit<LockOwner, "token"> | undefined;

/** Returns this process as an owner. */
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

/** `elsewhere`: on another machine or in another container, where we can't check. */
export function ownerState(owner: LockOwner): OwnerState {
	const us = ourselves("");
	const sameHost = owner.machine.split(" ")[0] === us.machine.split(" ")[0];
	if (sameHost && owner.boot !== us.boot) return "dead";
	if (owner.machine !== us.machine) return "elsewhere";
	return processState(owner.pid, owner.started);
}

function processState(pid: number, started: string | undefined): "alive" | "dead" {
	if (started !== undefined) return startOf(pid) === started ? "alive" : "dead";
	try {
		process.kill(pid, 0);
		return "alive";
	} catch (error) {
		return errnoCode(error) === "ESRCH" ? "dead" : "alive";
	}
}

/** Host, process namespace and boot as four digits each, the process id and its start. */
export const ownerTagPattern = "[0-9a-f]{12}-[0-9a-z]+-[0-9a-z]+";

let tag: string | undefined;

/** Returns this process as part of a file name. */
export function ownerTag(): string {
	if (tag !== undefined) return tag;
	const { pid, started = "0" } = ourselves("");
	tag = `${placeTags().join("")}-${pid.toString(36)}-${Number(started).toString(36)}`;
	return tag;
}

/** Returns whether the process of an owner tag is still running, like `ownerState` for an owner. */
export function tagState(text: string): OwnerState {
	const [place = "", pid = "", started = ""] = text.split("-");
	const [host, namespace, boot] = placeTags();
	if (place.slice(0, 4) === host && place.slice(8) !== boot) return "dead";
	if (place.slice(0, 4) !== host || place.slice(4, 8) !== namespace) return "elsewhere";
	const start = Number.parseInt(started, 36);
	return processState(Number.parseInt(pid, 36), start === 0 ? undefined : String(start));
}

function placeTags(): [host: string, namespace: string, boot: string] {
	const { machine, boot = "" } = ourselves("");
	const short = (value: string) => hash("sha256", value, "hex").slice(0, 4);
	return [short(machine.split(" ")[0] ?? ""), short(machine), short(boot)];
}
