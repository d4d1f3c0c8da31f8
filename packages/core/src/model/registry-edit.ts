import { basename, join, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { parseGitUrl, repositoryName } from "../base/git-url.ts";
import { checkGitRef, checkGitUrl } from "../base/git-url-check.ts";
import { interpolateEnv } from "../base/interpolate.ts";
import { parseYaml } from "../base/yaml-document.ts";
import { agentvHome, type Environment, expandHome } from "../io/environment.ts";
import { withLock } from "../io/files/lock.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { writeAtomic } from "../io/files/write-atomic.ts";
import { benchmarkIdPattern } from "../schema/registry-file.ts";
import { sourceAccess } from "./benchmark-source.ts";
import { benchmarksPlace } from "./home-places.ts";
import { parseRegistry, type Registry, type RegistryEntry, readRegistry, registryFile } from "./registry.ts";
import { type EntryFields, withEntry, withoutEntry } from "./registry-text.ts";

export interface AddBenchmarkOptions {
	readonly env: Environment;
	/** Absolute directory that relative paths are relative to. */
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
	/** The registry's path. */
	readonly file: string;
	readonly id: string;
	/** Keys and values as in the file; variables unresolved. */
	readonly fields: EntryFields;
}

/**
 * Registers a local directory or a git repository without cloning. `location` is a path or a git
 * URL, which can contain `${{ }}`.
 * @throws AgentvError `usage` for a duplicate id (the hint suggests one), `not-found` for a missing
 * directory, `config` for an invalid
 * URL or ref, or an unreadable registry
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

/** A removed entry, and where its directory still is. */
export interface RemovedEntry {
	readonly file: string;
	readonly id: string;
	/** Absolute. */
	readonly path: string;
}

/**
 * Removes an entry from the registry; the directory stays.
 * @throws AgentvError `not-found` for an unknown id
 */
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

/**
 * Returns the entry of that id.
 * @throws AgentvError `not-found`, with the known ids
 */
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

/** Checks whether sync would accept URL and ref; variables that are unset now can be set then. */
function checkSource(url: string, { env, cwd, ref }: AddBenchmarkOptions): void {
	const unset = [url, ref ?? ""].some((text) => interpolateEnv(text, env).uses.some(({ state }) => state === "unset"));
	if (!unset) {
		sourceAccess({ url, ref }, cwd, env);
		return;
	}
	const refusal = checkGitUrl(url, url) ?? (ref === undefined || ref.includes("${{") ? undefined : checkGitRef(ref));
	if (refusal) throw new AgentvError("config", refusal.message);
}
