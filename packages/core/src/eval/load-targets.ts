import { dirname, join, relative } from "node:path";
import { hooksSchema, type TargetEntry, targetEntrySchema } from "../format/target-file.ts";
import { AgentvError, type Diagnostic, finding, type Place } from "../lib/errors.ts";
import { noteTargets, noteVariables, secretsIn } from "../lib/redact.ts";
import type { SourceRange } from "../lib/yaml-document.ts";
import type { Environment } from "../machine/environment.ts";
import type { CommandSpec } from "./command.ts";
import { type EvalScope, withParents } from "./discover-evals.ts";
import type { Hooks, TargetChoice } from "./eval-types.ts";
import {
	conflictingFields,
	schemaShape,
	targetDuplicate,
	unknownField,
	unreadable,
	unsupportedField,
} from "./load-findings.ts";
import { commandOf, isCommandText, readCommand, readHooks } from "./load-workspace.ts";
import { type LoadLog, outOfReach, type PathText, type ReferenceKind, readShape } from "./read-shape.ts";
import { secretsByUse } from "./run-digest.ts";
import { child, type DiskView, hasFile, type Part, readSource, type Source } from "./source.ts";

/** Provider settings are checked only if the target is used. */
export interface TargetDefinition {
	readonly name: string;
	readonly entry: TargetEntry;
	/** `part.value` contains every setting after `${{ }}`. */
	readonly part: Part;
	readonly base: string;
	/** The directory above `.agentv` that it applies to. */
	readonly level: string;
	readonly file: string;
}

export interface TargetScope {
	/** Nearest directory first. */
	readonly files: readonly string[];
	readonly diagnostics: readonly Diagnostic[];
	readonly sources: ReadonlyMap<string, Source>;
	readonly secrets: readonly string[];
	find(name: string): TargetDefinition | undefined;
	readonly names: readonly string[];
	locate(place: Place): SourceRange | undefined;
}

export const targetFileNames = ["targets.yaml", "targets.yml", ".agentv/targets.yaml", ".agentv/targets.yml"] as const;

interface TargetOptions {
	readonly view: DiskView;
	readonly env: Environment;
	/** `--targets FILE`: overrides all others. */
	readonly targetsFile?: string | undefined;
	/** Shared by callers that load the targets of many evals. */
	readonly cache?: TargetCache;
}

export interface TargetCache {
	readonly files: Map<string, { readonly env: Environment; readonly level: string; readonly read: TargetFile }>;
	readonly scopes: Map<string, { readonly env: Environment; readonly scope: TargetScope }>;
}

export function targetCache(): TargetCache {
	return { files: new Map(), scopes: new Map() };
}

interface TargetFile {
	readonly source?: Source;
	readonly definitions: readonly TargetDefinition[];
	readonly diagnostics: readonly Diagnostic[];
}

/** Searches the eval's directory and its parents; the nearest definition wins. */
export function loadTargets(scope: EvalScope, options: TargetOptions): TargetScope {
	const key = shareable(scope, options);
	const shared = key === undefined ? undefined : options.cache?.scopes.get(key);
	if (shared && shared.env === options.env) return shared.scope;
	const read = readTargets(scope, options);
	if (key !== undefined && options.cache) {
		if (options.cache.scopes.size >= 200) options.cache.scopes.clear();
		options.cache.scopes.set(key, { env: options.env, scope: read });
	}
	return read;
}

/** Evals share a scope if they have no target files of their own and the same ones above them. */
function shareable(scope: EvalScope, { view, targetsFile, cache }: TargetOptions): string | undefined {
	if (!cache || targetsFile !== undefined) return undefined;
	let key = "";
	for (const directory of withParents(scope.directory, scope.root))
		for (const name of targetFileNames) {
			const file = join(directory, name);
			if (hasFile(view, file)) key += `${file}\0`;
		}
	return key;
}

function readTargets(scope: EvalScope, options: TargetOptions): TargetScope {
	const { view, targetsFile } = options;
	const state: State = { byName: new Map(), sources: new Map(), diagnostics: [], files: [] };
	if (targetsFile !== undefined) {
		if (view.kind(targetsFile) !== "file")
			throw new AgentvError("not-found", `the targets file ${targetsFile} does not exist`, { hint: "check --targets" });
		readLevel([targetsFile], dirname(targetsFile), state, options);
	}
	for (const directory of withParents(scope.directory, scope.root)) {
		const files = targetFileNames
			.map((name) => join(directory, name))
			.filter((file) => file !== targetsFile && hasFile(view, file))
			.filter((file) => {
				const refused = outOfReach(file, { raw: file, kind: "targets file", at: { file } }, scope);
				if (refused) state.diagnostics.push(refused);
				return !refused;
			});
		readLevel(files, directory, state, options);
	}
	const secrets = secretsIn([...state.sources.values()].map(({ parts }) => parts.map(({ value }) => value)));
	noteTargets(secrets);
	// The user's own variables are secrets even if they look like AgentV's field names.
	const contributed = [...state.sources.values()].flatMap((source) => secretsByUse(source, options.env));
	noteVariables(contributed);
	return {
		secrets: [...secrets, ...contributed],
		files: state.files,
		diagnostics: state.diagnostics,
		sources: state.sources,
		find: (name) => state.byName.get(name),
		names: [...state.byName.keys()],
		locate: (place) => state.sources.get(place.file)?.locate(place),
	};
}

interface State {
	readonly byName: Map<string, TargetDefinition>;
	readonly sources: Map<string, Source>;
	readonly diagnostics: Diagnostic[];
	readonly files: string[];
}

function readLevel(files: readonly string[], level: string, state: State, options: TargetOptions): void {
	const here = new Map<string, TargetDefinition>();
	for (const file of files) {
		state.files.push(file);
		const { source, definitions, diagnostics } = readCached(file, level, options);
		if (source) state.sources.set(file, source);
		state.diagnostics.push(...diagnostics);
		for (const definition of definitions) {
			const first = here.get(definition.name);
			if (first)
				state.diagnostics.push(
					finding(targetDuplicate, { name: definition.name, first: describe(first, state) }, definition.part.at),
				);
			else here.set(definition.name, definition);
		}
	}
	for (const [name, definition] of here) if (!state.byName.has(name)) state.byName.set(name, definition);
}

function readCached(file: string, level: string, { view, env, cache }: TargetOptions): TargetFile {
	const known = cache?.files.get(file);
	if (known && known.env === env && known.level === level) return known.read;
	const read = readTargetFile(file, level, view, env);
	if (cache && cache.files.size >= 200) cache.files.clear();
	cache?.files.set(file, { env, level, read });
	return read;
}

function readTargetFile(file: string, level: string, view: DiskView, env: Environment): TargetFile {
	const diagnostics: Diagnostic[] = [];
	const log = { report: (diagnostic: Diagnostic) => diagnostics.push(diagnostic) };
	let source: Source;
	try {
		source = readSource(file, view, env);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		log.report(finding(unreadable, { file, reason: error.message }, { file }));
		return { definitions: [], diagnostics };
	}
	diagnostics.push(...source.diagnostics);
	const root = source.parts[0];
	if (!root || root.value === undefined || root.value === null) return { source, definitions: [], diagnostics };
	const list = Array.isArray(root.value) ? root : child(root, "targets");
	if (!Array.isArray(list.value)) {
		log.report(finding(schemaShape, { field: "targets", message: "expected a list of targets" }, list.at));
		return { source, definitions: [], diagnostics };
	}
	const definitions = list.value.flatMap((_, index) => {
		const part = child(list, index);
		const entry = readShape(targetEntrySchema, part, {
			report: (found) => leftToUse.has(found.rule) || log.report(found),
		});
		return entry ? [{ name: entry.name, entry, part, base: dirname(file), level, file }] : [];
	});
	return { source, definitions, diagnostics };
}

/** Reported when a target is used, based on its provider's settings. */
const leftToUse: ReadonlySet<string> = new Set([unknownField.rule, conflictingFields.rule, unsupportedField.rule]);

function describe(definition: TargetDefinition, state: State): string {
	const range = state.sources.get(definition.file)?.locate(definition.part.at);
	return `${relative(definition.level, definition.file)}:${range?.start.line ?? 1}`;
}

export interface TargetLayer {
	readonly part: Part;
	readonly base: string;
}

export interface TargetPaths {
	readonly hooks: Hooks;
	readonly command: CommandSpec | undefined;
	readonly healthcheck: CommandSpec | undefined;
	readonly cwd: PathText | undefined;
	readonly fixtures: PathText | undefined;
}

/** Returns paths and commands, each relative to its layer's file. */
export function targetPaths(
	wire: Record<string, unknown>,
	origin: ReadonlyMap<string, TargetLayer>,
	log: LoadLog,
): TargetPaths {
	const path = (key: string, kind: ReferenceKind): PathText | undefined => {
		const layer = origin.get(key);
		const raw = wire[key];
		return layer && typeof raw === "string"
			? { kind, raw, at: child(layer.part, key).at, base: layer.base }
			: undefined;
	};
	const cwd = path("cwd", "working-directory");
	const of = origin.get("command");
	const hooks = origin.get("hooks");
	return {
		command:
			of && isCommandText(wire.command)
				? { ...readCommand("target-command", wire.command, child(of.part, "command"), of.base), cwd }
				: undefined,
		healthcheck: healthcheckOf(wire.healthcheck, origin.get("healthcheck")),
		cwd,
		fixtures: path("fixtures", "fixtures"),
		hooks:
			hooks && hooksSchema.safeParse(wire.hooks).success ? readHooks(child(hooks.part, "hooks"), hooks.base, log) : {},
	};
}

function healthcheckOf(value: unknown, layer: TargetLayer | undefined): CommandSpec | undefined {
	if (!layer) return undefined;
	const part = child(layer.part, "healthcheck");
	if (isCommandText(value)) return readCommand("healthcheck", value, part, layer.base);
	const entry = typeof value === "object" && value !== null ? (value as { command?: unknown; cwd?: unknown }) : {};
	return isCommandText(entry.command)
		? commandOf(
				"healthcheck",
				entry.command,
				part,
				"command",
				typeof entry.cwd === "string" ? entry.cwd : undefined,
				layer.base,
			)
		: undefined;
}

/**
 * Accepts a name, an inline definition (`provider: …`), `{name, extends, …overrides}` and, from the
 * deprecated `execution.targets`, `{name, use_target, hooks}`, which extends `use_target`.
 */
export function readTargetChoice(value: unknown, part: Part, base: string): TargetChoice | undefined {
	if (typeof value === "string") return { name: value, at: part.at };
	if (typeof value !== "object" || value === null) return undefined;
	const fields = value as Readonly<Record<string, unknown>>;
	const name =
		typeof fields.name === "string" ? fields.name : typeof fields.extends === "string" ? fields.extends : "inline";
	const keys = Object.keys(fields);
	if (keys.length === 1 && keys[0] === "name") return { name, at: part.at };
	return { name, inline: fields, part, at: part.at, base };
}
