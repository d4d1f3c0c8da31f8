import { basename, join } from "node:path";
import { removeTree } from "../io/files/remove-tree.ts";
import { type FileStream, streamFile } from "../io/files/stream-file.ts";
import { makeTempDir } from "../io/files/temp-dir.ts";
import { archiveBundle } from "./archive-bundle.ts";

export interface ArchiveStream extends FileStream {
	/** What to call the file. */
	readonly name: string;
}

/** The bundle at `directory` as an archive to send: written to a temporary file, which goes when it was read or left. */
export async function streamArchive(
	directory: string,
	format: "tgz" | "zip",
	options: { readonly signal?: AbortSignal | undefined } = {},
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
