import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import type { ArchiveEntry, ArchiveOptions } from "./archive-entry.ts";

/** Writes a zip file with Unix modes and symbolic links. */
export async function writeZip(
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
