import { basename, join, relative, sep } from "node:path";
import { readManifest } from "../eval/bundle-manifest.ts";
import { AgentvError } from "../lib/errors.ts";
import { type ArchiveEntry, writeArchive } from "../machine/archive.ts";
import { makeTempDir } from "../machine/directories.ts";
import { isInside, pathKind, removeTree } from "../machine/files.ts";
import { emptyDirectories, listTree } from "../machine/find-files.ts";
import { type FileStream, streamFile } from "../machine/read-file.ts";
import { type BundlePlan, copySource, copyTarget } from "./collect-copies.ts";

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

/** A plan as plain data, for `--dry-run --json` and Studio's preview. Sizes in bytes. */
export interface BundleDescription {
	readonly kind: BundlePlan["kind"];
	readonly output: string;
	readonly replaces: boolean;
	readonly bytes: number;
	readonly files: readonly {
		readonly path: string;
		/** Relative to the source's repository; null for what is generated. */
		readonly source: string | null;
		readonly size: number | null;
	}[];
	readonly manifest: BundlePlan["manifest"];
	readonly warnings: BundlePlan["warnings"];
}

export function describeBundle(plan: BundlePlan): BundleDescription {
	const files = [
		...[...plan.generated].map(([path, text]) => ({ path, source: null, size: Buffer.byteLength(text) })),
		...plan.vendored.map(({ to, source }) => ({ path: to, source: source.shown, size: null })),
		...plan.copies.map((copy) => ({
			path: copyTarget(copy),
			source: relative(plan.sourceRoot, copySource(copy)).split(sep).join("/"),
			size: copy.size,
		})),
	].sort((a, b) => (a.path < b.path ? -1 : 1));
	const { kind, output, replaces, manifest, warnings } = plan;
	const bytes = files.reduce((sum, { size }) => sum + (size ?? 0), 0);
	return { kind, output, replaces, bytes, files, manifest, warnings };
}
