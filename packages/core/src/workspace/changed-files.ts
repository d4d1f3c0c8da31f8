import { createHash } from "node:crypto";
import { join } from "node:path";
import { AgentvError } from "../lib/errors.ts";
import { compareByBytes, refuseTooLarge, type SizedFile, yielding } from "../machine/files.ts";
import { Openings } from "../machine/read-file.ts";
import { isUnchanged, noteTree, type TreeNote, type TreeNotes } from "../machine/tree-notes.ts";
import { type FileChanges, WorkspaceError } from "./contract.ts";
import {
	changeLine,
	changesContent,
	commented,
	type FileChange,
	formName,
	gitAccepts,
	notInPatch,
	PatchText,
	patchHeading,
	treeLines,
	writeBinaryHunk,
} from "./patch.ts";
import {
	bytesOfVersion,
	type ChangeServices,
	type ContentMemory,
	describeVersion,
	type FileVersion,
	holdsSecret,
	isGitsOwn,
	largestWhole,
	modeOf,
	readVersion,
	type Snapshot,
	type StoredChange,
} from "./snapshot.ts";

/** Bytes of changed files to keep in memory during the comparison. */
const maxRemembered = 16 * 1024 * 1024;

export async function changedFiles(
	snapshot: Snapshot,
	notes: TreeNotes,
	root: string,
	services: ChangeServices,
	openings: Openings,
): Promise<FileChange[]> {
	const changes: FileChange[] = [];
	const memory: ContentMemory = { left: maxRemembered };
	const nextTurn = yielding("comparing the workspace", services.signal);
	const look = async (path: string, old: TreeNote | undefined, now: TreeNote | undefined) => {
		if (now) openings.open(join(root, path), now);
		const before = old && (await oldVersion(path, old, snapshot, services));
		const after =
			now && (await describeVersion(now, sourceOf(join(root, path), now), { memory, signal: services.signal }));
		if (before?.mode === after?.mode && before?.blob === after?.blob) return;
		if (before && after && (before.mode === "120000") !== (after.mode === "120000"))
			changes.push({ path, before }, { path, after });
		else changes.push({ path, before, after });
		await nextTurn();
	};
	const differing: (readonly [path: string, old: TreeNote | undefined, now: TreeNote | undefined])[] = [];
	for (const [path, note] of notes) {
		if (isGitsOwn(path)) continue;
		const [old, now] = [content(snapshot.notes.get(path)), content(note)];
		if ((old || now) && !(old && now && isUnchanged(old, now))) differing.push([path, old, now]);
	}
	refuseTooMuch(
		root,
		differing.flatMap(([path, , now]) => (now ? [{ path, size: now.size }] : [])),
	);
	for (const [path, old, now] of differing) await look(path, old, now);
	for (const [path, note] of snapshot.notes)
		if (!notes.has(path) && !isGitsOwn(path) && content(note)) await look(path, note, undefined);
	return inOrder(changes);
}

/** Total bytes of new and changed files, which can be sparse. */
const maxChanged = 1024 ** 3;

/** @throws WorkspaceError `too-large` */
function refuseTooMuch(root: string, files: readonly SizedFile[]): void {
	try {
		refuseTooLarge(`the workspace ${root}`, files, maxChanged, "Delete large files, or write them elsewhere.");
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		throw new WorkspaceError("file_changes", "too-large", error.message, { cause: error, hint: error.hint });
	}
}

function content(note: TreeNote | undefined): TreeNote | undefined {
	return note?.kind === "file" || note?.kind === "link" ? note : undefined;
}

async function oldVersion(
	path: string,
	note: TreeNote,
	{ saved }: Snapshot,
	{ pristine, signal }: ChangeServices,
): Promise<FileVersion> {
	const kept = saved.get(path);
	if (kept) return { ...kept, mode: modeOf(note) };
	return describeVersion(note, sourceOf(join(pristine.root, path), note), { signal });
}

function sourceOf(file: string, { target }: TreeNote): NonNullable<FileVersion["source"]> {
	return target === undefined ? { file } : { link: target };
}

/** Existing files by name, new ones by size: a choice of names can't hide a file behind others. */
function inOrder(changes: readonly FileChange[]): FileChange[] {
	const [old, added] = [changes.filter(({ before }) => before), changes.filter(({ before }) => !before)];
	old.sort((a, b) => compareByBytes(a.path, b.path));
	const key = ({ path, after }: FileChange) => `${String(after?.size ?? 0).padStart(16, "0")} ${after?.blob} ${path}`;
	const keyed = added.map((change) => [key(change), change] as const);
	keyed.sort(([a], [b]) => compareByBytes(a, b));
	return [...old, ...keyed.map(([, change]) => change)];
}

/** More ignored new files are counted instead of shown. */
const maxIgnored = 100;
const maxIgnoredBytes = 1024 * 1024;

/**
 * Returns undefined if the ignored new files are few enough to be shown, unlike installed packages.
 */
async function manyIgnored(
	changes: readonly FileChange[],
	{ rules }: ChangeServices,
): Promise<ReadonlySet<FileChange>> {
	const isMany = (some: readonly FileChange[]) => some.length > maxIgnored || bytesOf(some) > maxIgnoredBytes;
	const added = changes.filter(({ before }) => !before);
	if (!isMany(added)) return new Set();
	const ignored = await rules.ignored(added.map(({ path }) => path));
	const hidden = added.filter(({ path }) => ignored.has(path));
	return isMany(hidden) ? new Set(hidden) : new Set();
}

function bytesOf(changes: readonly FileChange[]): number {
	return changes.reduce((sum, { after }) => sum + (after?.size ?? 0), 0);
}

function byDirectory(changes: readonly FileChange[]): string {
	const groups = new Map<string, FileChange[]>();
	for (const change of changes) {
		const top = change.path.includes("/") ? `${change.path.split("/")[0]}/` : change.path;
		const group = groups.get(top) ?? [];
		groups.set(top, group);
		group.push(change);
	}
	const listed = [...groups].slice(0, 20).map(([top, group]) => describeGroup(JSON.stringify(top).slice(1, -1), group));
	const rest = [...groups].slice(20).flatMap(([, group]) => group);
	return [...listed, ...(rest.length > 0 ? [describeGroup("others", rest)] : [])].join(", ");
}

/** The digest covers a line `sha256  path` per file, sorted by path. */
function describeGroup(name: string, group: readonly FileChange[]): string {
	const lines = group.map(({ path, after }) => ({ path, line: `${after?.sha256}  ${path}\n` }));
	lines.sort((a, b) => compareByBytes(a.path, b.path));
	const digest = createHash("sha256");
	for (const { line } of lines) digest.update(line);
	return `${name} (${group.length} files, ${bytesOf(group)} bytes, sha256 ${digest.digest("hex")})`;
}

/** Total bytes of the files that are shown whole. */
const maxShown = 16 * 1024 * 1024;
/** More files that are not shown whole are counted by directory. */
const maxLines = 10_000;
/** Total bytes of ignored new files that the patch contains. */
const maxIgnoredKept = 64 * 1024 * 1024;
/** Files can change during the comparison, such as those of a hook's server. */
const attempts = 3;

/** Returns undefined if there are no changes. @throws AgentvError */
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
	const nextTurn = yielding("comparing the workspace", signal);
	for (const { before, after } of differing) {
		stored.push({ before: save(before), after: save(after) });
		await nextTurn();
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

function withinLimit(changes: readonly FileChange[]): Set<FileChange> {
	const sizeOf = (change: FileChange) =>
		changesContent(change) ? Math.max(change.before?.size ?? 0, change.after?.size ?? 0) : 0;
	let total = changes.reduce((sum, change) => sum + sizeOf(change), 0);
	if (total <= maxShown) return new Set(changes);
	const bySize = [...changes].sort((a, b) => sizeOf(b) - sizeOf(a));
	const whole = new Set(changes);
	for (const change of bySize) {
		if (total <= maxShown) break;
		whole.delete(change);
		total -= sizeOf(change);
	}
	return whole;
}

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

/** Returns changes that a patch can't or must not contain, with the reasons. */
async function refusedChanges(
	changes: readonly FileChange[],
	hunks: ReadonlyMap<FileChange, string>,
	ignored: ReadonlySet<FileChange>,
	{ redact, signal }: ChangeServices,
): Promise<ReadonlyMap<FileChange, string>> {
	const refused = new Map<FileChange, string>();
	const tooMany = bytesOf([...ignored]) > maxIgnoredKept;
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

/** Files that are not shown whole come first; `git apply` ignores their lines. */
function shownText(
	changes: readonly FileChange[],
	hunks: ReadonlyMap<FileChange, string>,
	ignored: ReadonlySet<FileChange>,
	lines: readonly string[],
): string {
	const condensed = changes.filter((change) => !hunks.has(change) && !ignored.has(change));
	const listed = condensed.slice(0, maxLines).map((change) => changeLine(change, formName(change)));
	const counted = condensed.slice(maxLines);
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
