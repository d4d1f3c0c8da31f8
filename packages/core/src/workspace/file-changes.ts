import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { Openings } from "../io/files/openings.ts";
import { isRawPath, quotedRawPath } from "../io/files/raw-path.ts";
import { isUnchanged, noteTree, type TreeNote, type TreeNotes } from "../io/files/tree-notes.ts";
import type { ChangeStore, StoredFile } from "./change-store.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import { isGitsOwn, type Pristine } from "./pristine.ts";

/** What the workspace held when the target began. */
export interface Snapshot {
	readonly notes: TreeNotes;
	/** Contents of the files that differ from the pristine tree. */
	readonly saved: ReadonlyMap<string, string>;
}

export interface ChangeServices {
	readonly pristine: Pristine;
	readonly store: ChangeStore;
	readonly rules: IgnoreRules;
	readonly signal?: AbortSignal | undefined;
}

interface Change {
	readonly path: string;
	readonly before?: TreeNote | undefined;
	readonly after?: TreeNote | undefined;
}

/** Files larger than this are named, not shown. */
const largestShown = 2 * 1024 * 1024;
/** What all files together may have; further ones are named, not shown. */
const mostShown = 16 * 1024 * 1024;
/** New files that the workspace's own rules ignore are shown up to these; beyond them they are counted. */
const mostIgnored = 100;
const mostIgnoredBytes = 1024 * 1024;
/** Files stored before other work gets its turn. */
const savedPerTurn = 200;

export interface SnapshotInput {
	/** Notes of the workspace as it was when reset or copied. */
	readonly clean: TreeNotes;
	/** Whether anything ran in it since. */
	readonly touched: boolean;
	/** The snapshot before, of the same directory: contents that are the same still need not be stored again. */
	readonly previous?: Snapshot | undefined;
}

/** Takes the snapshot of a workspace that hooks and extensions may have changed since it was clean. */
export async function takeSnapshot(root: string, input: SnapshotInput, services: ChangeServices): Promise<Snapshot> {
	const openings = new Openings();
	try {
		const notes = input.touched ? await noteTree(root, services.signal, openings) : input.clean;
		return { notes, saved: await savedContents(root, notes, input, services, openings) };
	} finally {
		openings.close();
	}
}

/** SHAs of the files that differ from the pristine tree, their contents stored. */
async function savedContents(
	root: string,
	notes: TreeNotes,
	{ clean, previous }: SnapshotInput,
	services: ChangeServices,
	openings: Openings,
): Promise<Map<string, string>> {
	const saved = new Map<string, string>();
	const touchedNow: TreeNote[] = [];
	for (const [path, note] of notes) {
		const old = clean.get(path);
		if (note.kind !== "file" || isGitsOwn(path)) continue;
		if (services.pristine.has(path) && old && isUnchanged(old, note)) continue;
		const [before, sha] = [previous?.notes.get(path), previous?.saved.get(path)];
		if (before && sha !== undefined && isUnchanged(before, note)) saved.set(path, sha);
		// What is too large to be shown is told from another version by its notes alone.
		else if (note.size <= largestShown) {
			openings.open(join(root, path), note);
			saved.set(path, services.store.saveFile(join(root, path)));
		}
		touchedNow.push(note);
		if (touchedNow.length % savedPerTurn === 0) await new Promise((next) => setImmediate(next));
	}
	await letTimePass(touchedNow);
	return saved;
}

/** File systems keep time in ticks: a change in the same tick as a hook's, of the same length, could not be told from it. */
async function letTimePass(notes: readonly TreeNote[]): Promise<void> {
	const youngest = notes.reduce((latest, { ctimeMs }) => Math.max(latest, ctimeMs), 0);
	const wait = youngest + 20 - Date.now();
	if (wait > 0 && wait <= 20) await new Promise((resolve) => setTimeout(resolve, wait));
}

/** How often to look again when files come and go while we look, as those of a server that a hook started. */
const attempts = 3;

/** The unified diff of the workspace against its snapshot, `undefined` when nothing changed. */
export async function diffAgainst(
	snapshot: Snapshot,
	root: string,
	services: ChangeServices,
): Promise<string | undefined> {
	for (let attempt = 1; ; attempt++) {
		const openings = new Openings();
		try {
			return await diffNow(snapshot, root, services, openings);
		} catch (error) {
			const hasGone = error instanceof AgentvError && error.code === "not-found";
			if (!hasGone || attempt === attempts) throw error;
		} finally {
			openings.close();
		}
	}
}

async function diffNow(
	snapshot: Snapshot,
	root: string,
	services: ChangeServices,
	openings: Openings,
): Promise<string | undefined> {
	const notes = await noteTree(root, services.signal, openings);
	const all = changesBetween(snapshot.notes, notes);
	const nameless = [...notes.keys()].filter((path) => isRawPath(path) && !snapshot.notes.has(path) && !isGitsOwn(path));
	if (all.length + nameless.length === 0) return undefined;
	const { kept, counted } = await withoutManyIgnored(all, services.rules);
	const { shown, named } = partition(kept);
	const before = await stored(shown, "before", (path) => oldContent(path, snapshot, services), services.store);
	for (const { path, after } of shown) if (after) openings.open(join(root, path), after);
	const after = await stored(shown, "after", (path) => ({ file: join(root, path) }), services.store);
	const text = await services.store.diff(before, after, services.signal);
	const parts = [text, ...named.map(nameChange), ...nameless.map(tellNameless), counted];
	return parts.filter((part) => part !== "").join("") || undefined;
}

function changesBetween(before: TreeNotes, after: TreeNotes): Change[] {
	const content = (note: TreeNote | undefined) => (note?.kind === "file" || note?.kind === "link" ? note : undefined);
	const changes: Change[] = [];
	for (const [path, note] of after) {
		const [old, now] = [content(before.get(path)), content(note)];
		if ((!old && !now) || isGitsOwn(path)) continue;
		if (!old || !now || !isUnchanged(old, now)) changes.push({ path, before: old, after: now });
	}
	for (const [path, note] of before) {
		if (!after.has(path) && content(note) && !isGitsOwn(path)) changes.push({ path, before: note });
	}
	return changes;
}

/** A few ignored files are shown like others; thousands (installed packages) are counted by their top directories. */
async function withoutManyIgnored(
	changes: readonly Change[],
	rules: IgnoreRules,
): Promise<{ kept: readonly Change[]; counted: string }> {
	const added = changes.filter(({ before }) => !before);
	const bytes = added.reduce((sum, { after }) => sum + (after?.size ?? 0), 0);
	if (added.length <= mostIgnored && bytes <= mostIgnoredBytes) return { kept: changes, counted: "" };
	const ignored = await rules.ignored(added.map(({ path }) => path));
	const hidden = added.filter(({ path }) => ignored.has(path));
	const hiddenBytes = hidden.reduce((sum, { after }) => sum + (after?.size ?? 0), 0);
	if (hidden.length <= mostIgnored && hiddenBytes <= mostIgnoredBytes) return { kept: changes, counted: "" };
	const counts = new Map<string, number>();
	for (const { path } of hidden) {
		const top = path.includes("/") ? `${path.split("/")[0]}/` : path;
		counts.set(top, (counts.get(top) ?? 0) + 1);
	}
	const list = [...counts].slice(0, 20).map(([top, count]) => `${top} (${count})`);
	const counted = `# ${hidden.length} new files that the workspace's rules ignore are not shown: ${list.join(", ")}\n`;
	return { kept: changes.filter(({ path, before }) => before || !ignored.has(path)), counted };
}

function partition(changes: readonly Change[]): { shown: Change[]; named: Change[] } {
	const [shown, named]: [Change[], Change[]] = [[], []];
	let total = 0;
	for (const change of changes) {
		const size = Math.max(change.before?.size ?? 0, change.after?.size ?? 0);
		total += size;
		(size > largestShown || total > mostShown ? named : shown).push(change);
	}
	return { shown, named };
}

function oldContent(path: string, snapshot: Snapshot, { pristine }: ChangeServices): Content {
	const sha = snapshot.saved.get(path);
	return sha === undefined ? { file: join(pristine.root, path) } : { sha };
}

/** Where a version of a file is to be had. */
type Content = { readonly file: string } | { readonly sha: string };

/** One side of the changes, its contents in the store. */
async function stored(
	changes: readonly Change[],
	side: "before" | "after",
	contentOf: (path: string) => Content,
	store: ChangeStore,
): Promise<StoredFile[]> {
	const files: StoredFile[] = [];
	for (const { path, [side]: note } of changes) {
		if (!note) continue;
		const content = contentOf(path);
		if (note.kind === "link") {
			files.push({ path, mode: "120000", sha: store.saveBytes(Buffer.from(note.target ?? "")) });
			continue;
		}
		const sha = "sha" in content ? content.sha : store.saveFile(content.file);
		files.push({ path, mode: note.mode & 0o100 ? "100755" : "100644", sha });
		if (files.length % savedPerTurn === 0) await new Promise((next) => setImmediate(next));
	}
	return files;
}

/** What a diff says of something new whose name is no text. */
function tellNameless(path: string): string {
	const shown = `"b/${quotedRawPath(path)}"`;
	return `diff --git "a/${shown.slice(3)} ${shown}\nnew file mode 100644\n# its name is not UTF-8\nBinary files /dev/null and ${shown} differ\n`;
}

/** What a diff says of a file whose content it does not show. */
function nameChange({ path: raw, before, after }: Change): string {
	const path = /\p{Cc}/u.test(raw) ? JSON.stringify(raw).slice(1, -1) : raw;
	const [from, to] = [before ? `a/${path}` : "/dev/null", after ? `b/${path}` : "/dev/null"];
	const mode = before ? (after ? "" : "deleted file mode 100644\n") : "new file mode 100644\n";
	const sizes = `${before?.size ?? 0} → ${after?.size ?? 0} bytes`;
	return `diff --git a/${path} b/${path}\n${mode}# ${sizes}: too large to be shown\nBinary files ${from} and ${to} differ\n`;
}
