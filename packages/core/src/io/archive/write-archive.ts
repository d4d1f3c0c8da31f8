import { dirname } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { fileError } from "../files/file-error.ts";
import { makeDirectory } from "../files/make-directory.ts";
import { removeTree } from "../files/remove-tree.ts";
import { besideName } from "../files/staged-files.ts";
import { throwIfAborted } from "../files/throw-if-aborted.ts";
import { renamePath } from "../files/write-new.ts";
import type { ArchiveEntry, ArchiveOptions } from "./archive-entry.ts";
import { writeTar } from "./write-tar.ts";
import { writeZip } from "./write-zip.ts";

export function isArchiveName(file: string): boolean {
	return /\.(tgz|tar\.gz|zip)$/i.test(file);
}

/**
 * Writes `entries` as a `.tgz`, `.tar.gz` or `.zip`, depending on the name of `file`: to a
 * temporary neighbor first, then renamed, so that no partial archive remains.
 * @throws AgentvError `usage` for another extension, `interrupted` once the signal is aborted, or a
 * file error
 */
export async function writeArchive(
	file: string,
	entries: Iterable<ArchiveEntry>,
	options: ArchiveOptions,
): Promise<void> {
	if (!isArchiveName(file)) throw new AgentvError("usage", `${file} is not a .tgz or .zip file`);
	makeDirectory(dirname(file));
	throwIfAborted(options.signal, "archiving");
	const staged = besideName(file);
	try {
		await (/\.zip$/i.test(file) ? writeZip : writeTar)(staged, entries, options);
		renamePath(staged, file);
	} catch (error) {
		await removeTree(staged);
		throwIfAborted(options.signal, "archiving");
		throw fileError(file, error);
	}
}
