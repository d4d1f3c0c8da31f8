import { join } from "node:path";
import type { Redactor } from "../base/redact.ts";
import { Openings } from "../io/files/openings.ts";
import { largestTree, refuseTooLarge } from "../io/files/size-limits.ts";
import { isUnchanged, noteTree, type TreeNote, type TreeNotes } from "../io/files/tree-notes.ts";
import type { ChangeStore } from "./change-store.ts";
import { type Content, describeBytes, describeVersion, largestWhole, readSource } from "./file-version.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import { isGitsOwn, type Pristine } from "./pristine.ts";

/** The workspace's state when the target started. */
export interface Snapshot {
	readonly notes: TreeNotes;
	/** Files that differ from the pristine tree. Contents that are not `large` are in the store. */
	readonly saved: ReadonlyMap<string, Content>;
}

export interface ChangeServices {
	readonly pristine: Pristine;
	readonly store: ChangeStore;
	readonly rules: IgnoreRules;
	/** Returns the path of a new file for a patch that is too large for memory. */
	readonly patchFile: () => string;
	/** Finds the run's secrets, which must not be stored in a form that hides them. */
	readonly redact?: Redactor | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface SnapshotInput {
	/** Notes of the workspace after its reset or copy. */
	readonly clean: TreeNotes;
	/** Whether anything ran in it since. */
	readonly touched: boolean;
	/** The previous snapshot of the same directory: unchanged contents need not be stored again. */
	readonly previous?: Snapshot | undefined;
}

/** Files stored before yielding to other work. */
const savedPerTurn = 200;

/** Takes the snapshot of a workspace that hooks and extensions may have changed. */
export async function takeSnapshot(root: string, input: SnapshotInput, services: ChangeServices): Promise<Snapshot> {
	const openings = new Openings();
	try {
		const notes = input.touched ? await noteTree(root, services.signal, openings) : input.clean;
		return { notes, saved: await savedContents(root, notes, input, services, openings) };
	} finally {
		openings.close();
	}
}

/** Returns the files that differ from the pristine tree, with their contents stored. */
async function savedContents(
	root: string,
	notes: TreeNotes,
	{ clean, previous }: SnapshotInput,
	services: ChangeServices,
	openings: Openings,
): Promise<Map<string, Content>> {
	const saved = new Map<string, Content>();
	const files = [...notes].filter(([path, { kind }]) => kind === "file" && !services.pristine.has(path));
	refuseTooLarge(
		`the workspace ${root}`,
		files.map(([path, { size }]) => ({ path, size })),
		largestTree,
	);
	const touchedNow: TreeNote[] = [];
	for (const [path, note] of notes) {
		const old = clean.get(path);
		if (note.kind !== "file" || isGitsOwn(path)) continue;
		if (services.pristine.has(path) && old && isUnchanged(old, note)) continue;
		const [before, content] = [previous?.notes.get(path), previous?.saved.get(path)];
		if (before && content && isUnchanged(before, note)) saved.set(path, content);
		else {
			openings.open(join(root, path), note);
			saved.set(path, await save(join(root, path), note, services));
		}
		touchedNow.push(note);
		if (touchedNow.length % savedPerTurn === 0) await new Promise((next) => setImmediate(next));
	}
	await letTimePass(touchedNow);
	return saved;
}

async function save(file: string, note: TreeNote, { store, signal }: ChangeServices): Promise<Content> {
	// The old content of a large file is never needed, only its metadata.
	if (note.size > largestWhole) return describeVersion(note, { file }, { signal });
	const bytes = readSource({ file });
	store.saveBytes(bytes);
	return describeBytes(bytes);
}

/** A change in the same tick as a hook's, of the same length, would be undetectable. */
async function letTimePass(notes: readonly TreeNote[]): Promise<void> {
	const youngest = notes.reduce((latest, { ctimeMs }) => Math.max(latest, ctimeMs), 0);
	const wait = youngest + 20 - Date.now();
	if (wait > 0 && wait <= 20) await new Promise((resolve) => setTimeout(resolve, wait));
}
