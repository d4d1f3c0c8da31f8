import { hash, randomBytes } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync, renameSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { AgentvError } from "../lib/errors.ts";
import { directoryEntries, errnoCode, pathKind, removeTree } from "./files.ts";
import { isOurs } from "./own-files.ts";
import { endStrays } from "./process-scope.ts";

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
const ownerTagPattern = "[0-9a-f]{12}-[0-9a-z]+-[0-9a-z]+";

let tag: string | undefined;

/** Returns this process as part of a file name. */
export function ownerTag(): string {
	if (tag !== undefined) return tag;
	const { pid, started = "0" } = ourselves("");
	tag = `${placeTags().join("")}-${pid.toString(36)}-${Number(started).toString(36)}`;
	return tag;
}

/** Returns whether the process of an owner tag is still running, like `ownerState` for an owner. */
function tagState(text: string): OwnerState {
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

// Temporary names contain their owner, so that leftovers of a killed process can be told from files
// that a live one is writing, and from the user's files.

/** The name of a staged file, a staged directory or a temporary directory. */
const pattern = new RegExp(
	`^(\\.(.*)\\.agentv|agentv-[a-z]+|\\.agentv-clone-.*)-(${ownerTagPattern})-[0-9a-f]{8}(\\.tmp|\\.former)?$`,
	"s",
);

/** Files untouched for this long by a process that we can't check are leftovers. */
const silentForMs = 24 * 60 * 60_000;

/** Minimum time between sweeps of one directory. */
const pauseMs = 2_000;
const lookedAt = new Map<string, number>();

/** Returns a temporary neighbor of `target`, and removes those of killed processes. */
export function besideName(target: string): string {
	const directory = dirname(target);
	const now = performance.now();
	if (now - (lookedAt.get(directory) ?? Number.NEGATIVE_INFINITY) > pauseMs) {
		if (lookedAt.size > 1_000) lookedAt.clear();
		lookedAt.set(directory, now);
		sweepStagedFiles(directory);
	}
	return join(directory, `.${cutName(basename(target))}.agentv-${uniqueTag()}.tmp`);
}

/** Returns a path to which the directory `target` is moved while it is replaced. */
export function formerName(target: string): string {
	return besideName(target).replace(/\.tmp$/, ".former");
}

/** Returns a unique end of a name that identifies its owner. */
export function uniqueTag(): string {
	return `${ownerTag()}-${randomBytes(4).toString("hex")}`;
}

/** Returns whether only AgentV creates such a name, whether or not its owner is still running. */
export function isStagedName(name: string): boolean {
	return pattern.test(name);
}

/** Returns the owner's process id, `left` if it has ended; undefined for other names. */
export function stagedState(path: string): { readonly pid: number } | "left" | undefined {
	const owner = pattern.exec(basename(path))?.[3];
	if (owner === undefined || !isOurs(path)) return undefined;
	const state = tagState(owner);
	const isLeft = state === "dead" || (state === "elsewhere" && ageOf(path) > silentForMs);
	return isLeft ? "left" : { pid: Number.parseInt(owner.split("-")[1] ?? "", 36) };
}

/** Best effort: files that can't be removed stay. */
export function sweepStagedFiles(directory: string): void {
	for (const [name, kind] of directoryEntries(directory) ?? []) {
		const path = join(directory, name);
		if (kind === "file" && stagedState(path) === "left") removeQuietly(path);
	}
}

/**
 * Removes partial files and directories of killed processes in a directory, and ends the processes
 * they left there. A directory that was moved away but not replaced is moved back.
 */
export async function sweepStaged(directory: string): Promise<void> {
	for (const [name, kind] of directoryEntries(directory) ?? []) {
		const path = join(directory, name);
		if ((kind !== "file" && kind !== "directory") || stagedState(path) !== "left") continue;
		if (name.endsWith(".former") && bringBack(directory, name)) continue;
		if (kind === "file") removeQuietly(path);
		else await removeLeft(path);
	}
}

async function removeLeft(path: string): Promise<void> {
	await endStrays(path);
	try {
		await removeTree(path);
	} catch (error) {
		// Another process may be removing it, and a file that can't be removed must not stop a command.
		if (!(error instanceof AgentvError)) throw error;
	}
}

/** Returns whether to keep what was moved away: it is back at its path, or its path is unknown. */
function bringBack(directory: string, name: string): boolean {
	const goal = pattern.exec(name)?.[2];
	// A repository could contain such names to have a hidden file put where git refuses it, for
	// example `.git`.
	if (goal === undefined || goal.startsWith(".") || goal.length >= longestName) return true;
	if (pathKind(join(directory, goal)) !== "missing") return false;
	try {
		renameSync(join(directory, name), join(directory, goal));
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
	}
	return true;
}

function removeQuietly(path: string): void {
	try {
		rmSync(path, { force: true });
	} catch (error) {
		if (errnoCode(error) === undefined) throw error;
	}
}

function ageOf(path: string): number {
	const stat = lstatSync(path, { throwIfNoEntry: false });
	return stat ? Date.now() - stat.mtimeMs : 0;
}

const longestName = 150;

/** Truncates a name so that it fits into 255 bytes with all suffixes. */
function cutName(name: string): string {
	let cut = name.slice(0, longestName);
	while (Buffer.byteLength(cut) > longestName) cut = cut.slice(0, -1);
	return cut;
}
