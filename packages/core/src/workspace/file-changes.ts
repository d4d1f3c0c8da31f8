import { AgentvError } from "../base/agentv-error.ts";
import { Openings } from "../io/files/openings.ts";
import { noteTree } from "../io/files/tree-notes.ts";
import { writeBinaryHunk } from "./binary-patch.ts";
import type { StoredChange } from "./change-store.ts";
import {
	changeLine,
	changesContent,
	commented,
	type FileChange,
	formName,
	gitAccepts,
	patchHeading,
} from "./change-text.ts";
import { byDirectory, bytesOf, changedFiles, manyIgnored } from "./changed-files.ts";
import type { FileChanges } from "./contract.ts";
import { bytesOfVersion, type FileVersion, holdsSecret, largestWhole, readVersion } from "./file-version.ts";
import { PatchText } from "./patch-text.ts";
import type { ChangeServices, Snapshot } from "./snapshot.ts";
import { notInPatch, treeLines } from "./tree-lines.ts";

/** Total size of the files that are shown whole. */
const mostShown = 16 * 1024 * 1024;
/** More files that are not shown whole are counted by directory. */
const mostLines = 10_000;
/** Ignored new files are kept in the patch up to this total size. */
const mostIgnoredKept = 64 * 1024 * 1024;
/** Files can change during the comparison, such as those of a hook's server. */
const attempts = 3;

/**
 * Returns the workspace's changes since its snapshot; undefined if there are none. @throws
 * AgentvError
 */
export async function changesSince(
	snapshot: Snapshot,
	root: string,
	services: ChangeServices,
): Promise<FileChanges | undefined> {
	for (let attempt = 1; ; attempt++) {
		const openings = new Openings();
		try {
			return await changesNow(snapshot, root, services, openings);
		} catch (error) {
			const hasGone = error instanceof AgentvError && error.code === "not-found";
			if (!hasGone || attempt === attempts) throw error;
		} finally {
			openings.close();
		}
	}
}

async function changesNow(
	snapshot: Snapshot,
	root: string,
	services: ChangeServices,
	openings: Openings,
): Promise<FileChanges | undefined> {
	const notes = await noteTree(root, services.signal, openings);
	const changes = await changedFiles(snapshot, notes, root, services, openings);
	const lines = treeLines(snapshot.notes, notes);
	if (changes.length === 0 && lines.length === 0) return undefined;
	const ignored = await manyIgnored(changes, services);
	const hunks = await wholeHunks(changes, ignored, services);
	const patch = await patchOf(changes, hunks, ignored, lines, services);
	const isWhole = hunks.size === changes.length && changes.every(isText);
	if (isWhole && "text" in patch) return { shown: patch.text, patch };
	return { shown: shownText(changes, hunks, ignored, lines), patch };
}

function isText({ before, after }: FileChange): boolean {
	return [before, after].every((version) => !version || version.form === "text");
}

/** Empty for a change of only the mode, or of an empty file. */
async function wholeHunks(
	changes: readonly FileChange[],
	ignored: ReadonlySet<FileChange>,
	{ store, signal }: ChangeServices,
): Promise<ReadonlyMap<FileChange, string>> {
	const whole = withinLimit(changes.filter((change) => !ignored.has(change) && canBeWhole(change)));
	const differing = changes.filter((change) => whole.has(change) && changesContent(change));
	const save = (version: FileVersion | undefined) => {
		// Content without a source is already in the store.
		if (version?.source) store.saveBytes(bytesOfVersion(version));
		return version?.blob;
	};
	const stored: StoredChange[] = [];
	for (const { before, after } of differing) {
		stored.push({ before: save(before), after: save(after) });
		if (stored.length % 200 === 0) await new Promise((next) => setImmediate(next));
	}
	const hunks = await store.hunks(stored, signal);
	const result = new Map([...whole].map((change) => [change, ""]));
	for (const [index, change] of differing.entries()) result.set(change, hunks[index] ?? "");
	return result;
}

function canBeWhole(change: FileChange): boolean {
	if (!gitAccepts(change)) return false;
	if (!changesContent(change)) return true;
	return [change.before, change.after].every(
		(version) => !version || (version.size <= largestWhole && ["text", "other-text"].includes(version.form)),
	);
}

/** Excludes the largest until the rest fits. */
function withinLimit(changes: readonly FileChange[]): Set<FileChange> {
	const sizeOf = (change: FileChange) =>
		changesContent(change) ? Math.max(change.before?.size ?? 0, change.after?.size ?? 0) : 0;
	let total = changes.reduce((sum, change) => sum + sizeOf(change), 0);
	if (total <= mostShown) return new Set(changes);
	const bySize = [...changes].sort((one, other) => sizeOf(other) - sizeOf(one));
	const whole = new Set(changes);
	for (const change of bySize) {
		if (total <= mostShown) break;
		whole.delete(change);
		total -= sizeOf(change);
	}
	return whole;
}

/** Returns everything for `git apply`: text as it is, all else compressed. */
async function patchOf(
	changes: readonly FileChange[],
	hunks: ReadonlyMap<FileChange, string>,
	ignored: ReadonlySet<FileChange>,
	lines: readonly string[],
	services: ChangeServices,
): Promise<FileChanges["patch"]> {
	const text = new PatchText(services.patchFile);
	try {
		const leftOut = await refusedChanges(changes, hunks, ignored, services);
		if (ignored.size > 0 && [...ignored].every((change) => leftOut.has(change)))
			text.write(`${notInPatch}they are too large: ${ignoredLine(ignored)}`);
		for (const [change, reason] of leftOut)
			if (!ignored.has(change)) text.write(notInPatch + reason + changeLine(change, formName(change)).slice(2));
		for (const line of lines) text.write(line);
		for (const change of changes) {
			if (leftOut.has(change)) continue;
			const hunk = isText(change) ? hunks.get(change) : undefined;
			text.write(patchHeading(change, hunk !== undefined && hunk !== ""));
			if (hunk !== undefined) text.write(hunk);
			else if (changesContent(change)) await writeContent(change, text, services.signal);
		}
	} finally {
		text.close();
	}
	return text.result();
}

/** Returns the changes that a patch can't or must not contain, each with the reason. */
async function refusedChanges(
	changes: readonly FileChange[],
	hunks: ReadonlyMap<FileChange, string>,
	ignored: ReadonlySet<FileChange>,
	{ redact, signal }: ChangeServices,
): Promise<ReadonlyMap<FileChange, string>> {
	const refused = new Map<FileChange, string>();
	const tooMany = bytesOf([...ignored]) > mostIgnoredKept;
	for (const change of changes) {
		if (tooMany && ignored.has(change)) refused.set(change, "");
		else if (!gitAccepts(change)) refused.set(change, "git does not accept this name: ");
		else if (redact && change.after && changesContent(change) && !(isText(change) && hunks.has(change))) {
			// Compressed content can't be redacted.
			if (await holdsSecret(change.after, redact, signal)) refused.set(change, "it contains a secret: ");
		}
	}
	return refused;
}

async function writeContent({ after }: FileChange, text: PatchText, signal: AbortSignal | undefined): Promise<void> {
	const read = (take: (chunk: Buffer) => void | Promise<void>) =>
		after ? readVersion(after, take, signal) : Promise.resolve();
	await writeBinaryHunk(after?.size ?? 0, read, (piece) => text.write(piece));
}

/** Files that are not shown whole come first. `git apply` ignores their lines. */
function shownText(
	changes: readonly FileChange[],
	hunks: ReadonlyMap<FileChange, string>,
	ignored: ReadonlySet<FileChange>,
	lines: readonly string[],
): string {
	const condensed = changes.filter((change) => !hunks.has(change) && !ignored.has(change));
	const listed = condensed.slice(0, mostLines).map((change) => changeLine(change, formName(change)));
	const counted = condensed.slice(mostLines);
	const whole = changes.flatMap((change) => {
		const hunk = hunks.get(change);
		if (hunk === undefined) return [];
		if (isText(change) || !changesContent(change)) return [patchHeading(change, hunk !== "") + hunk];
		return [changeLine(change, formName(change)) + commented(hunk)];
	});
	return [
		...listed,
		...(counted.length > 0 ? [`# ${counted.length} more files: ${byDirectory(counted)}\n`] : []),
		...(ignored.size > 0 ? [`# ${ignoredLine(ignored)}`] : []),
		...lines,
		...whole,
	].join("");
}

function ignoredLine(ignored: ReadonlySet<FileChange>): string {
	return `${ignored.size} new files that the workspace's rules ignore are not shown: ${byDirectory([...ignored])}\n`;
}
