import { dirname } from "node:path";
import { makeDirectories } from "../io/files/make-directories.ts";
import { Openings } from "../io/files/openings.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { noteTree } from "../io/files/tree-notes.ts";
import { writeTreeFile } from "../io/files/write-tree-file.ts";
import { changedFiles } from "./changed-files.ts";
import { type FileVersion, readSource } from "./file-version.ts";
import type { ChangeServices, Snapshot } from "./snapshot.ts";
import { WorkspaceError } from "./workspace-error.ts";

/**
 * Resets the files of a workspace to the snapshot.
 * @throws WorkspaceError for a large file that hooks created, whose content is not kept
 */
export async function restoreSnapshot(snapshot: Snapshot, root: string, services: ChangeServices): Promise<void> {
	const openings = new Openings();
	try {
		const notes = await noteTree(root, services.signal, openings);
		const changes = await changedFiles(snapshot, notes, root, services, openings);
		for (const { path, after } of changes) if (after) await removeTree(`${root}/${path}`);
		for (const [path, { kind }] of notes)
			if (kind === "other" || (kind === "directory" && snapshot.notes.get(path)?.kind !== "directory"))
				await removeTree(`${root}/${path}`);
		for (const [path, { kind }] of snapshot.notes) if (kind === "directory") makeDirectories(`${root}/${path}`);
		for (const { path, before } of changes)
			if (before) {
				makeDirectories(dirname(`${root}/${path}`));
				writeTreeFile(`${root}/${path}`, await contentOf(path, before, services), before.mode);
			}
	} finally {
		openings.close();
	}
}

async function contentOf(
	path: string,
	{ source, blob, form }: FileVersion,
	{ store }: ChangeServices,
): Promise<Buffer> {
	if (source) return readSource(source);
	if (form !== "large") return store.read(blob);
	throw new WorkspaceError(
		"workspace",
		"changes-not-applicable",
		`${path}, which a hook created, is too large to be restored`,
	);
}
