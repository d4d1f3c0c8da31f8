import {
	accessSync,
	closeSync,
	constants,
	lstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	statfsSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { availableParallelism, homedir, userInfo } from "node:os";
import { dirname, join, parse, relative, resolve, sep } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { AgentvError } from "../lib/errors.ts";
import {
	atPath,
	errnoCode,
	fileError,
	ifPossible,
	isMadeByKernel,
	pathKind,
	resourceError,
	targetKind,
} from "./files.ts";
import { writeFlags } from "./read-file.ts";

/** Environment variables as a plain value: read once at the entry point, then passed down. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Uses `HOME`, on Windows `USERPROFILE`, else the system's entry for the user. */
export function homeDirectory(env: Environment): string {
	return env.HOME || env.USERPROFILE || systemHome();
}

function systemHome(): string {
	try {
		// `homedir()` is empty if HOME is empty: then trust decisions would be in the working
		// directory.
		return homedir() || userInfo().homedir;
	} catch (error) {
		// The system has no entry for this user id, as in containers.
		throw new AgentvError("config", "no home directory: HOME is not set", {
			hint: "Set HOME, or set AGENTV_HOME to a directory.",
			cause: error,
		});
	}
}

/** Expands only a leading `~` or `~/`. */
export function expandHome(path: string, env: Environment): string {
	if (path === "~") return homeDirectory(env);
	return path.startsWith("~/") ? join(homeDirectory(env), path.slice(2)) : path;
}

/** Absolute, `~` expanded. Default: `~/.agentv`. */
export function agentvHome(env: Environment): string {
	return resolve(expandHome(env.AGENTV_HOME || join(homeDirectory(env), ".agentv"), env));
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=[ \t]*/;
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };

function closingQuote(text: string, start: number, quote: string): number {
	for (let at = start + 1; at < text.length; at++) {
		if (quote === '"' && text[at] === "\\") at++;
		else if (text[at] === quote) return at;
	}
	return -1;
}

/**
 * Parses `KEY=VALUE` lines: `export` allowed, `#` comments, single quotes literal, double quotes
 * with
 * `\n \r \t \" \\ \$`; quoted values can span lines. `$NAME` is not expanded; the last of duplicate
 * keys wins. Other lines are skipped.
 */
export function loadDotEnv(text: string): Record<string, string> {
	const values = new Map<string, string>();
	const source = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
	const lineEnd = (from: number) => {
		const end = source.indexOf("\n", from);
		return end === -1 ? source.length : end;
	};
	for (let at = 0; at < source.length; ) {
		const end = lineEnd(at);
		const [whole = "", name] = assignment.exec(source.slice(at, end)) ?? [];
		const start = at + whole.length;
		at = end + 1;
		if (name === undefined) continue;
		const quote = /["'`]/.exec(source[start] ?? "")?.[0];
		const closing = quote === undefined ? -1 : closingQuote(source, start, quote);
		if (closing === -1) {
			const plain = source.slice(start, end).replace(/(^|\s)#.*$/s, "");
			values.set(name, plain.trim());
			continue;
		}
		const inner = source.slice(start + 1, closing);
		const unescaped = (sequence: string, sign: string) => escapes[sign] ?? sequence;
		values.set(name, quote === '"' ? inner.replace(/\\(.)/g, unescaped) : inner);
		at = lineEnd(closing) + 1;
	}
	// Assigning to an object literal would not keep a key named `__proto__` as an ordinary key.
	return Object.fromEntries(values);
}

/** The nearest file comes first. A variable that is set, even to "", keeps its value. */
export function layerDotEnv(env: Environment, files: readonly Readonly<Record<string, string>>[]): Environment {
	const layers = [...files].reverse();
	const set = Object.entries(env).filter(([, value]) => value !== undefined);
	return Object.fromEntries([...layers.flatMap((layer) => Object.entries(layer)), ...set]);
}

/** @throws AgentvError `config` if `$AGENTV_HOME` can't be read or, if `writes`, written */
export function refuseUnusableHome(env: Environment, { writes }: { readonly writes: boolean }): void {
	const problem = homeProblem(agentvHome(env), { writes });
	if (problem !== undefined) throw new AgentvError("config", problem, { hint: homeHint });
}

export const homeHint = "Set AGENTV_HOME to a writable directory (default: ~/.agentv).";

/** Returns a sentence without a full stop; undefined if `home` can be used. */
export function homeProblem(home: string, { writes }: { readonly writes: boolean }): string | undefined {
	const existing = nearestExisting(home);
	const reason = problemOf(existing, writes);
	if (reason === undefined) return nameProblem(home);
	return existing === home ? `${home} ${reason}` : `${home} can't be used: ${existing} ${reason}`;
}

function problemOf(path: string, writes: boolean): string | undefined {
	if (targetKind(path) !== "directory") return "is not a directory";
	if (
		isMadeByKernel(
			path,
			atPath(path, () => statSync(path).dev),
		)
	)
		return "is on a kernel file system";
	return writes && !isWritableDirectory(path) ? "is not writable" : undefined;
}

/** A path that can't exist (a name that is too long, a cycle of links) looks like a missing one. */
function nameProblem(home: string): string | undefined {
	try {
		statSync(home, { throwIfNoEntry: false });
		return undefined;
	} catch (error) {
		return fileError(home, error).message;
	}
}

function nearestExisting(path: string): string {
	return targetKind(path) === "missing" && dirname(path) !== path ? nearestExisting(dirname(path)) : path;
}

export function coreCount(): number {
	return availableParallelism();
}

interface FreeSpace {
	/** Available to this user. */
	readonly bytes: number;
	/** Equal for all paths on one disk. */
	readonly disk: number;
}

/** `path` may not exist yet. Returns undefined if the free space is unknown. */
export async function freeSpace(path: string): Promise<FreeSpace | undefined> {
	try {
		const { bavail, bsize } = await statfs(path);
		return { bytes: bavail * bsize, disk: (await stat(path)).dev };
	} catch (error) {
		if (errnoCode(error) === "ENOENT" && dirname(path) !== path) return freeSpace(dirname(path));
		if (errnoCode(error) === undefined) throw error;
		return undefined;
	}
}

/** Returns false if unknown. */
export function isDiskFull(directory: string): boolean {
	return ifPossible(() => {
		const { bavail } = statfsSync(directory);
		return bavail < 2;
	}, false);
}

/**
 * Collecting takes some 50 ms, worth it once after reading much and keeping little: otherwise V8
 * lets the memory grow by half first, and starting programs takes longer the more there is.
 */
export function freeMemory(): void {
	setFlagsFromString("--expose-gc");
	const collect: unknown = runInNewContext("gc");
	if (typeof collect === "function") collect();
}

/**
 * After long lists were read, V8 pretenures what each row allocates, and collecting that takes a
 * third of the total time. Affects the whole process.
 */
export function expectShortLived(): void {
	setFlagsFromString("--no-allocation-site-pretenuring");
}

/** Also runs the scripts of evals. */
export const nodeExecutable: string = process.execPath;

export const nodeVersion: string = process.version;

function folded(name: string): string {
	return name.normalize("NFC").toLowerCase();
}

function namesIn(directory: string): string[] {
	try {
		return readdirSync(directory);
	} catch (error) {
		if (errnoCode(error) === undefined || resourceError(directory, error)) throw fileError(directory, error);
		return [];
	}
}

/**
 * Returns undefined if the name does not exist, and another spelling if only case or composition
 * differ, on every file system. Components above `below` are not checked.
 */
export function existingCase(path: string, below?: string): string | undefined {
	const requested = resolve(path);
	let current = below === undefined ? parse(requested).root : resolve(below);
	for (const part of relative(current, requested).split(sep)) {
		if (part === "" || part === "..") {
			current = join(current, part);
			continue;
		}
		const names = namesIn(current);
		const name = names.includes(part) ? part : names.find((candidate) => folded(candidate) === folded(part));
		if (name === undefined) return undefined;
		current = join(current, name);
	}
	return current;
}

/** Returns what to remove after a failure: the topmost missing directory. */
export function missingParent(directory: string): string | undefined {
	if (targetKind(directory) !== "missing") return undefined;
	return missingParent(dirname(directory)) ?? directory;
}

/** Checks the path itself, not a link's target; true on systems without users. */
export function isOurs(path: string): boolean {
	return ifPossible(() => {
		const user = process.getuid?.();
		return user === undefined || lstatSync(path).uid === user;
	}, false);
}

/** Also returns true for a directory that could be created. Changes nothing. */
export function isWritableDirectory(path: string): boolean {
	const kind = targetKind(path);
	const parent = dirname(path);
	if (kind === "missing") return parent !== path && isWritableDirectory(parent);
	if (kind !== "directory") return false;
	return ifPossible(() => {
		accessSync(path, constants.W_OK | constants.X_OK);
		return true;
	}, false);
}

/** Rejects a link in its place: writes must not be redirected. */
export function makeOwnDirectory(path: string): void {
	try {
		mkdirSync(path);
	} catch (error) {
		if (errnoCode(error) !== "EEXIST") throw fileError(path, error);
		const kind = pathKind(path);
		if (kind !== "directory")
			throw new AgentvError("refused", `${path} is a ${kind}, not a directory created by AgentV`);
	}
}

/** Survives a crash of the process, not of the machine. Doesn't follow a link. */
export function writeOwnFile(path: string, content: string | Uint8Array): void {
	const file = openOwnFile(path);
	try {
		file.write(content);
	} finally {
		file.close();
	}
}

export function openOwnFile(path: string): { write(content: string | Uint8Array): void; close(): void } {
	const descriptor = atPath(path, () => openSync(path, writeFlags | constants.O_TRUNC, 0o644));
	return {
		write: (content) => atPath(path, () => writeFileSync(descriptor, content)),
		close: () => closeSync(descriptor),
	};
}
