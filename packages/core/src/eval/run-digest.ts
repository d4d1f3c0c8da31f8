import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { encode, toWire } from "../format/codec.ts";
import {
	type AttemptFile,
	attemptFileSchema,
	type PlannedTest,
	type RunFile,
	runFileSchema,
} from "../format/run-file.ts";
import { AgentvError, type DocumentPath } from "../lib/errors.ts";
import { canonicalJson, readJson } from "../lib/json.ts";
import { type Redactor, redactDeep } from "../lib/redact.ts";
import { contributedSecrets, isSearchable, isSecretBelow } from "../lib/secret-shapes.ts";
import { isStagedName, listDirectory, makeDirectory, removeEmptyDirectory } from "../machine/directories.ts";
import { agentvHome, type Environment } from "../machine/environment.ts";
import { compareByBytes, isInside, pathKind, realPath, targetKind } from "../machine/files.ts";
import { listEntry, walkTree } from "../machine/find-files.ts";
import { repositoryRoot } from "../machine/git-repository.ts";
import { isLockName, withLock } from "../machine/lock.ts";
import { readBytes, readTextFile } from "../machine/read-file.ts";
import { createDigest, digestFile, digestText } from "../machine/tree-notes.ts";
import { forbidExecution, syncFiles, writeAtomic } from "../machine/write-file.ts";
import { sumLine } from "./bundle-manifest.ts";
import { child, type Source } from "./source.ts";

/** `sha256sum` lines for the record's files. The run's digest is the SHA-256 of this file. */
export const digestName = "run.sha256";
/** Created by `ssh-keygen -Y sign`. */
export const signatureName = `${digestName}.sig`;

interface DigestProblem {
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
	readonly odd: readonly string[];
	/** Executable files; empty if all are: some file systems report that for every file. */
	readonly executable: readonly string[];
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

/** @throws AgentvError if a file is unreadable */
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

/** Returns undefined if the text is not exactly what AgentV would write. */
function readSums(bytes: Uint8Array): ReadonlyMap<string, string> | undefined {
	const sums = new Map<string, string>();
	const rendered = createDigest();
	for (const line of Buffer.from(bytes).toString().split("\n").slice(0, -1)) {
		const [, mark, sha256 = "", written = ""] = /^(\\?)([0-9a-f]{64}) {2}(.+)$/s.exec(line) ?? [];
		if (mark === undefined) return undefined;
		const path = mark === "" ? written : written.replace(/\\[\\nr]/g, (sequence) => unescaped[sequence] ?? sequence);
		sums.set(path, sha256);
	}
	for (const path of [...sums.keys()].sort(compareByBytes)) rendered.update(`${sumLine(sums.get(path) ?? "", path)}\n`);
	return rendered.hex() === digestText(bytes) ? sums : undefined;
}

/** One line per planned test keeps the file readable. */
export function runFileText(run: RunFile, redact: Redactor): string {
	const { evals, targets, graderTargets, git, benchmark, bundle, flags, repositories, merged, origin, ...others } = run;
	const {
		planned: _planned,
		whole: _whole,
		files,
		fingerprints,
		shard,
		...rest
	} = encode(runFileSchema, {
		...others,
		...{ evals, targets, graderTargets, git, benchmark, bundle, flags, repositories, merged, origin },
	});
	const head = JSON.stringify(redactDeep(rest, redact), null, 2).replace(/\n}$/, "");
	const lists = [
		...(files ? [lines("files", redactDeep(files, redact))] : []),
		...(fingerprints ? [lines("fingerprints", fingerprints)] : []),
		...(shard ? [`  "shard": ${JSON.stringify(redactDeep(shard, redact))}`] : []),
		listText("planned", run.planned, redact),
		...(run.whole ? [listText("whole", run.whole, redact)] : []),
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
	const texts = list.map((test) => `    ${JSON.stringify(test)}`);
	return `  ${JSON.stringify(name)}: ${texts.length === 0 ? "[]" : `[\n${texts.join(",\n")}\n  ]`}`;
}

/**
 * `path` is relative to the run's directory. @throws AgentvError `not-found`, `refused` outside it
 */
export function readRecordText(directory: string, path: string): string {
	return readTextFile(recordPath(directory, path), { maxBytes: 256 * 1024 * 1024 });
}

/** @throws AgentvError `refused` if the path is outside the run's directory */
export function recordPath(directory: string, path: string): string {
	const root = realPath(directory);
	const file = realPath(join(root, path));
	if (!isInside(root, file)) throw new AgentvError("refused", `${path} is outside the run's directory`);
	return file;
}

/** Returns undefined if the file is missing or unreadable. */
export function readAttempt(directory: string, path: string): AttemptFile | undefined {
	try {
		const text = readRecordText(directory, path);
		const read = readJson(text);
		if (!("value" in read)) return undefined;
		// A number such as 1e400, which AgentV never records, could not be serialized again.
		const value: unknown = /\de\+?\d{3}/i.test(text) ? JSON.parse(JSON.stringify(read.value)) : read.value;
		return attemptFileSchema.safeParse(value).data;
	} catch (error) {
		if (error instanceof AgentvError && ["not-found", "refused", "config"].includes(error.code)) return undefined;
		throw error;
	}
}

export function caseKey(evalLabel: string, testId: string, target: string): string {
	return JSON.stringify([evalLabel, testId, target]);
}

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

export function optionOf(flag: string): string {
	return options[flag] ?? `--${flag}`;
}

const subject = "runs made here";

type Choices = Pick<RunFile, "runId" | "startedAt" | "evals" | "flags" | "origin">;

/** Some 120 bytes each. Older runs are dropped, and then need consent like received ones. */
const maxRuns = 5000;

/** Also checks that the record still selects the same evals and options. */
export function isMadeHere(run: RunFile, env: Environment): boolean {
	return readTrust(env).has(subject, noteOf(run));
}

/** Allows the run's record to select what runs on this machine. */
export async function noteMadeRun(run: RunFile, redact: Redactor, env: Environment): Promise<void> {
	const { runId, startedAt, evals, flags, origin } = run;
	await addTrust(subject, [noteOf(redactDeep({ runId, startedAt, evals, flags, origin }, redact))], env, maxRuns);
}

function noteOf({ runId, startedAt, evals, flags, origin }: Choices): Trusted {
	const chosen = { runId, startedAt, evals: evals.map(({ path }) => path), flags, origin };
	return { kind: "run", value: canonicalJson(chosen) };
}

/** Records of unknown kinds are kept. */
interface Trusted {
	readonly kind: string;
	readonly value: string;
}

/** A bundle that this user made is trusted as a whole, while its files match its manifest. */
export const madeHere: Trusted = { kind: "bundle", value: "made here" };

const entrySchema = z.looseObject({ kind: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const recordSchema = z.looseObject({
	version: z.literal(1),
	trusted: z.record(z.string(), z.array(entrySchema)),
});

type TrustFile = z.output<typeof recordSchema>;
type TrustEntry = z.output<typeof entrySchema>;

/** Contains only digests, no names or values. */
class TrustRecord {
	readonly #known: ReadonlySet<string>;

	constructor({ trusted }: TrustFile) {
		this.#known = new Set(
			Object.entries(trusted).flatMap(([subject, entries]) => entries.map((entry) => `${subject} ${keyOf(entry)}`)),
		);
	}

	has(subject: string, item: Trusted): boolean {
		return this.#known.has(`${digest([subject])} ${keyOf(entryOf(subject, item))}`);
	}
}

function trustFile(env: Environment): string {
	return join(agentvHome(env), "state", "trust.json");
}

/** @throws AgentvError `config` if the record is unreadable; it is never overwritten then */
export function readTrust(env: Environment): TrustRecord {
	return new TrustRecord(readFile(trustFile(env)));
}

/** Keeps the last `most` entries of a subject. Concurrent callers wait. */
export async function addTrust(
	subject: string,
	items: readonly Trusted[],
	env: Environment,
	most = Number.POSITIVE_INFINITY,
): Promise<void> {
	await change(env, ({ trusted, ...rest }) => {
		const key = digest([subject]);
		const entries = new Map((trusted[key] ?? []).map((entry) => [keyOf(entry), entry]));
		for (const entry of items.map((item) => entryOf(subject, item))) {
			entries.delete(keyOf(entry));
			entries.set(keyOf(entry), entry);
		}
		const first = Math.max(0, entries.size - most);
		return { ...rest, trusted: { ...trusted, [key]: [...entries.values()].slice(first) } };
	});
}

/** Makes the user's consent necessary again. */
export async function removeTrust(subject: string, env: Environment): Promise<void> {
	if (targetKind(trustFile(env)) === "missing") return;
	await change(env, ({ trusted, ...rest }) => {
		const { [digest([subject])]: _, ...others } = trusted;
		return { ...rest, trusted: others };
	});
}

async function change(env: Environment, edit: (record: TrustFile) => TrustFile): Promise<void> {
	const file = trustFile(env);
	makeDirectory(dirname(file), { mode: 0o700 });
	await withLock(file, () => {
		const after = edit(readFile(file));
		writeAtomic(file, `${JSON.stringify(after, null, "\t")}\n`, { mode: 0o600 });
	});
}

function readFile(file: string): TrustFile {
	if (targetKind(file) === "missing") return { version: 1, trusted: {} };
	const parsed = recordSchema.safeParse(parseJson(readTextFile(file)));
	if (parsed.success) return parsed.data;
	throw new AgentvError("config", `${file} is not a valid trust record`, {
		hint: "Move it away and grant trust again; AgentV does not write to a record that it can't read.",
	});
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

function entryOf(subject: string, { kind, value }: Trusted): TrustEntry {
	return { kind, sha256: digest([subject, kind, value]) };
}

function keyOf({ kind, sha256 }: TrustEntry): string {
	return `${kind} ${sha256}`;
}

function digest(parts: readonly string[]): string {
	return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** Fields of an eval with text for models or people: addresses in them are not contacted. */
const prose: ReadonlySet<unknown> = new Set(["input", "expected_output", "description", "criteria", "prompt", "name"]);

/** Finds secrets by their use: in secret fields, and in parts of URLs. */
export function secretsByUse({ parts, variables }: Source, env: Environment): string[] {
	return variables.flatMap(({ name, state, at: { path = [], line } }) => {
		const value = env[name];
		const part = parts.find(({ at }) => at.line === line);
		if (state !== "set" || !value || !part) return [];
		if (isSecretPath(path)) return [value].filter(isSearchable);
		const text = child(part, ...path).value;
		if (typeof text !== "string") return [];
		return contributedSecrets(text, value, path.some((key) => prose.has(key)) ? "prose" : "setting");
	});
}

function isSecretPath(path: DocumentPath): boolean {
	let isSecret = false;
	for (const key of path) if (typeof key === "string") isSecret = isSecretBelow(key, isSecret);
	return isSecret;
}

// Directories below `$AGENTV_HOME`, for the code that fills them and the code that prunes them.

export function mirrorsPlace(home: string): string {
	return join(home, "cache", "git");
}

/** `<two digits>/<sha-256>.json`. */
export function callsPlace(home: string): string {
	return join(home, "cache");
}

export function workspacesPlace(home: string): string {
	return join(home, "workspaces");
}

export function benchmarksPlace(home: string): string {
	return join(home, "benchmarks");
}

function resultsPlace(home: string): string {
	return join(home, "results");
}

/** Clones are created in directories with this prefix, next to the target. */
export const workshopPrefix = ".agentv-clone-";

export interface ResultsMachine {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
}

export interface RunRoot {
	readonly path: string;
	/** Benchmark or bundle; absent for the project of the current directory. */
	readonly owner?: string;
}

/** The current project, then benchmarks and bundles below `$AGENTV_HOME/results`. */
export function runRoots({ env, cwd }: ResultsMachine): RunRoot[] {
	const home = resultsPlace(agentvHome(env));
	const owners = listDirectory(home).filter((name) => pathKind(join(home, name)) === "directory");
	return [
		{ path: join(repositoryRoot(cwd) ?? cwd, ".agentv", "results", "runs") },
		...owners.map((owner) => ({ path: join(home, owner), owner })),
	];
}
