import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import { readStream } from "../files/stream-file.ts";
import type { ArchiveEntry, ArchiveOptions } from "./archive-entry.ts";

/** Writes a gzipped tar file in one pass: no user, no group, the same time for all entries. */
export async function writeTar(
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
