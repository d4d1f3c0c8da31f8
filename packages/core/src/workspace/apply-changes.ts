import { makeDirectories } from "../io/files/make-directories.ts";
import { readLines } from "../io/files/read-lines.ts";
import { removeEmptyDirectory } from "../io/files/remove-empty-directory.ts";
import { notePath } from "../io/files/tree-notes.ts";
import { GitError } from "../io/git/git-error.ts";
import type { ChangeServices } from "./snapshot.ts";
import { readTreeLines } from "./tree-lines.ts";
import { WorkspaceError } from "./workspace-error.ts";

/**
 * Applies a recorded patch in the workspace at `root`.
 * @throws WorkspaceError if the patch is incomplete or does not apply
 */
export async function applyChanges(
	patchFile: string,
	root: string,
	{ store, signal }: Pick<ChangeServices, "store" | "signal">,
): Promise<void> {
	const { lines, hasFiles } = readHeadLines(patchFile);
	const { makes, removes, missing } = readTreeLines(lines);
	if (missing.length > 0) {
		const first = missing[0]?.replace(/^# not in this patch, /, "");
		const more = missing.length > 1 ? `, and ${missing.length - 1} more` : "";
		throw new WorkspaceError(
			"workspace",
			"incomplete-changes",
			`${patchFile} does not contain all changes of the workspace: missing ${first}${more}`,
		);
	}
	// First, so that a file can replace directories that were empty; again later, when those around
	// them are empty.
	const removable = removes.filter((path) => notePath(`${root}/${path}`)?.kind === "directory");
	for (const path of removable) removeEmptyDirectory(placeWithin(root, path));
	if (hasFiles) await applyPatch(patchFile, root, () => store.apply(patchFile, root, signal));
	for (const path of removable)
		if (notePath(`${root}/${path}`)?.kind === "directory") removeEmptyDirectory(placeWithin(root, path));
	for (const path of makes) makeDirectories(placeWithin(root, path));
}

async function applyPatch(patchFile: string, root: string, apply: () => Promise<unknown>): Promise<void> {
	try {
		await apply();
	} catch (error) {
		if (!(error instanceof GitError) || error.code === "interrupted") throw error;
		throw new WorkspaceError(
			"workspace",
			"changes-not-applicable",
			`the changes recorded in ${patchFile} can't be applied in ${root}: ${error.message}`,
			{
				cause: error,
				hint: "The template, repositories or hooks created a different workspace than in the recorded run.",
			},
		);
	}
}

/** Reads the lines before the first file of a patch, and whether there is a file. */
function readHeadLines(patchFile: string): { readonly lines: readonly string[]; readonly hasFiles: boolean } {
	const lines: string[] = [];
	for (const line of readLines(patchFile)) {
		if (line.head(11) === "diff --git ") return { lines, hasFiles: true };
		lines.push(line.text());
	}
	return { lines, hasFiles: false };
}

/** @throws WorkspaceError for a path outside the workspace, directly or through a link */
function placeWithin(root: string, path: string): string {
	const names = path.split("/");
	let place = root;
	for (const name of names) {
		place = `${place}/${name}`;
		const note = notePath(place);
		if (["", ".", "..", ".git"].includes(name) || (note && note.kind !== "directory"))
			throw new WorkspaceError(
				"workspace",
				"changes-not-applicable",
				`${JSON.stringify(path)} is not a directory of the workspace`,
			);
	}
	return place;
}
