import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { RunFile } from "../format/run-file.ts";
import { AgentvError, type DocumentPath } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import { type Redactor, redactDeep } from "../lib/redact.ts";
import { contributedSecrets, isSearchable, isSecretBelow } from "../lib/secret-shapes.ts";
import { listDirectory, makeDirectory } from "../machine/directories.ts";
import { agentvHome, type Environment } from "../machine/environment.ts";
import { pathKind, targetKind } from "../machine/files.ts";
import { repositoryRoot } from "../machine/git-repository.ts";
import { withLock } from "../machine/lock.ts";
import { readTextFile } from "../machine/read-file.ts";
import { writeAtomic } from "../machine/write-file.ts";
import { child, type Source } from "./source.ts";

const subject = "runs made here";

type Choices = Pick<RunFile, "runId" | "startedAt" | "evals" | "flags" | "origin">;

/** Some 120 bytes each. Older runs are dropped, and then need consent like received ones. */
const mostRuns = 5000;

/** Also checks that the record still selects the same evals and options. */
export function isMadeHere(run: RunFile, env: Environment): boolean {
	return readTrust(env).has(subject, noteOf(run));
}

/**
 * Records that the user made a run: its record may select what runs here. @param redact as
 * `run.json` is redacted
 */
export async function noteMadeRun(run: RunFile, redact: Redactor, env: Environment): Promise<void> {
	const { runId, startedAt, evals, flags, origin } = run;
	await addTrust(subject, [noteOf(redactDeep({ runId, startedAt, evals, flags, origin }, redact))], env, mostRuns);
}

/** Identifies a run and everything that its record selects. */
function noteOf({ runId, startedAt, evals, flags, origin }: Choices): Trusted {
	const chosen = { runId, startedAt, evals: evals.map(({ path }) => path), flags, origin };
	return { kind: "run", value: canonicalJson(chosen) };
}

/** Something that the user can consent to. Records of unknown kinds are kept. */
interface Trusted {
	readonly kind: string;
	readonly value: string;
}

/** A bundle that this user made is trusted as a whole, while its files match its manifest. */
export const madeHere: Trusted = { kind: "bundle", value: "made here" };

const entrySchema = z.looseObject({ kind: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const recordSchema = z.looseObject({
	version: z.literal(1),
	/** What the user allows, by the digest of the subject. */
	trusted: z.record(z.string(), z.array(entrySchema)),
});

type TrustFile = z.output<typeof recordSchema>;
type TrustEntry = z.output<typeof entrySchema>;

/** What the user has consented to. It contains only digests, no names or values. */
export class TrustRecord {
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

/**
 * @throws AgentvError `config` if the record is unreadable: it is neither trusted nor overwritten
 */
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

/** Removes all trust for a subject. */
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

/** Cached model responses, `<two digits>/<sha-256>.json`. */
export function callsPlace(home: string): string {
	return join(home, "cache");
}

/** Workspaces by run id. */
export function workspacesPlace(home: string): string {
	return join(home, "workspaces");
}

/** Clones of benchmarks whose entries have no path. */
export function benchmarksPlace(home: string): string {
	return join(home, "benchmarks");
}

function resultsPlace(home: string): string {
	return join(home, "results");
}

/** Prefix of the directories next to the target in which clones are created. */
export const workshopPrefix = ".agentv-clone-";

export interface ResultsMachine {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
}

/** A directory with `<experiment>/<time>` subdirectories. */
export interface RunRoot {
	readonly path: string;
	/** The benchmark or bundle of these runs; absent for the project of the current directory. */
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
