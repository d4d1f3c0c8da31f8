import { basename, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { ArchiveEntry } from "../io/archive/archive-entry.ts";
import { writeArchive } from "../io/archive/write-archive.ts";
import { emptyDirectories } from "../io/files/empty-directories.ts";
import { listTree } from "../io/files/list-tree.ts";
import { isInside } from "../io/files/path-inside.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { readManifest } from "../model/manifest.ts";

/** @throws AgentvError `refused` where the archive of a bundle at `output` must not be written to `file` */
export function judgeArchive(file: string, output: string, force: boolean): void {
	if (isInside(output, file))
		throw new AgentvError("refused", `the archive ${file} is inside the bundle`, { hint: "choose a file next to it" });
	const kind = pathKind(file);
	if (kind === "directory") throw new AgentvError("refused", `the archive ${file} is a directory`);
	if (kind !== "missing" && !force)
		throw new AgentvError("refused", `the archive ${file} already exists`, { hint: "--force overwrites it" });
}

/** Writes the bundle at `directory` as one archive, everything below a folder of the directory's name. */
export async function archiveBundle(
	directory: string,
	file: string,
	options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
	const folder = basename(directory);
	const listed = listTree(directory);
	const empty = new Set(emptyDirectories(listed));
	const entries = listed.flatMap(({ path, kind, size, mode, target }): ArchiveEntry[] => {
		if (kind === "other" || (kind === "directory" && !empty.has(path))) return [];
		const place = { path: `${folder}/${path}`, from: join(directory, path) };
		return [{ kind, ...place, size, executable: (mode & 0o100) !== 0, link: target }];
	});
	await writeArchive(file, entries, { ...options, time: new Date(readManifest(directory).createdAt) });
}
