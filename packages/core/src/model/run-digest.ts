import { basename, dirname, join } from "node:path";
import { createDigest, digestFile, digestText } from "../io/files/digest-tree.ts";
import { listEntry } from "../io/files/list-entry.ts";
import { walkTree } from "../io/files/list-tree.ts";
import { isLockName } from "../io/files/lock.ts";
import { compareByBytes } from "../io/files/path-order.ts";
import { readBytes } from "../io/files/read-text.ts";
import { removeEmptyDirectory } from "../io/files/remove-empty-directory.ts";
import { isStagedName } from "../io/files/staged-files.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { syncFiles } from "../io/files/sync-files.ts";
import { writeAtomic } from "../io/files/write-atomic.ts";
import { forbidExecution } from "../io/files/write-note.ts";
import { sumLine } from "./bundle-digest.ts";

/** `sha256sum` lines for the record's files. The run's digest is the SHA-256 of this file. */
export const digestName = "run.sha256";
/** A signature of `run.sha256`, as created by `ssh-keygen -Y sign`. */
export const signatureName = `${digestName}.sig`;

/** A file of a run's record that does not match its digest. */
export interface DigestProblem {
	readonly kind: "digest-missing" | "digest-unreadable" | "file-added" | "file-changed" | "file-kind" | "file-missing";
	/** Relative to the run's directory. */
	readonly file: string;
}

export interface DigestCheck {
	/** Absent if the run has none. */
	readonly digest?: string;
	readonly problems: readonly DigestProblem[];
}

interface RecordFiles {
	/** Regular files, in byte order of their paths. */
	readonly plain: readonly string[];
	/** Links and special files. */
	readonly odd: readonly string[];
	/** Executable files; empty if all are: some file systems report that for every file. */
	readonly executable: readonly string[];
	/** Directories without any file, each before nested ones. */
	readonly empty: string[];
}

/** Skips digest, signature, locks, and partial files of a killed command. */
function recordFiles(directory: string): RecordFiles {
	const plain: string[] = [];
	const odd: string[] = [];
	const executable: string[] = [];
	let files = 0;
	const empty = new Set<string>();
	for (const { path, kind, mode } of walkTree(directory)) {
		if (kind === "directory") {
			empty.add(path);
			continue;
		}
		if (kind === "file" && (isLockName(path) || isStagedName(basename(path)))) continue;
		for (let at = dirname(path); empty.delete(at); at = dirname(at));
		if (kind !== "file") {
			odd.push(path);
			continue;
		}
		files += 1;
		if ((mode & 0o111) !== 0) executable.push(path);
		if (path !== digestName && path !== signatureName) plain.push(path);
	}
	const saysNothing = executable.length === files;
	return { plain: plain.sort(compareByBytes), odd, executable: saysNothing ? [] : executable, empty: [...empty] };
}

/** Makes what a run has recorded so far survive a power failure. @throws AgentvError */
export async function syncRecord(directory: string): Promise<void> {
	await syncFiles(
		directory,
		recordFiles(directory).plain.map((path) => join(directory, path)),
	);
}

/**
 * Writes the digest of a run whose record is complete.
 * @param written the SHA-256 of files that the run wrote, by their paths
 * @returns the paths of those that changed meanwhile: then no digest is written
 * @throws AgentvError
 */
export function writeRunDigest(directory: string, written: ReadonlyMap<string, string> = new Map()): readonly string[] {
	const { plain, executable, empty } = recordFiles(directory);
	for (const path of executable) forbidExecution(join(directory, path));
	// Unrecorded leftovers of an attempt; remove inner directories first.
	for (const path of empty.reverse()) removeEmptyDirectory(join(directory, path));
	const sums = new Map(plain.map((path) => [path, digestFile(join(directory, path))]));
	const changed = [...written].flatMap(([path, sha256]) => (sums.get(path) === sha256 ? [] : [path]));
	if (changed.length > 0) return changed.sort(compareByBytes);
	const lines = [...sums].map(([path, sha256]) => `${sumLine(sha256, path)}\n`);
	writeAtomic(join(directory, digestName), lines.join(""), { noFollow: true });
	return [];
}

/** Compares each file of a run with its digest. @throws AgentvError if a file is unreadable */
export function checkRunDigest(directory: string): DigestCheck {
	const file = join(directory, digestName);
	const { plain, odd, executable, empty } = recordFiles(directory);
	const problems: DigestProblem[] = [
		...[...odd, ...executable].map((path) => ({ kind: "file-kind", file: path }) as const),
		...empty.map((path) => ({ kind: "file-added", file: path }) as const),
	];
	if (pathKind(file) !== "file") return { problems: [{ kind: "digest-missing", file: digestName }, ...problems] };
	const text = listEntry(file).size > largestDigest ? Buffer.alloc(0) : readBytes(file, { maxBytes: largestDigest });
	const listed = text.length === 0 ? undefined : readSums(text);
	if (!listed) return { problems: [{ kind: "digest-unreadable", file: digestName }, ...problems] };
	const there = new Set(plain);
	for (const path of plain) {
		const sha256 = listed.get(path);
		if (sha256 === undefined) problems.push({ kind: "file-added", file: path });
		else if (digestFile(join(directory, path)) !== sha256) problems.push({ kind: "file-changed", file: path });
	}
	for (const path of listed.keys()) if (!there.has(path)) problems.push({ kind: "file-missing", file: path });
	return { digest: digestText(text), problems };
}

/** Size for a run with a million attempts. */
const largestDigest = 2 ** 29;

const unescaped: Readonly<Record<string, string>> = { "\\\\": "\\", "\\n": "\n", "\\r": "\r" };

/** Parses digests by path; undefined if the text is not exactly what we would write. */
function readSums(bytes: Uint8Array): ReadonlyMap<string, string> | undefined {
	const sums = new Map<string, string>();
	const rendered = createDigest();
	for (const line of Buffer.from(bytes).toString().split("\n").slice(0, -1)) {
		const [, mark, sha256 = "", written = ""] = /^(\\?)([0-9a-f]{64}) {2}(.+)$/s.exec(line) ?? [];
		if (mark === undefined) return undefined;
		const path = mark === "" ? written : written.replace(/\\[\\nr]/g, (one) => unescaped[one] ?? one);
		sums.set(path, sha256);
	}
	for (const path of [...sums.keys()].sort(compareByBytes)) rendered.update(`${sumLine(sums.get(path) ?? "", path)}\n`);
	return rendered.hex() === digestText(bytes) ? sums : undefined;
}
