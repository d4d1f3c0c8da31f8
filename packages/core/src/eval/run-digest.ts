import { basename, dirname, join } from "node:path";
import { toWire } from "../format/codec.ts";
import { type AttemptFile, attemptFileSchema, type PlannedTest, type RunFile } from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { readJson } from "../lib/json.ts";
import { type Redactor, redactDeep } from "../lib/redact.ts";
import { removeEmptyDirectory } from "../machine/directories.ts";
import { compareByBytes, isInside, pathKind, realPath } from "../machine/files.ts";
import { listEntry, walkTree } from "../machine/find-files.ts";
import { isLockName } from "../machine/lock.ts";
import { readBytes, readTextFile } from "../machine/read-file.ts";
import { isStagedName } from "../machine/staged-files.ts";
import { createDigest, digestFile, digestText } from "../machine/tree-notes.ts";
import { forbidExecution, syncFiles, writeAtomic } from "../machine/write-file.ts";
import { sumLine } from "./bundle-manifest.ts";

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

/** Redacted, with one line per planned test, so that the file is readable. */
export function runFileText(run: RunFile, redact: Redactor): string {
	const { evals, targets, graderTargets, git, benchmark, bundle, planned, shard, whole, merged, ...others } = run;
	const { repositories, origin, flags, files, fingerprints, ...rest } = others;
	const wire = {
		...toWire(rest),
		evals: evals.map(toWire),
		targets: targets.map(toWire),
		...(graderTargets ? { grader_targets: graderTargets.map(toWire) } : {}),
		...(git ? { git: toWire(git) } : {}),
		...(benchmark ? { benchmark: toWire(benchmark) } : {}),
		...(bundle ? { bundle: toWire(bundle) } : {}),
		flags,
		...(repositories ? { repositories: repositories.map(toWire) } : {}),
		...(merged ? { merged: merged.map(toWire) } : {}),
		...(origin ? { origin: toWire(origin) } : {}),
	};
	const head = JSON.stringify(redactDeep(wire, redact), null, 2).replace(/\n}$/, "");
	const lists = [
		...(files ? [lines("files", redactDeep(files, redact))] : []),
		...(fingerprints ? [lines("fingerprints", fingerprints)] : []),
		...(shard ? [`  "shard": ${JSON.stringify(redactDeep(toWire(shard), redact))}`] : []),
		listText("planned", planned, redact),
		...(whole ? [listText("whole", whole, redact)] : []),
	];
	return `${head},\n${lists.join(",\n")}\n}\n`;
}

function listText(name: string, tests: readonly PlannedTest[], redact: Redactor): string {
	const list = tests.map(([of, id, target, repeat]) =>
		redactDeep([of, id, target, ...(repeat ? [toWire(repeat)] : [])], redact),
	);
	return lines(name, list);
}

function lines(name: string, list: readonly unknown[]): string {
	const texts = list.map((one) => `    ${JSON.stringify(one)}`);
	return `  ${JSON.stringify(name)}: ${texts.length === 0 ? "[]" : `[\n${texts.join(",\n")}\n  ]`}`;
}

/**
 * Returns the text of a file from a run's records (`output_path`, `file_changes_path`, …), relative
 * to the run's directory. Redacting secrets can make an answer of 64 MB longer.
 * @throws AgentvError `refused` if the path is outside that directory, `not-found`
 */
export function readRecordText(directory: string, path: string): string {
	return readTextFile(recordPath(directory, path), { maxBytes: 256 * 1024 * 1024 });
}

/**
 * Returns the absolute path of a file from a run's records.
 * @throws AgentvError `refused` if it is outside the run's directory
 */
export function recordPath(directory: string, path: string): string {
	const root = realPath(directory);
	const file = realPath(join(root, path));
	if (!isInside(root, file)) throw new AgentvError("refused", `${path} is outside the run's directory`);
	return file;
}

/** Returns undefined if the file is missing or unreadable. */
export function readAttempt(directory: string, path: string): AttemptFile | undefined {
	try {
		const read = readJson(readRecordText(directory, path));
		const parsed = "value" in read ? attemptFileSchema.safeParse(read.value) : undefined;
		return parsed?.success ? parsed.data : undefined;
	} catch (error) {
		if (error instanceof AgentvError && ["not-found", "refused", "config"].includes(error.code)) return undefined;
		throw error;
	}
}

/** Returns what identifies a test with a target in records, across runs. */
export function caseKey(evalLabel: string, testId: string, target: string): string {
	return JSON.stringify([evalLabel, testId, target]);
}

/** Options that determine which tests run and how they are graded: flags in `run.json`. */
export const planFlags = [
	"targets",
	"tests",
	"tags",
	"excludeTags",
	"graderTarget",
	"limit",
	"threshold",
	"repeat",
	"timeoutSeconds",
	"experiment",
] as const;

const options: Readonly<Record<string, string>> = {
	targets: "--target",
	targetsFile: "--targets",
	tests: "--test",
	tags: "--tag",
	excludeTags: "--exclude-tag",
	graderTarget: "--grader-target",
	timeoutSeconds: "--timeout",
	envFile: "--env-file",
};

/** Returns the command-line option that sets a flag. */
export function optionOf(flag: string): string {
	return options[flag] ?? `--${flag}`;
}
