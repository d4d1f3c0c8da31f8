import { createHash } from "node:crypto";
import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { Openings } from "../io/files/openings.ts";
import { compareByBytes } from "../io/files/path-order.ts";
import { refuseTooLarge, type SizedFile } from "../io/files/size-limits.ts";
import { throwIfAborted } from "../io/files/throw-if-aborted.ts";
import { isUnchanged, type TreeNote, type TreeNotes } from "../io/files/tree-notes.ts";
import type { FileChange } from "./change-text.ts";
import { type ContentMemory, describeVersion, type FileVersion, modeOf } from "./file-version.ts";
import { isGitsOwn } from "./pristine.ts";
import type { ChangeServices, Snapshot } from "./snapshot.ts";
import { WorkspaceError } from "./workspace-error.ts";

/** Files compared before yielding to other work. */
const filesPerTurn = 100;
/** Bytes of changed files that are kept in memory during the comparison. */
const mostRemembered = 16 * 1024 * 1024;

/** Returns changes of content or mode since the snapshot, in display order. */
export async function changedFiles(
	snapshot: Snapshot,
	notes: TreeNotes,
	root: string,
	services: ChangeServices,
	openings: Openings,
): Promise<FileChange[]> {
	const changes: FileChange[] = [];
	const memory: ContentMemory = { left: mostRemembered };
	let looked = 0;
	const look = async (path: string, old: TreeNote | undefined, now: TreeNote | undefined) => {
		if (now) openings.open(join(root, path), now);
		const before = old && (await oldVersion(path, old, snapshot, services));
		const after =
			now && (await describeVersion(now, sourceOf(join(root, path), now), { memory, signal: services.signal }));
		if (before?.mode === after?.mode && before?.blob === after?.blob) return;
		if (before && after && (before.mode === "120000") !== (after.mode === "120000"))
			changes.push({ path, before }, { path, after });
		else changes.push({ path, before, after });
		looked += 1;
		if (looked % filesPerTurn !== 0) return;
		await new Promise((next) => setImmediate(next));
		throwIfAborted(services.signal, "comparing the workspace");
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

/** Total bytes of new and changed files: bounded, since files can be sparse. */
const mostChanged = 1024 ** 3;

/** @throws WorkspaceError `too-large` */
function refuseTooMuch(root: string, files: readonly SizedFile[]): void {
	try {
		refuseTooLarge(`the workspace ${root}`, files, mostChanged, "Delete large files, or write them elsewhere.");
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		throw new WorkspaceError("file_changes", "too-large", error.message, {
			cause: error,
			...(error.hint === undefined ? {} : { hint: error.hint }),
		});
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

/**
 * Orders existing files by name, which the target did not choose; then new ones by size, with names
 * only deciding between equal files. So a choice of names can't hide a file behind others.
 */
function inOrder(changes: readonly FileChange[]): FileChange[] {
	const [old, added] = [changes.filter(({ before }) => before), changes.filter(({ before }) => !before)];
	old.sort((one, other) => compareByBytes(one.path, other.path));
	const key = ({ path, after }: FileChange) => `${String(after?.size ?? 0).padStart(16, "0")} ${after?.blob} ${path}`;
	const keyed = added.map((change) => [key(change), change] as const);
	keyed.sort(([one], [other]) => compareByBytes(one, other));
	return [...old, ...keyed.map(([, change]) => change)];
}

/** Up to this number of ignored new files are shown; more are counted. */
const mostIgnored = 100;
const mostIgnoredBytes = 1024 * 1024;

/** Returns the ignored new files if they are too many to be shown, such as installed packages. */
export async function manyIgnored(
	changes: readonly FileChange[],
	{ rules }: ChangeServices,
): Promise<ReadonlySet<FileChange>> {
	const isMany = (some: readonly FileChange[]) => some.length > mostIgnored || bytesOf(some) > mostIgnoredBytes;
	const added = changes.filter(({ before }) => !before);
	if (!isMany(added)) return new Set();
	const ignored = await rules.ignored(added.map(({ path }) => path));
	const hidden = added.filter(({ path }) => ignored.has(path));
	return isMany(hidden) ? new Set(hidden) : new Set();
}

export function bytesOf(changes: readonly FileChange[]): number {
	return changes.reduce((sum, { after }) => sum + (after?.size ?? 0), 0);
}

/** Summarizes changes by top directory: number of files, bytes and a digest. */
export function byDirectory(changes: readonly FileChange[]): string {
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
	lines.sort((one, other) => compareByBytes(one.path, other.path));
	const digest = createHash("sha256");
	for (const { line } of lines) digest.update(line);
	return `${name} (${group.length} files, ${bytesOf(group)} bytes, sha256 ${digest.digest("hex")})`;
}
