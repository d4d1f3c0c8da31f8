import { relative, sep } from "node:path";
import {
	createRedactor,
	type DiskView,
	type Environment,
	type EvalValidation,
	evalEnvironment,
	executedCommands,
	type LoadedEval,
	loadEval,
	loadTargets,
	openDiskView,
	type Redactor,
	resolvedTargets,
	ruleDocs,
	type Place as SourcePlace,
	secretsIn,
	secretsOf,
	type TargetScope,
	type TargetUse,
	targetDestination,
	usedTargets,
	type ValidationFinding,
	validateEvals,
} from "@agentv/core";
import type { CommandAnswer, EvalAnswer, EvalTestAnswer, TargetAnswer, WorkspaceAnswer } from "./answers/evals.ts";
import type { FindingAnswer, RuleAnswer } from "./answers/findings.ts";
import type { FoundEval } from "./find-eval.ts";
import type { Services } from "./problem.ts";

/** Longer sources are cut. */
const longestSource = 1024 * 1024;
const mostFindings = 1000;

/** Describes an eval without its tests and results. */
export async function describeEval(
	opened: OpenedEval,
	{ options, marks }: Services,
	signal: AbortSignal,
): Promise<Omit<EvalAnswer, "last_result" | "job">> {
	const { found, loaded, view, redact, redactWritten, shown } = opened;
	const validation = await validated(found.file, { view, env: options.env, cwd: options.cwd, signal });
	const { errors, warnings } = marks.remember(validation);
	const source = redactWritten(loaded.sources.has(found.file) ? view.readText(found.file) : "");
	const diagnostics = validation.diagnostics.slice(0, mostFindings);
	return {
		id: found.id,
		benchmark: found.place.benchmark,
		file: found.path,
		name: loaded.name,
		description: loaded.description === undefined ? null : redact(loaded.description),
		tags: loaded.tags.map(redact),
		source: source.slice(0, longestSource),
		source_cut: source.length > longestSource,
		portable_root: shown(validation.root) || ".",
		errors,
		warnings,
		findings: diagnostics.map((diagnostic) => describeFinding(diagnostic, opened)),
		checks: validation.checks.map(({ rule, state, message, notable }) => ({
			rule,
			state,
			message: redact(message),
			notable,
		})),
		rules: docsOf(diagnostics),
		tests: loaded.tests.length,
		targets: describeTargets(opened),
		workspace: describeWorkspace(opened),
		commands: describeCommands(opened),
		variables: variablesOf(opened),
		foreign: found.place.foreign,
	};
}

async function validated(file: string, options: Parameters<typeof validateEvals>[1]): Promise<EvalValidation> {
	for await (const validation of validateEvals([file], options)) return validation;
	throw new Error("validation yields one result for each file");
}

function describeFinding(diagnostic: ValidationFinding, { found, redact, shown }: OpenedEval): FindingAnswer {
	const { rule, severity, message, hint, at, range, fixable } = diagnostic;
	return {
		rule,
		severity,
		message: redact(message),
		hint: hint === undefined ? null : redact(hint),
		file: shown(at.file),
		own: at.file === found.file,
		line: range.start.line,
		column: range.start.column,
		end_line: range.end.line,
		end_column: range.end.column,
		fixable,
	};
}

function docsOf(diagnostics: readonly ValidationFinding[]): RuleAnswer[] {
	const found = new Set(diagnostics.map(({ rule }) => rule));
	return ruleDocs().flatMap(({ id, summary, why, bad, good, mend, fixedBy }) =>
		found.has(id) ? [{ id, summary, why, bad, good, mend, fixed_by: fixedBy ?? null }] : [],
	);
}

function variablesOf({ loaded, targets, uses }: OpenedEval): EvalAnswer["variables"] {
	const files = new Set(
		uses.flatMap(({ resolution }) =>
			(resolution.ok ? resolution.target.via : resolution.via).map(({ definition }) => definition.file),
		),
	);
	const used = [...files].flatMap((file) => targets.sources.get(file)?.variables ?? []);
	const states = new Map<string, "set" | "default" | "unset">();
	for (const { name, state } of [...loaded.variables, ...used])
		if (states.get(name) !== "unset") states.set(name, state);
	return [...states].map(([name, state]) => ({ name, state })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

const longestInput = 300;

/** Describes a test for the eval's list. */
export function describeTest(test: OpenedEval["loaded"]["tests"][number], opened: OpenedEval): EvalTestAnswer {
	const { redact, shown, loaded } = opened;
	const input = test.input.map(({ content }) =>
		typeof content === "string"
			? content
			: content.map((piece) => (piece.type === "text" ? piece.text : `[${piece.path.raw}]`)).join(" "),
	);
	return {
		id: test.id,
		description: test.description === undefined ? null : redact(test.description),
		input: redact(input.join("\n")).trim().slice(0, longestInput),
		assertions: test.assertions.map(({ name }) => name),
		target: test.target?.name ?? null,
		tags: test.tags.map(redact),
		file: shown(test.at.file),
		line: loaded.locate(test.at)?.start.line ?? test.at.line ?? null,
	};
}

/** Describes the targets of an eval: provider, host and key variables. */
export function describeTargets(opened: OpenedEval): TargetAnswer[] {
	const seen = new Set<string>();
	return opened.uses.flatMap((use) => {
		const { role, choice, implied, resolution } = use;
		const key = `${role}\0${choice.name}`;
		// Omits an implied grader that is not needed.
		if (seen.has(key) || (implied && role !== "target" && !resolution.ok)) return [];
		seen.add(key);
		return [describeTarget(use, opened)];
	});
}

function describeTarget({ role, choice, resolution }: TargetUse, opened: OpenedEval): TargetAnswer {
	const { redact, targets, loaded, env } = opened;
	const base = { name: choice.name, role };
	if (!resolution.ok) {
		const message = resolution.diagnostics[0]?.message ?? "can't be resolved";
		const nothing = {
			provider: null,
			model: null,
			host: null,
			keys: [],
			literal_key: false,
			inherits_environment: false,
		};
		return {
			...base,
			...nothing,
			via: resolution.via.map(({ definition }) => definition.name),
			problem: redact(message),
		};
	}
	const { target } = resolution;
	const sources = new Map([...loaded.sources, ...targets.sources]);
	const { host, keys, literalKey, inheritsEnvironment } = targetDestination(target, { sources }, env);
	const model = target.wire.model ?? target.wire.deployment;
	return {
		...base,
		provider: target.provider,
		model: typeof model === "string" ? redact(model) : null,
		via: target.via.map(({ definition }) => definition.name),
		host: host ?? null,
		keys,
		literal_key: literalKey,
		inherits_environment: inheritsEnvironment,
		problem: null,
	};
}

/** Lists everything that a run of the eval executes on this machine. */
export function describeCommands(opened: OpenedEval): CommandAnswer[] {
	const { loaded, uses, redact, where } = opened;
	return executedCommands(loaded, resolvedTargets(uses)).map(({ kind, name, text, shell, at }) => ({
		kind,
		name,
		command: redact(text),
		at: where(at),
		shell,
	}));
}

/** Describes the tests' workspace. */
function describeWorkspace({ loaded, redact }: OpenedEval): WorkspaceAnswer | null {
	const { workspace } = loaded.suite;
	if (!workspace) return null;
	return {
		template: workspace.template ? redact(workspace.template.raw) : null,
		isolation: workspace.isolation,
		repos: workspace.repos.map(({ path, repo, commit }) => ({
			path,
			repo: redact(repo),
			commit: commit === undefined ? null : redact(commit),
		})),
	};
}

/** A loaded eval with its context. */
export interface OpenedEval {
	readonly found: FoundEval;
	readonly view: DiskView;
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly uses: readonly TargetUse[];
	/** Variables for the eval's `${{ }}`: the process environment and `.env` files. */
	readonly env: Environment;
	/** Replaces variable values by `${{ NAME }}` and credentials by `***`. For interpolated texts. */
	readonly redact: (text: string) => string;
	/** Redacts credentials in source text without changing its line numbers. */
	readonly redactWritten: (text: string) => string;
	/** Returns a path relative to the eval's place. */
	shown(file: string): string;
	/** Returns `evals/a.eval.yaml:12`. */
	where(at: SourcePlace): string;
}

/** Loads an eval by id and resolves its targets. */
export async function openEval(id: string, { evals, options }: Services): Promise<OpenedEval> {
	const found = await evals.find(id);
	const view = openDiskView();
	const loaded = loadEval(found.file, { view, env: options.env, cwd: options.cwd });
	const env = evalEnvironment(loaded.scope, options.env, view);
	const targets = loadTargets(loaded.scope, { view, env });
	const shown = (file: string) => shownPath(found.place.root, file);
	return {
		found,
		view,
		loaded,
		targets,
		uses: usedTargets(loaded, targets),
		env,
		...evalRedactors(loaded, targets, env),
		shown,
		where: (at) => {
			const line = (loaded.locate(at) ?? targets.locate(at))?.start.line ?? at.line;
			return line === undefined ? shown(at.file) : `${shown(at.file)}:${line}`;
		},
	};
}

/** Returns a path relative to `root`, with `/`. */
export function shownPath(root: string, file: string): string {
	return relative(root, file).split(sep).join("/");
}

/** Shorter values are ordinary words and numbers; replacing them would garble texts. */
const shortest = 4;

/** Creates redactors for an eval's texts, which remove variable values and secrets. */
function evalRedactors(
	loaded: LoadedEval,
	targets: TargetScope,
	env: Environment,
): { readonly redact: Redactor; readonly redactWritten: Redactor } {
	const redactWritten = createRedactor([...secretsOf(env), ...writtenSecrets(loaded, targets)]);
	const values = valuesOf(loaded, targets, env);
	return {
		redactWritten,
		redact: (text) => {
			let shown = text;
			for (const [value, name] of values) shown = shown.replaceAll(value, () => `\${{ ${name} }}`);
			return redactWritten(shown);
		},
	};
}

/** Returns the values of variables in eval and target files, longest first. */
function valuesOf(loaded: LoadedEval, targets: TargetScope, env: Environment): [value: string, name: string][] {
	const used = [...loaded.variables, ...[...targets.sources.values()].flatMap((source) => source.variables)];
	const values = new Map<string, string>();
	for (const { name } of used) {
		const value = env[name];
		if (value !== undefined && value.length >= shortest) values.set(value, name);
	}
	return [...values].sort(([a], [b]) => b.length - a.length);
}

/** Returns literal secrets in eval and target files. */
function writtenSecrets(loaded: LoadedEval, targets: TargetScope): string[] {
	const found = [...targets.sources.values(), ...loaded.sources.values()].flatMap((source) =>
		source.document ? secretsIn(settingsIn(source.document.value)) : [],
	);
	return found.filter((secret) => !secret.includes("${{"));
}

/** Returns the parts of a document that may contain a target; elsewhere, a field named `token` may be prose. */
function settingsIn(value: unknown): unknown {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
	const { tests, ...rest } = value as Record<string, unknown>;
	const own = Array.isArray(tests)
		? tests.map((test) => (typeof test === "object" && test !== null && "target" in test ? test.target : undefined))
		: undefined;
	return { ...rest, own };
}
