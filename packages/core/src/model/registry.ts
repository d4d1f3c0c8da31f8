import { dirname, join, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { type Diagnostic, type DocumentPath, finding, hasErrors, type Place } from "../base/diagnostic.ts";
import { interpolateEnv } from "../base/interpolate.ts";
import { parseYaml, type YamlDocument } from "../base/yaml-document.ts";
import { mostInField } from "../base/yaml-limits.ts";
import { agentvHome, type Environment, expandHome } from "../io/environment.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { benchmarkEntrySchema } from "../schema/registry-file.ts";
import { kindOf, shapeIssues } from "../schema/shape-issues.ts";
import { sourceAccess, type WrittenSource } from "./benchmark-source.ts";
import { registryDuplicate, registryShape, registrySource, registryVariable } from "./registry-findings.ts";

/** A well-formed entry of `benchmarks.yaml`, its variables filled in. */
export interface RegistryEntry {
	readonly id: string;
	readonly name: string;
	/** Absolute: `~` expanded, relative paths resolved against the registry's directory. */
	readonly path: string;
	/** Variables are filled in on use. Never show it: use `shownSource`. */
	readonly source: WrittenSource | undefined;
	readonly addedAt: string | undefined;
	/** Index in the list `benchmarks`. */
	readonly index: number;
	readonly at: Place;
	/** Why it can't be used now, in one sentence: an unset variable, an invalid URL. */
	readonly problem: string | undefined;
	/** Whether only the source has a problem, so that `path` can still be read. */
	readonly hasUsablePath: boolean;
}

export interface Registry {
	/** Absolute path of `benchmarks.yaml`, which may not exist. */
	readonly file: string;
	readonly entries: readonly RegistryEntry[];
	/** Problems of single entries; these are missing from `entries`, or have a `problem`. */
	readonly diagnostics: readonly Diagnostic[];
	/** Undefined if there is no file. */
	readonly document: YamlDocument | undefined;
}

const maxBytes = 10 * 1024 * 1024;

/** Returns `$AGENTV_HOME/benchmarks.yaml`. */
export function registryFile(env: Environment): string {
	return join(agentvHome(env), "benchmarks.yaml");
}

/**
 * Reads the registry from disk. A missing file is an empty list; a bad entry becomes a diagnostic,
 * the others still work.
 * @throws AgentvError `config`, with diagnostics, if the file as a whole is unreadable; nothing may
 * write to it then
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
	const refused = data.source && refusedSource(data.source, base, env);
	if (refused)
		problems.push(
			finding(
				registrySource,
				{ id: data.id, reason: refused.error.message, hint: refused.error.hint },
				place("source", refused.field),
			),
		);
	diagnostics.push(...problems);
	const [first] = problems;
	return { ...entry, problem: first?.message, hasUsablePath: !first || first.rule === registrySource.rule };
}

function refusedSource(
	source: WrittenSource,
	base: string,
	env: Environment,
): { readonly field: "url" | "ref"; readonly error: AgentvError } | undefined {
	try {
		sourceAccess(source, base, env);
		return undefined;
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		const isUrl = source.ref === undefined || refusedSource({ url: source.url }, base, env) !== undefined;
		return { field: isUrl ? "url" : "ref", error };
	}
}

/** Keeps text scalars as written: an id `007` is not a number here. */
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
