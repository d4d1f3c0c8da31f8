import { randomBytes } from "node:crypto";
import { lstatSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { endStrays } from "../process/end-strays.ts";
import { directoryEntries } from "./directory-entries.ts";
import { errnoCode } from "./file-error.ts";
import { isOurs } from "./is-ours.ts";
import { ownerTag, ownerTagPattern, tagState } from "./lock-owner.ts";
import { removeTree } from "./remove-tree.ts";
import { pathKind } from "./stat-path.ts";

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
