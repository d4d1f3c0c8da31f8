import { basename, dirname, join, resolve } from "node:path";
import { isSeq } from "yaml";
import { kindOf, shapeIssues } from "../format/inspect-fields.ts";
import { benchmarkEntrySchema, benchmarkIdPattern } from "../format/target-file.ts";
import {
	AgentvError,
	type Diagnostic,
	type DocumentPath,
	type FindingKind,
	finding,
	hasErrors,
	type Place,
} from "../lib/errors.ts";
import {
	checkGitRef,
	checkGitUrl,
	type GitRefusal,
	parseGitUrl,
	repositoryName,
	splitCredentials,
} from "../lib/git-url.ts";
import { interpolateEnv, mostInField } from "../lib/interpolate.ts";
import type { TextEdit } from "../lib/text.ts";
import {
	type Collection,
	entryEnd,
	entryStart,
	lineStart,
	nextLineStart,
	parseYaml,
	startsLine,
	type YamlDocument,
} from "../lib/yaml-document.ts";
import { appendToSequence, blockText, removeEntry, verifiedPatch } from "../lib/yaml-edit.ts";
import { agentvHome, type Environment, expandHome } from "../machine/environment.ts";
import { targetKind } from "../machine/files.ts";
import type { GitCredentials } from "../machine/git.ts";
import { withLock } from "../machine/lock.ts";
import { readTextFile } from "../machine/read-file.ts";
import { writeAtomic } from "../machine/write-file.ts";
import { benchmarksPlace } from "./run-digest.ts";
import { misplacedSecret, urlEnvironment } from "./source.ts";

export interface RegistryEntry {
	readonly id: string;
	readonly name: string;
	/** Absolute: `~` expanded, relative paths resolved against the registry's directory. */
	readonly path: string;
	/** As written. Never show it: use `shownSource`. */
	readonly source: WrittenSource | undefined;
	readonly access: SourceAccess | undefined;
	readonly addedAt: string | undefined;
	readonly index: number;
	readonly at: Place;
	/** One sentence, such as for an unset variable or an invalid URL. */
	readonly problem: string | undefined;
	/** Whether only the source has a problem, so that `path` can still be read. */
	readonly hasUsablePath: boolean;
}

export interface Registry {
	/** Absolute; the file may not exist. */
	readonly file: string;
	readonly entries: readonly RegistryEntry[];
	/** Problems of single entries, which are missing from `entries` or have a `problem`. */
	readonly diagnostics: readonly Diagnostic[];
	readonly document: YamlDocument | undefined;
}

const maxBytes = 10 * 1024 * 1024;

export function registryFile(env: Environment): string {
	return join(agentvHome(env), "benchmarks.yaml");
}

/**
 * A missing file is an empty list; an invalid entry becomes a diagnostic.
 * @throws AgentvError `config` if the whole file is unreadable: nothing may write to it then
 */
export function readRegistry(env: Environment): Registry {
	const file = registryFile(env);
	if (targetKind(file) === "missing") return { file, entries: [], diagnostics: [], document: undefined };
	return parseRegistry(readTextFile(file, { maxBytes }), file, env);
}

export function parseRegistry(text: string, file: string, env: Environment): Registry {
	const document = parseYaml(text, file);
	if (hasErrors(document.diagnostics)) throw unusable(file, document.diagnostics);
	const list = benchmarkList(document);
	const diagnostics: Diagnostic[] = [];
	const entries: RegistryEntry[] = [];
	const ids = new Set<string>();
	for (const [index, value] of list.entries()) {
		const entry = readEntry(value, index, document, env, diagnostics);
		if (!entry) continue;
		if (ids.has(entry.id)) {
			diagnostics.push(
				finding(registryDuplicate, { id: entry.id }, { ...entry.at, path: ["benchmarks", index, "id"] }),
			);
			continue;
		}
		ids.add(entry.id);
		entries.push(entry);
	}
	return { file, entries, diagnostics, document };
}

function unusable(file: string, diagnostics: readonly Diagnostic[]): AgentvError {
	return new AgentvError("config", `${file} is not a valid registry`, {
		hint: "Fix it by hand; AgentV does not write to a file that it can't read.",
		diagnostics,
	});
}

function benchmarkList(document: YamlDocument): readonly unknown[] {
	const { value, file } = document;
	if (value === null || value === undefined) return [];
	const wrong = (path: DocumentPath, field: string, found: unknown) =>
		unusable(file, [
			finding(
				registryShape,
				{ field, message: `expected ${path.length === 0 ? "a mapping" : "a list"}, got ${kindOf(found)}` },
				{ file, path },
			),
		]);
	if (typeof value !== "object" || Array.isArray(value)) throw wrong([], "the document", value);
	const { benchmarks } = value as Record<string, unknown>;
	if (benchmarks === null || benchmarks === undefined) return [];
	if (!Array.isArray(benchmarks)) throw wrong(["benchmarks"], "benchmarks", benchmarks);
	return benchmarks;
}

function readEntry(
	value: unknown,
	index: number,
	document: YamlDocument,
	env: Environment,
	diagnostics: Diagnostic[],
): RegistryEntry | undefined {
	const path = ["benchmarks", index];
	const at: Place = { file: document.file, path };
	const place = (...keys: DocumentPath): Place => ({ file: document.file, path: [...path, ...keys] });
	const texts = asWritten(value, path, document);
	const id = filledId(texts, env);
	const parsed = benchmarkEntrySchema.safeParse(id === undefined ? texts : { ...(texts as object), id });
	if (!parsed.success) {
		for (const issue of shapeIssues(parsed.error, texts)) {
			const field = issue.path.join(".") || `entry ${index + 1}`;
			diagnostics.push(finding(registryShape, { field, message: issue.message }, place(...issue.path)));
		}
		return undefined;
	}
	const { data } = parsed;
	const problems: Diagnostic[] = [];
	const filled = (field: string, text: string) => {
		const budget = { left: mostInField };
		const { value: result, uses } = interpolateEnv(text, env, budget);
		if (budget.left < 0)
			problems.push(
				finding(
					registryShape,
					{ field, message: `its variables insert more than ${mostInField} characters` },
					place(field),
				),
			);
		for (const { name, state } of uses)
			if (state === "unset") problems.push(finding(registryVariable, { id: data.id, field, name }, place(field)));
		return result;
	};
	const base = dirname(document.file);
	const entry = {
		id: data.id,
		name: data.name === undefined ? data.id : filled("name", data.name),
		path: resolve(base, expandHome(filled("path", data.path), env)),
		source: data.source,
		addedAt: data.addedAt,
		index,
		at,
	};
	let access: SourceAccess | undefined;
	try {
		access = data.source && sourceAccess(data.source, base, env);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		const { message: reason, hint } = error;
		const field = reason.startsWith("ref: ") ? "ref" : "url";
		problems.push(finding(registrySource, { id: data.id, reason, hint }, place("source", field)));
	}
	diagnostics.push(...problems);
	const [first] = problems;
	return { ...entry, access, problem: first?.message, hasUsablePath: !first || first.rule === registrySource.rule };
}

/** Keeps text scalars as written: the id `007` is not a number here. */
function asWritten(value: unknown, path: DocumentPath, document: YamlDocument): unknown {
	if (typeof value === "number" || typeof value === "boolean") return document.sourceText(path) ?? String(value);
	if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
	const known = new Set(["id", "name", "path", "source", "url", "ref", "added_at"]);
	return Object.fromEntries(
		Object.entries(value).map(([key, item]) => [
			key,
			known.has(key) ? asWritten(item, [...path, key], document) : item,
		]),
	);
}

function filledId(entry: unknown, env: Environment): string | undefined {
	const id = typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>)["id"] : undefined;
	return typeof id === "string" ? interpolateEnv(id, env).value : undefined;
}

interface EntryFields {
	readonly [key: string]: string | EntryFields;
}

/** @throws AgentvError `refused` if aliases in the text make that unsafe */
export function withEntry(document: YamlDocument, entry: EntryFields): string {
	const value = (document.value ?? {}) as Record<string, unknown>;
	const list = (value["benchmarks"] ?? []) as unknown[];
	const edits = appendToSequence(document, ["benchmarks"], blockText(entry));
	return verifiedPatch(document, edits, { ...value, benchmarks: [...list, entry] }).text;
}

/**
 * Removes only the entry's own lines: a comment above it may be about something else.
 * @throws AgentvError `refused` as `withEntry`
 */
export function withoutEntry(document: YamlDocument, index: number): string {
	const value = document.value as Record<string, unknown>;
	const left = (value["benchmarks"] as unknown[]).toSpliced(index, 1);
	const ownLines = linesOf(document, index);
	if (!ownLines)
		return verifiedPatch(document, removeEntry(document, ["benchmarks", index]), { ...value, benchmarks: left }).text;
	return verifiedPatch(document, [ownLines], { ...value, benchmarks: left.length === 0 ? null : left }).text;
}

function linesOf(document: YamlDocument, index: number): TextEdit | undefined {
	const { text } = document;
	const { node } = document.find(["benchmarks"]);
	if (!isSeq(node) || node.flow) return undefined;
	const list = node as Collection;
	const start = entryStart(text, list, index);
	if (!startsLine(text, start)) return undefined;
	const from = lineStart(text, start);
	const to = nextLineStart(text, entryEnd(text, list.items[index] as Parameters<typeof entryEnd>[1]));
	// A file without a final line break still has none.
	const isLast = to === text.length && !text.endsWith("\n") && index > 0;
	return { range: [isLast ? from - (text.slice(0, from).endsWith("\r\n") ? 2 : 1) : from, to], text: "" };
}

const quote = (text: string) => JSON.stringify(text);

const registryShape: FindingKind<{ field: string; message: string }> = {
	rule: "registry.shape",
	severity: "error",
	message: ({ field, message }) => `${field}: ${message}`,
};

const registryDuplicate: FindingKind<{ id: string }> = {
	rule: "registry.duplicate-id",
	severity: "error",
	message: ({ id }) => `the id ${quote(id)} is already used by an earlier entry; this one is ignored`,
	hint: () => "ids must be unique",
};

const registryVariable: FindingKind<{ id: string; field: string; name: string }> = {
	rule: "env.unset",
	severity: "error",
	message: ({ id, field, name }) => `${field} of ${quote(id)}: variable ${name} is not set and has no default`,
	hint: ({ name }) => `set ${name}, or write \${{ ${name}:-default }}`,
};

const registrySource: FindingKind<{ id: string; reason: string; hint?: string | undefined }> = {
	rule: "registry.source",
	severity: "error",
	message: ({ id, reason }) => `source of ${quote(id)}: ${reason}`,
	hint: ({ hint }) => hint,
};

interface AddBenchmarkOptions {
	readonly env: Environment;
	/** Absolute; base of relative paths. */
	readonly cwd: string;
	readonly id?: string | undefined;
	readonly name?: string | undefined;
	/** Branch, tag or full SHA; makes a plain path a git-backed benchmark. */
	readonly ref?: string | undefined;
	/** Default `$AGENTV_HOME/benchmarks/<id>`. Makes a plain path a git-backed benchmark. */
	readonly path?: string | undefined;
	readonly now?: Date | undefined;
}

export interface WrittenEntry {
	readonly file: string;
	readonly id: string;
	readonly fields: EntryFields;
}

/**
 * Doesn't clone. `location` is a path or a git URL, which can contain `${{ }}`.
 * @throws AgentvError `usage` for a duplicate id (the hint suggests one), `not-found` for a missing
 * directory, `config` for an invalid URL or ref, or an unreadable registry
 */
export async function addBenchmark(location: string, options: AddBenchmarkOptions): Promise<WrittenEntry> {
	const { env } = options;
	const file = registryFile(env);
	const entry = entryFor(location, options);
	await edit(file, env, (registry) => {
		refuseDuplicate(entry.id, registry);
		return withEntry(registry.document ?? parseYaml("", file), entry.fields);
	});
	return { file, ...entry };
}

interface RemovedEntry {
	readonly file: string;
	readonly id: string;
	readonly path: string;
}

/** The directory stays. @throws AgentvError `not-found` for an unknown id */
export async function removeBenchmark(id: string, options: { readonly env: Environment }): Promise<RemovedEntry> {
	const file = registryFile(options.env);
	let path = "";
	await edit(file, options.env, (registry) => {
		const entry = findEntry(registry, id);
		path = entry.path;
		return registry.document ? withoutEntry(registry.document, entry.index) : "";
	});
	return { file, id, path };
}

/** @throws AgentvError `not-found`, with the known ids */
export function findEntry(registry: Registry, id: string): RegistryEntry {
	const found = registry.entries.find((entry) => entry.id === id);
	if (found) return found;
	const known = registry.entries.map((entry) => entry.id);
	throw new AgentvError("not-found", `no benchmark ${JSON.stringify(id)}`, {
		hint: known.length === 0 ? "Add one: agentv benchmark add <path-or-git-url>." : `Known: ${known.join(", ")}.`,
		diagnostics: registry.diagnostics,
	});
}

async function edit(file: string, env: Environment, change: (registry: Registry) => string): Promise<void> {
	await withLock(file, () => {
		const text = change(readRegistry(env));
		// Check that the new text is readable before it replaces the old one.
		parseRegistry(text, file, env);
		writeAtomic(file, text, { mode: 0o600 });
	});
}

function refuseDuplicate(id: string, registry: Registry): void {
	const taken = new Set(registry.entries.map((entry) => entry.id));
	if (!taken.has(id)) return;
	let number = 2;
	while (taken.has(`${id}-${number}`)) number++;
	throw new AgentvError("usage", `benchmark ${JSON.stringify(id)} already exists`, {
		hint: `Choose another id: --id ${id}-${number}.`,
	});
}

function entryFor(location: string, options: AddBenchmarkOptions): { id: string; fields: EntryFields } {
	const { env, cwd } = options;
	const { value: text, uses } = interpolateEnv(location, env);
	const isPath = parseGitUrl(text).kind === "path" && !uses.some(({ state }) => state === "unset");
	const absolute = resolve(cwd, expandHome(text, env));
	if (isPath && text === "") throw new AgentvError("usage", "the path or URL is empty");
	if (isPath && uses.length === 0 && targetKind(absolute) === "missing") throw missing(location, absolute);
	const isGit = !isPath || options.ref !== undefined || options.path !== undefined;
	const written = isPath && uses.length === 0 && !location.startsWith("~") ? absolute : location;
	if (isGit) checkSource(written, options);
	else if (targetKind(absolute) !== "directory") throw new AgentvError("config", `${absolute} is not a directory`);
	const id = options.id ?? defaultId(isPath ? absolute : text, location);
	if (!benchmarkIdPattern.test(id))
		throw new AgentvError("usage", `invalid id ${JSON.stringify(id)}`, {
			hint: "An id consists of lower-case letters, digits, '.', '_' and '-', and starts with a letter or digit.",
		});
	const path = options.path === undefined ? join(benchmarksPlace(agentvHome(env)), id) : clonePath(options.path, cwd);
	return {
		id,
		fields: {
			id,
			...(options.name === undefined ? {} : { name: options.name }),
			path: isGit ? path : written,
			...(isGit ? { source: { url: written, ...(options.ref === undefined ? {} : { ref: options.ref }) } } : {}),
			added_at: (options.now ?? new Date()).toISOString(),
		},
	};
}

function clonePath(path: string, cwd: string): string {
	return path.startsWith("~") || path.includes("${{") ? path : resolve(cwd, path);
}

function missing(location: string, absolute: string): AgentvError {
	const isShorthand = /^[\w-]+\/[\w.-]+$/.test(location);
	return new AgentvError("not-found", `${absolute} does not exist`, {
		hint: isShorthand
			? `For a GitHub repository write https://github.com/${location}.git.`
			: "Use a directory or a git URL (https://…, git@host:…).",
	});
}

function defaultId(text: string, location: string): string {
	const id = repositoryName(text) ?? repositoryName(basename(text));
	// A variable's name is not a benchmark's name.
	const last = text
		.replace(/(?<!\/)\/+$/, "")
		.split("/")
		.at(-1);
	const isNamed = !last?.includes("${{");
	if (id !== undefined && isNamed) return id;
	throw new AgentvError("usage", `can't derive an id from ${JSON.stringify(location)}`, {
		hint: "Give one: --id <id>.",
	});
}

/** Checks whether sync would accept URL and ref. Variables that are unset now can be set then. */
function checkSource(url: string, { env, cwd, ref }: AddBenchmarkOptions): void {
	const unset = [url, ref ?? ""].some((text) => interpolateEnv(text, env).uses.some(({ state }) => state === "unset"));
	if (!unset) {
		sourceAccess({ url, ref }, cwd, env);
		return;
	}
	const refusal = checkGitUrl(url, url) ?? (ref === undefined || ref.includes("${{") ? undefined : checkGitRef(ref));
	if (refusal) throw new AgentvError("config", refusal.message);
}

/** As written; can contain a literal password, which is rejected later. */
export interface WrittenSource {
	readonly url: string;
	readonly ref?: string | undefined;
}

/** Credentials are separate from the URL, and are never shown or stored. */
export interface SourceAccess {
	/** For git and its configuration: without credentials. Paths are absolute. */
	readonly url: string;
	/** Branch, tag, full name (`refs/heads/x`) or full SHA; undefined: the remote's HEAD branch. */
	readonly ref: string | undefined;
	readonly credentials: GitCredentials | undefined;
}

const whereCredentialsBelong =
	"Use a variable (https://x-access-token:${{ GITHUB_TOKEN }}@host/…) or git's credential helper.";

/**
 * Fills in the variables of `written` and checks the result, because URL and ref are untrusted.
 * @throws AgentvError `config` if it can't be used; the message never contains a credential
 */
function sourceAccess(written: WrittenSource, base: string, env: Environment): SourceAccess {
	const text = filledIn("url", written.url, urlEnvironment(written.url, env));
	refuse("url", checkGitUrl(text, written.url));
	const secret = misplacedSecret(written.url);
	if (secret !== undefined)
		throw new AgentvError("config", `url: the secret ${secret} is outside the user part of the URL`, {
			hint: whereCredentialsBelong,
		});
	const { url, credentials } = withoutEmptyUser(splitCredentials(text, written.url));
	const isPath = parseGitUrl(url).kind === "path";
	return {
		url: isPath ? resolve(base, expandHome(url, env)) : url,
		ref: refOf(written.ref, env),
		credentials: credentials && { url, ...credentials },
	};
}

/** Makes `https://x-access-token:${{ TOKEN:-}}@host` without a token a plain URL. */
function withoutEmptyUser(split: ReturnType<typeof splitCredentials>): ReturnType<typeof splitCredentials> {
	const { url, credentials } = split;
	if (credentials?.password === "" && (credentials.username === "" || credentials.username === "x-access-token"))
		return { url: url.replace(/^([a-z]+:\/\/)[^/@]*@/i, "$1") };
	return split;
}

function refuse(field: string, refusal: GitRefusal | undefined): void {
	if (!refusal) return;
	const message = `${field}: ${refusal.message.charAt(0).toLowerCase()}${refusal.message.slice(1)}`;
	const hint = refusal.reason === "password" ? whereCredentialsBelong : undefined;
	throw new AgentvError("config", message, hint === undefined ? {} : { hint });
}

function filledIn(field: string, written: string, env: Environment): string {
	const budget = { left: mostInField };
	const { value, uses, malformed } = interpolateEnv(written, env, budget);
	if (budget.left < 0)
		throw new AgentvError("config", `${field}: its variables insert more than ${mostInField} characters`);
	const unset = uses.find(({ state }) => state === "unset")?.name;
	if (unset !== undefined)
		throw new AgentvError("config", `${field}: variable ${unset} is not set and has no default`, {
			hint: `Set ${unset}, or write \${{ ${unset}:-default }}.`,
		});
	const [broken] = malformed;
	if (broken)
		throw new AgentvError("config", `${field}: ${JSON.stringify(broken.text)} looks like a variable but is not one`, {
			hint: "Write ${{ NAME }} or ${{ NAME:-default }}.",
		});
	return value;
}

function refOf(written: string | undefined, env: Environment): string | undefined {
	if (written === undefined) return undefined;
	const ref = filledIn("ref", written, env).trim();
	if (ref === "") return undefined;
	refuse("ref", checkGitRef(ref));
	return ref;
}

export function isFullSha(ref: string): boolean {
	return /^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref);
}
