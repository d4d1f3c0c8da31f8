import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { shapeIssues } from "../format/inspect-fields.ts";
import {
	type ResultRow,
	type RunFile,
	type RunSummary,
	resultRowSchema,
	runFileSchema,
	runSummarySchema,
} from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { type JsonReading, readJson } from "../lib/json.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, pathKind, realPath, targetKind } from "../machine/files.ts";
import { type FindOptions, type FoundFiles, findFiles, globFiles } from "../machine/find-files.ts";
import { type FileLine, readBytes, readLines, readTextFile } from "../machine/read-file.ts";
import { findEntry, readRegistry } from "./registry.ts";
import { type DiskView, entriesOf } from "./source.ts";

/** `*.eval.yaml`, `*.eval.yml`, `EVAL.yaml`, `eval.yaml`, in any letter case. */
export function isEvalName(file: string): boolean {
	return /(^|\.)eval\.ya?ml$/i.test(basename(file));
}

/**
 * Returns absolute, sorted, unique paths. `args` are files, directories, globs and `!pattern`s.
 * @throws AgentvError `not-found` for an argument without matches
 */
export function discoverEvals(args: readonly string[], cwd: string, view: DiskView): string[] {
	const wanted = args.filter((arg) => !arg.startsWith("!"));
	const ignore = args.filter((arg) => arg.startsWith("!")).map((arg) => arg.slice(1));
	const files = new Set<string>();
	for (const arg of wanted) for (const file of matches(arg, cwd, ignore, view)) files.add(file);
	if (files.size === 0 && args.length > 0)
		throw new AgentvError("not-found", "the ! patterns exclude every eval", {
			hint: "remove one of them",
		});
	return [...files].sort();
}

function matches(arg: string, cwd: string, ignore: readonly string[], view: DiskView): string[] {
	const path = resolve(cwd, arg);
	const kind = view.kind(path);
	if (kind === "file") return without([path], cwd, ignore);
	if (kind === "missing" && !/[*?[\]{}]/.test(arg))
		throw new AgentvError("not-found", `${arg} does not exist`, { hint: "name an eval file, a directory or a glob" });
	const found =
		kind === "directory" ? evalsBelow(path, view) : evalsAmong(globFiles(arg, cwd, { ignore: [`**/${ownDirectory}`] }));
	if (found.length === 0)
		throw new AgentvError("not-found", kind === "directory" ? `${arg} contains no eval` : `${arg} matches no eval`, {
			hint: "evals are named *.eval.yaml, *.eval.yml, EVAL.yaml or eval.yaml",
		});
	return without(found, cwd, ignore);
}

/** Contains results with copies of evals, which are never searched for. */
const ownDirectory = ".agentv";

export const ownFiles = `**/${ownDirectory}/{results,cache}`;

/**
 * `.git`, `node_modules`, `.agentv` and links to directories are not entered. A bundle is one eval,
 * independent of its template and scripts.
 */
export function evalsBelow(directory: string, view: DiskView): string[] {
	const files: string[] = [];
	const waiting = [directory];
	for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
		if (isBundle(at, view)) {
			files.push(join(at, "eval.yaml"));
			continue;
		}
		for (const [name, kind] of entriesOf(view, at)) {
			const path = join(at, name);
			if (kind === "directory") {
				if (![".git", "node_modules", ownDirectory].includes(name)) waiting.push(path);
			} else if (isEvalName(name) && view.kind(path) === "file") files.push(path);
		}
	}
	return files;
}

/** If no file has an eval's name, the author probably meant every YAML and JSONL file. */
function evalsAmong(files: readonly string[]): string[] {
	const named = files.filter((file) => isEvalName(file));
	if (named.length > 0) return named;
	return files.filter(
		(file) => /\.(ya?ml|jsonl)$|(^|\/)evals\.json$/i.test(file) && !/(^|\/)(targets|config)\.ya?ml$/i.test(file),
	);
}

/** `!pattern` arguments may exclude everything on purpose. */
function without(files: readonly string[], cwd: string, ignore: readonly string[]): string[] {
	if (ignore.length === 0) return [...files];
	const removed = ignore.flatMap((pattern) => [pattern, `${pattern}/**`].flatMap((glob) => globFiles(glob, cwd)));
	const gone = new Set(removed);
	return files.filter((file) => !gone.has(file));
}

/** Cooperative: for servers, where `discoverEvals` would block other requests. */
export function findEvals(directory: string, options: FindOptions = {}): Promise<FoundFiles> {
	return findFiles(directory, isEvalName, { ...options, skip: ownDirectory });
}

/** The bounds of an eval's searches through directories. */
export interface EvalScope {
	readonly directory: string;
	/** Repository root, bundle root, or the search bound if there is neither. */
	readonly root: string;
	readonly rootKind: "repository" | "bundle" | "working-directory" | "eval-directory";
	/** What may be read outside the root; set on every loaded eval. */
	readonly reach?: Reach;
}

export interface Reach {
	/** Real paths of files and directories. */
	readonly allowed: readonly string[];
	/** The user passed these to the command, so their paths may refer to anything. Absolute. */
	readonly ownFiles: readonly string[];
	readonly option?: "--allow-outside" | "--include-outside";
}

export const rootNames: Readonly<Record<EvalScope["rootKind"], string>> = {
	repository: "the repository",
	bundle: "the bundle",
	"working-directory": "the current directory",
	"eval-directory": "the eval's directory, which is not in a repository",
};

/** Outside a repository, `cwd` bounds the scope. */
export function findScope(directory: string, cwd: string, view: DiskView): EvalScope {
	for (const candidate of withParents(directory)) {
		if (isBundle(candidate, view)) return { directory, root: candidate, rootKind: "bundle" };
		if (view.kind(join(candidate, ".git")) !== "missing") return { directory, root: candidate, rootKind: "repository" };
	}
	if (isInside(resolve(cwd), directory)) return { directory, root: resolve(cwd), rootKind: "working-directory" };
	return { directory, root: directory, rootKind: "eval-directory" };
}

/** Paths below the root are relative to the eval, for equal messages in every checkout. */
export function shownPath(path: string, { directory, root }: Pick<EvalScope, "directory" | "root">): string {
	return isInside(root, path) ? relative(directory, path).split(sep).join("/") || "." : path;
}

/** Nearest first, including both `directory` and `root`. */
export function* withParents(directory: string, root?: string): Generator<string> {
	let current = directory;
	while (true) {
		yield current;
		const parent = dirname(current);
		if (current === root || parent === current) return;
		current = parent;
	}
}

/** An unparsable manifest counts as a damaged bundle. */
export function isBundle(directory: string, view: DiskView): boolean {
	const manifest = join(directory, "manifest.json");
	if (view.kind(manifest) !== "file" || view.kind(join(directory, "eval.yaml")) !== "file") return false;
	const reading = readManifestJson(manifest, view);
	if (!reading || !("value" in reading)) return true;
	const { value } = reading;
	return typeof value === "object" && value !== null && "format_version" in value && "digest" in value;
}

/**
 * Returns whether the manifest shows that a directory was received, even if it is damaged or for
 * another eval. Other JSON objects belong to something else, such as a browser extension.
 */
export function hasBundleManifest(directory: string, view: DiskView): boolean {
	const names = [...entriesOf(view, directory).keys()].filter((name) => name.toLowerCase() === "manifest.json");
	if (names.length > 0) return names.some((name) => mayBeOfBundle(join(directory, name), view));
	// A directory that may not be listed.
	const path = join(directory, "manifest.json");
	return view.kind(path) !== "missing" && mayBeOfBundle(path, view);
}

function mayBeOfBundle(manifest: string, view: DiskView): boolean {
	if (view.kind(manifest) !== "file") return true;
	const reading = readManifestJson(manifest, view);
	if (!reading || !("value" in reading)) return true;
	const { value } = reading;
	if (typeof value !== "object" || value === null || Array.isArray(value)) return true;
	// Other tools' manifests are not empty.
	return "format_version" in value || "digest" in value || Object.keys(value).length === 0;
}

function readManifestJson(file: string, view: DiskView): JsonReading | undefined {
	try {
		return readJson(view.readText(file));
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

interface BenchmarkPaths {
	readonly id: string;
	readonly root: string;
	/** Absolute, sorted, all below `root`. */
	readonly files: readonly string[];
}

/**
 * Resolves `--benchmark <id> [glob…]`: files, directories, globs and `!pattern`s below that
 * benchmark's directory; by default every eval there.
 * @throws AgentvError `not-found` for an unknown id, a benchmark that is not cloned yet, or a glob
 * without matches; `usage` for a path outside the benchmark
 */
export function resolveBenchmarkPaths(
	id: string,
	globs: readonly string[],
	{ env, view }: { readonly env: Environment; readonly view: DiskView },
): BenchmarkPaths {
	const entry = findEntry(readRegistry(env), id);
	if (entry.problem !== undefined && !entry.source) throw new AgentvError("config", entry.problem);
	const root = entry.path;
	if (view.kind(root) !== "directory") {
		const hint = entry.source
			? `Clone it first: agentv benchmark sync ${id}.`
			: "Fix its path in the registry, or remove the entry.";
		throw new AgentvError("not-found", `the directory of benchmark ${id}, ${root}, does not exist`, { hint });
	}
	const wanted = globs.filter((glob) => !glob.startsWith("!"));
	for (const glob of globs) refuseOutside(glob.replace(/^!/, ""), root, id);
	const files = discoverEvals(wanted.length > 0 ? globs : [root, ...globs], root, view);
	const real = realPath(root);
	for (const file of files) {
		if (!isInside(real, realPath(file)))
			throw new AgentvError("usage", `${file} is a link to a target outside benchmark ${id}`);
	}
	return { id, root, files };
}

function refuseOutside(glob: string, root: string, id: string): void {
	if (!isAbsolute(glob) && !glob.split(/[\\/]/).includes("..")) return;
	if (isInside(root, resolve(root, glob))) return;
	throw new AgentvError("usage", `${glob} is outside benchmark ${id}`, {
		hint: `Paths after --benchmark are relative to ${root}.`,
	});
}

/** Returns the innermost benchmark that contains `file`. Unusable entries are skipped. */
export function benchmarkOfFile(
	file: string,
	env: Environment,
): { readonly id: string; readonly root: string; readonly isGitBacked: boolean } | undefined {
	const real = realPath(file);
	const holding = readRegistry(env).entries.flatMap((entry) => {
		const root = realPath(entry.path);
		return isInside(root, real) ? [{ id: entry.id, root, isGitBacked: entry.source !== undefined }] : [];
	});
	return holding.sort((a, b) => b.root.length - a.root.length)[0];
}

interface IndexReading {
	/** In writing order; for an attempt that was run again the last row counts. */
	readonly rows: readonly ResultRow[];
	/** 1-based numbers of complete lines that are not valid rows. */
	readonly badLines: readonly number[];
}

export function readIndex(directory: string): IndexReading {
	const rows = new Map<string, ResultRow>();
	const badLines: number[] = [];
	let line = 0;
	for (const text of wholeLines(join(directory, "index.jsonl"))) {
		line += 1;
		const row = parseRow(text);
		if (row) {
			const key = rowKey(row);
			// Deleted first, so that the order is that of the last write.
			rows.delete(key);
			rows.set(key, row);
		} else badLines.push(line);
	}
	return { rows: [...rows.values()], badLines };
}

/** Yields complete lines without line breaks; returns the rest. A missing file has no lines. */
export function* wholeLines(path: string): Generator<string, string> {
	const lines = linesOf(path);
	let next = lines.next();
	for (; !next.done; next = lines.next()) yield next.value.text();
	return next.value;
}

/** Like `wholeLines`, for callers that don't need the whole line. */
export function* linesOf(path: string): Generator<FileLine, string> {
	return pathKind(path) === "missing" ? "" : yield* readLines(path);
}

export function rowKey({
	eval: label,
	testId,
	target,
	attempt,
}: Pick<ResultRow, "eval" | "testId" | "target" | "attempt">): string {
	return JSON.stringify([label, testId, target, attempt]);
}

export function parseRow(text: string): ResultRow | undefined {
	const read = readJson(text);
	const parsed = "value" in read ? resultRowSchema.safeParse(read.value) : undefined;
	return parsed?.success ? parsed.data : undefined;
}

/** @throws AgentvError `not-found` if the directory is not a run, `config` if it is unreadable */
export function readRunFile(directory: string): RunFile {
	const file = join(directory, "run.json");
	if (pathKind(file) === "missing") throw new AgentvError("not-found", `${directory} does not contain a run`);
	const what = `${file} is not a valid run record`;
	const read = readJson(readTextFile(file, { maxBytes: 2 ** 29 }));
	if (!("value" in read)) throw new AgentvError("config", `${what}: it is not valid JSON: ${read.reason}`);
	const parsed = runFileSchema.safeParse(read.value);
	if (parsed.success) return parsed.data;
	const [first] = shapeIssues(parsed.error, read.value);
	throw new AgentvError("config", first ? `${what}: ${first.path.join(".")}: ${first.message}` : what);
}

/** Returns undefined if the run has not ended, or its `summary.json` is invalid. */
export function readSummary(directory: string): RunSummary | undefined {
	const file = join(directory, "summary.json");
	if (targetKind(file) !== "file") return undefined;
	const read = readJson(readBytes(file).toString());
	const parsed = "value" in read ? runSummarySchema.safeParse(read.value) : undefined;
	return parsed?.success ? parsed.data : undefined;
}
