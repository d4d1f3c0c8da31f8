import { parse, resolve } from "node:path";
import { agentSkillsEnvelope, isAgentSkillsFile } from "../eval/check-tests.ts";
import type { LoadedEval, TargetChoice } from "../eval/eval-types.ts";
import { evalEnvironment, loadEval } from "../eval/load-eval.ts";
import { loadTargets, type TargetScope } from "../eval/load-targets.ts";
import { type ResolvedTarget, resolveTarget, type TargetUse, usedTargets } from "../eval/resolve-target.ts";
import { type Part, plainPart, type Source, valueBelow } from "../eval/source.ts";
import { ownLinks } from "../eval/trust.ts";
import type { Diagnostic, DocumentPath, Place } from "../lib/errors.ts";
import { type JsonLine, parseJsonLines } from "../lib/json.ts";
import type { Environment } from "../machine/environment.ts";
import type { BundleOptions } from "./bundle-plan.ts";
import { placeKey } from "./layout.ts";

export interface LoadedSource {
	readonly loaded: LoadedEval;
	readonly scope: TargetScope;
	readonly selection: TargetSelection;
	/** Includes `.env` files. */
	readonly env: Environment;
}

/** Replace an unknown number or boolean. */
const standIns = ["1", "true"];

/**
 * Only the names of variables are written, so an unset one is not an error.
 * @throws AgentvError `not-found` for the eval or the targets file
 */
export function loadSource(options: BundleOptions): LoadedSource {
	let assumed: Environment = {};
	for (const value of standIns) {
		const source = loadWith(options, assumed);
		const unset = unsetVariables(source);
		if (unset.length === 0) return source;
		assumed = { ...assumed, ...Object.fromEntries(unset.map((name) => [name, value])) };
	}
	return loadWith(options, assumed);
}

function loadWith(
	{ file, view, env: processEnv, cwd, targetsFile, targets = [], includeOutside }: BundleOptions,
	assumed: Environment,
): LoadedSource {
	const env = { ...processEnv, ...assumed };
	const override = targetsFile === undefined ? {} : { targetsFile: resolve(cwd, targetsFile) };
	const allowed = includeOutside ? [parse(cwd).root] : ownLinks([resolve(cwd, file)], processEnv, view);
	const reach = { allowed, ownFiles: Object.values(override), option: "--include-outside" } as const;
	const loaded = loadEval(file, { view, env, cwd, reach });
	const evalEnv = evalEnvironment(loaded.scope, env, view);
	const scope = loadTargets(loaded.scope, { view, env: evalEnv, ...override });
	return { loaded, scope, selection: selectTargets(loaded, scope, targets), env: evalEnv };
}

/** Finds variables without a value in fields that need another type. */
function unsetVariables({ loaded, scope, selection, env }: LoadedSource): string[] {
	const wrong = new Set(
		[...loaded.diagnostics, ...scope.diagnostics, ...selection.diagnostics]
			.filter(isShapeError)
			.map(({ at }) => placeKey(at)),
	);
	const variables = [...loaded.variables, ...[...scope.sources.values()].flatMap((source) => source.variables)];
	return variables.flatMap(({ name, state, at }) =>
		wrong.has(placeKey(at)) && (state === "unset" || standIns.includes(env[name] ?? "")) ? [name] : [],
	);
}

function isShapeError({ severity, rule }: Diagnostic): boolean {
	return severity === "error" && /^(schema\.shape|assertions\.weight)$/.test(rule);
}

export interface TargetSelection {
	/** By the eval's name for it: the content of the bundle's `targets.yaml`. */
	readonly named: ReadonlyMap<string, ResolvedTarget>;
	readonly all: readonly ResolvedTarget[];
	readonly choices: readonly TargetChoice[];
	readonly diagnostics: readonly Diagnostic[];
}

/** @param chosen from `--target`; overrides the eval's choice */
export function selectTargets(loaded: LoadedEval, scope: TargetScope, chosen: readonly string[]): TargetSelection {
	const uses = usedTargets(loaded, scope, chosen.length > 0 ? chosen : undefined);
	const named = new Map<string, ResolvedTarget>();
	const all = new Set<ResolvedTarget>();
	const diagnostics: Diagnostic[] = [];
	const take = (choice: TargetChoice, resolution: TargetUse["resolution"]): void => {
		if (!resolution.ok) {
			diagnostics.push(...resolution.diagnostics.map(withTargetHint));
			return;
		}
		all.add(resolution.target);
		if (!("inline" in choice)) {
			named.set(choice.name, resolution.target);
			return;
		}
		const name = [choice.inline.extends, choice.inline.use_target].find((parent) => typeof parent === "string");
		const parent = name === undefined ? undefined : { name, at: choice.at };
		if (parent) take(parent, resolveTarget(parent, scope));
	};
	// An unused grader may be missing, like in a run.
	for (const { choice, resolution, implied, role } of uses)
		if (resolution.ok || !implied || role !== "grader") take(choice, resolution);
	return { named, all: [...all], choices: uses.map(({ choice }) => choice), diagnostics };
}

function withTargetHint(diagnostic: Diagnostic): Diagnostic {
	const byVariable = diagnostic.rule === "env.unset" || String(diagnostic.data.name).includes("${{");
	return byVariable
		? { ...diagnostic, hint: `${diagnostic.hint ?? "set it"}; or select a target with --target NAME` }
		: diagnostic;
}

/** As in the files, without replacing `${{ }}`. */
export interface RawValues {
	at(place: Place): unknown;
	/** The scalar's source text. */
	written(place: Place): string | undefined;
	/** For JSON Lines, the list of its rows. */
	document(file: string): unknown;
}

export function rawValues(...sources: readonly ReadonlyMap<string, Source>[]): RawValues {
	const documents = new Map<string, RawDocument>();
	const open = (file: string): RawDocument => {
		const source = sources.map((map) => map.get(file)).find((candidate) => candidate !== undefined);
		const document = documents.get(file) ?? readDocument(file, source);
		documents.set(file, document);
		return document;
	};
	return {
		document: (file) => open(file).value,
		written({ file, line, path = [] }) {
			const { rows, written } = open(file);
			return line === undefined ? written(path) : rows.get(line)?.spelled.get(path.join("\0"));
		},
		at({ file, line, path = [] }) {
			const { rows, value } = open(file);
			return valueBelow(line === undefined ? value : rows.get(line)?.value, path);
		},
	};
}

interface RawDocument extends Pick<Part, "value" | "written"> {
	readonly rows: ReadonlyMap<number, JsonLine>;
}

function readDocument(file: string, source: Source | undefined): RawDocument {
	const document = source?.document;
	if (!document) {
		const rows = source ? parseJsonLines(source.text, file).rows : [];
		const value = source && rows.map((row) => row.value);
		return { value, written: () => undefined, rows: new Map(rows.map((row) => [row.line, row])) };
	}
	const part = { ...plainPart(document.value, { file }), written: (path: DocumentPath) => document.sourceText(path) };
	const { value, written } = isAgentSkillsFile(file, document.value) ? agentSkillsEnvelope(part) : part;
	return { value, written, rows: new Map() };
}
