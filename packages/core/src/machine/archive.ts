import { createWriteStream } from "node:fs";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { ZipFile } from "yazl";
import { AgentvError } from "../lib/errors.ts";
import { besideName, makeDirectory } from "./directories.ts";
import { fileError, removeTree, throwIfAborted } from "./files.ts";
import { readStream } from "./read-file.ts";
import { renamePath } from "./write-file.ts";

function isArchiveName(file: string): boolean {
	return /\.(tgz|tar\.gz|zip)$/i.test(file);
}

/**
 * No partial archive remains after a failure.
 * @throws AgentvError `usage` for an extension other than `.tgz`, `.tar.gz` and `.zip`,
 * `interrupted`
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

export interface ArchiveEntry {
	readonly kind: "file" | "link" | "directory";
	/** Path in the archive, `/` between components. */
	readonly path: string;
	/** Absolute; unused for links, whose text is in `link`. */
	readonly from: string;
	readonly size: number;
	readonly executable: boolean;
	readonly link?: string | undefined;
}

interface ArchiveOptions {
	readonly time: Date;
	readonly signal?: AbortSignal | undefined;
}

async function writeTar(
	file: string,
	entries: Iterable<ArchiveEntry>,
	{ time, signal }: ArchiveOptions,
): Promise<void> {
	const archive = pack();
	const written = pipeline(archive, createGzip(), createWriteStream(file, { flags: "wx" }), {
		...(signal ? { signal } : {}),
	});
	const filled = (async () => {
		for (const entry of entries) {
			signal?.throwIfAborted();
			await add(archive, entry, time);
		}
		archive.finalize();
	})();
	// If either side fails, the other must not wait forever; wait for both.
	filled.catch((error: Error) => archive.destroy(error));
	written.catch((error: Error) => archive.destroy(error));
	const [fill, write] = await Promise.allSettled([filled, written]);
	for (const result of [write, fill]) if (result.status === "rejected") throw result.reason;
}

async function add(archive: ReturnType<typeof pack>, entry: ArchiveEntry, time: Date): Promise<void> {
	const header = { name: entry.path, mtime: time, mode: entry.executable ? 0o755 : 0o644 };
	if (entry.link !== undefined) {
		archive.entry({ ...header, mode: 0o777, type: "symlink", linkname: entry.link });
		return;
	}
	if (entry.kind === "directory") {
		archive.entry({ ...header, mode: 0o755, type: "directory" });
		return;
	}
	const target = archive.entry({ ...header, type: "file", size: entry.size });
	if (entry.size === 0) target.end();
	else await pipeline(readStream(entry.from).file, target);
}

async function writeZip(
	file: string,
	entries: Iterable<ArchiveEntry>,
	{ time, signal }: ArchiveOptions,
): Promise<void> {
	const zip = new ZipFile();
	for (const { kind, path, from, executable, link } of entries) {
		if (kind === "directory") zip.addEmptyDirectory(path, { mtime: time, mode: 0o40755 });
		else if (link === undefined) zip.addFile(from, path, { mtime: time, mode: executable ? 0o100755 : 0o100644 });
		else zip.addBuffer(Buffer.from(link), path, { mtime: time, mode: 0o120777, compress: false });
	}
	zip.end();
	const failed = new Promise<never>((_, reject) => zip.on("error", reject));
	const written = pipeline(zip.outputStream, createWriteStream(file, { flags: "wx" }), {
		...(signal ? { signal } : {}),
	});
	await Promise.race([written, failed]);
}
