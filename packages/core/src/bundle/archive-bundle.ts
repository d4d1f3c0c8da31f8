import { basename, join } from "node:path";
import { readManifest } from "../eval/bundle-manifest.ts";
import { AgentvError } from "../lib/errors.ts";
import { type ArchiveEntry, writeArchive } from "../machine/archive.ts";
import { makeTempDir } from "../machine/directories.ts";
import { isInside, pathKind, removeTree } from "../machine/files.ts";
import { emptyDirectories, listTree } from "../machine/find-files.ts";
import { type FileStream, streamFile } from "../machine/read-file.ts";

/** @throws AgentvError `refused` if the archive must not be written to `file` */
export function judgeArchive(file: string, output: string, force: boolean): void {
	if (isInside(output, file))
		throw new AgentvError("refused", `the archive ${file} is inside the bundle`, { hint: "choose a file next to it" });
	const kind = pathKind(file);
	if (kind === "directory") throw new AgentvError("refused", `the archive ${file} is a directory`);
	if (kind !== "missing" && !force)
		throw new AgentvError("refused", `the archive ${file} already exists`, { hint: "--force overwrites it" });
}

interface ArchiveOptions {
	readonly signal?: AbortSignal | undefined;
}

/** Writes the bundle at `directory` as an archive with a top-level directory of its name. */
export async function archiveBundle(directory: string, file: string, options: ArchiveOptions = {}): Promise<void> {
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

export interface ArchiveStream extends FileStream {
	/** File name for the download. */
	readonly name: string;
}

/** The archive is a temporary file that is removed after reading. */
export async function streamArchive(
	directory: string,
	format: "tgz" | "zip",
	options: ArchiveOptions = {},
): Promise<ArchiveStream> {
	const place = makeTempDir("agentv-archive-");
	const name = `${basename(directory)}.${format}`;
	try {
		await archiveBundle(directory, join(place, name), options);
		return { name, ...streamFile(join(place, name), () => void removeTree(place)) };
	} catch (error) {
		await removeTree(place);
		throw error;
	}
}
