import { randomBytes } from "node:crypto";
import { lstatSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { endStrays } from "../process/end-strays.ts";
import { directoryEntries } from "./directory-entries.ts";
import { errnoCode } from "./file-error.ts";
import { isOurs } from "./is-ours.ts";
import { ownerTag, ownerTagPattern, tagState } from "./lock-owner.ts";
import { removeTree } from "./remove-tree.ts";
import { pathKind } from "./stat-path.ts";

// Everything that is written under another name first has its owner in that name, so that what a killed process left can be
// told from what a living one is writing, and from files of the user.

/** How a staged file, a staged directory or a temporary directory is named. */
const pattern = new RegExp(
	`^(\\.(.*)\\.agentv|agentv-[a-z]+|\\.agentv-clone-.*)-(${ownerTagPattern})-[0-9a-f]{8}(\\.tmp|\\.former)?$`,
	"s",
);

/** What a process on another machine or in another container has not touched for this long is taken for left. */
const silentForMs = 24 * 60 * 60_000;

/** A directory is looked through at most once in this time. */
const pauseMs = 2_000;
const lookedAt = new Map<string, number>();

/** Returns a path for a temporary neighbour of `target`, in the same directory, and removes those that killed processes left there. */
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

/** Returns a path to which the directory `target` is moved while another one takes its place. */
export function formerName(target: string): string {
	return besideName(target).replace(/\.tmp$/, ".former");
}

/** Returns the end of a name that says whose it is, and that no other name has. */
export function uniqueTag(): string {
	return `${ownerTag()}-${randomBytes(4).toString("hex")}`;
}

/** Returns whether a name is one that only we give, whether its owner still runs or not. */
export function isStagedName(name: string): boolean {
	return pattern.test(name);
}

/** Returns whose an entry is by its name: the process id if it runs, `left` if it does not; undefined if the name is not one of ours. */
export function stagedState(path: string): { readonly pid: number } | "left" | undefined {
	const owner = pattern.exec(basename(path))?.[3];
	if (owner === undefined || !isOurs(path)) return undefined;
	const state = tagState(owner);
	const isLeft = state === "dead" || (state === "elsewhere" && ageOf(path) > silentForMs);
	return isLeft ? "left" : { pid: Number.parseInt(owner.split("-")[1] ?? "", 36) };
}

/** Removes the files that killed processes were writing in a directory. What can't be removed stays and does no harm. */
export function sweepStagedFiles(directory: string): void {
	for (const [name, kind] of directoryEntries(directory) ?? []) {
		const path = join(directory, name);
		if (kind === "file" && stagedState(path) === "left") removeQuietly(path);
	}
}

/**
 * Removes the files and directories that killed processes were writing in a directory, and ends what they left running there. A
 * directory that was moved away and not yet replaced returns to its place.
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
		// Another process may remove it just now, and what may not be removed keeps no command from its work.
		if (!(error instanceof Error)) throw error;
	}
}

/** Returns whether what was moved away is not to be removed: it is in its place again, or its place is not known. */
function bringBack(directory: string, name: string): boolean {
	const goal = pattern.exec(name)?.[2];
	// A repository may hold such names, to have something hidden put where git would not: `.git`, for example.
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

/** Cuts a name so that it fits into 255 bytes with all that is added to it. */
function cutName(name: string): string {
	let cut = name.slice(0, longestName);
	while (Buffer.byteLength(cut) > longestName) cut = cut.slice(0, -1);
	return cut;
}
