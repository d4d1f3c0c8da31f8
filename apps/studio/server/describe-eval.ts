import { relative, sep } from "node:path";
import {
	createRedactor,
	type DiskView,
	type Environment,
	type EvalValidation,
	evalEnvironment,
	executedCommands,
	findingRecord,
	type LoadedEval,
	loadEval,
	loadTargets,
	openDiskView,
	type Redactor,
	recordToWire,
	resolvedTargets,
	ruleDocs,
	type Place as SourcePlace,
	secretsIn,
	secretsOf,
	type TargetScope,
	type TargetUse,
	targetDestination,
	usedTargets,
	validateEvals,
} from "@agentv/core";
import type { EvalMarks, FoundEval } from "./find-eval.ts";
import type { Services } from "./problem.ts";
import type { Page } from "./request.ts";
import { type LastResult, lastResults } from "./run-responses.ts";

const maxSource = 1024 * 1024;
const maxFindings = 1000;

export interface EvalListAnswer extends Page<EvalEntry> {
	/** Why there are none: for example, a missing directory, or a benchmark that was never synced. */
	readonly problem: string | null;
}

export type EvalEntry = ReturnType<typeof describeEntry> & {
	/** Null until known; see `GET /api/evals/marks`. */
	readonly marks: EvalMarks | null;
};

/** Describes an eval without loading it. */
export function describeEntry(
	{ id, place, path, file }: FoundEval,
	last: ReadonlyMap<string, LastResult>,
	{ jobs }: Services,
) {
	return {
		id,
		/** Null for Studio's own directory. */
		benchmark: place.benchmark,
		/** Relative to the benchmark, or to Studio's directory. */
		file: path,
		last_result: last.get(file) ?? null,
		job: jobs.running("run", id)?.id ?? null,
	};
}

export type EvalAnswer = Awaited<ReturnType<typeof describeEval>>;

export async function describeEval(opened: OpenedEval, services: Services, signal: AbortSignal) {
	const { options, marks, runs } = services;
	const { found, loaded, view, redact, redactWritten, shown } = opened;
	const last = await lastResults(runs);
	const validation = await validated(found.file, { view, env: options.env, cwd: options.cwd, signal });
	const { errors, warnings } = marks.remember(validation);
	const source = redactWritten(loaded.sources.has(found.file) ? view.readText(found.file) : "");
	const findings = validation.diagnostics.slice(0, maxFindings);
	const rules = new Set(findings.map(({ rule }) => rule));
	return {
		...describeEntry(found, last, services),
		name: loaded.name,
		description: loaded.description === undefined ? null : redact(loaded.description),
		tags: loaded.tags.map(redact),
		source: source.slice(0, maxSource),
		source_cut: source.length > maxSource,
		/** The smallest directory that contains everything the eval needs, relative like `file`. */
		portable_root: shown(validation.root) || ".",
		errors,
		warnings,
		findings: findings.map((finding) => ({
			...findingRecord(finding, { shown, redact }),
			/** Whether `line` refers to `source`. */
			own: finding.at.file === found.file,
		})),
		checks: validation.checks.map((check) => ({ ...check, message: redact(check.message) })),
		/** Limited to rules with findings. */
		rules: recordToWire(ruleDocs().filter(({ id }) => rules.has(id))),
		tests: loaded.tests.length,
		targets: describeTargets(opened),
		workspace: describeWorkspace(opened),
		commands: describeCommands(opened),
		/** Never a value. */
		variables: variablesOf(opened),
		/** Synced evals are foreign code, which needs consent to run. */
		foreign: found.place.foreign,
	};
}

export async function validated(file: string, options: Parameters<typeof validateEvals>[1]): Promise<EvalValidation> {
	for await (const validation of validateEvals([file], options)) return validation;
	throw new Error("validation yields one result for each file");
}

function variablesOf({ loaded, targets, uses }: OpenedEval) {
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

const maxInput = 300;

export type EvalTestsAnswer = Page<EvalTestAnswer>;
export type EvalTestAnswer = ReturnType<typeof describeTest>;

export function describeTest(test: OpenedEval["loaded"]["tests"][number], opened: OpenedEval) {
	const { redact, shown, loaded } = opened;
	const input = test.input.map(({ content }) =>
		typeof content === "string"
			? content
			: content.map((piece) => (piece.type === "text" ? piece.text : `[${piece.path.raw}]`)).join(" "),
	);
	return {
		id: test.id,
		description: test.description === undefined ? null : redact(test.description),
		input: redact(input.join("\n")).trim().slice(0, maxInput),
		assertions: test.assertions.map(({ name }) => name),
		target: test.target?.name ?? null,
		tags: test.tags.map(redact),
		file: shown(test.at.file),
		line: loaded.locate(test.at)?.start.line ?? test.at.line ?? null,
	};
}

export function describeTargets(opened: OpenedEval) {
	const once = new Map<string, TargetUse>();
	for (const use of opened.uses) {
		const { role, choice, implied, resolution } = use;
		const key = `${role}\0${choice.name}`;
		// Omits an implied grader that is not needed.
		if (!once.has(key) && (!implied || role === "target" || resolution.ok)) once.set(key, use);
	}
	return [...once.values()].map((use) => describeTarget(use, opened));
}

function describeTarget({ role, choice, resolution }: TargetUse, { redact, targets, loaded, env }: OpenedEval) {
	const target = resolution.ok ? resolution.target : undefined;
	const sources = new Map([...loaded.sources, ...targets.sources]);
	const destination = target && targetDestination(target, { sources }, env);
	const model = target?.wire.model ?? target?.wire.deployment;
	const problem = resolution.ok ? undefined : (resolution.diagnostics[0]?.message ?? "can't be resolved");
	return {
		name: choice.name,
		role,
		provider: target?.provider ?? null,
		model: typeof model === "string" ? redact(model) : null,
		/** `use_target` names, the concrete target last. */
		via: (resolution.ok ? resolution.target : resolution).via.map(({ definition }) => definition.name),
		/** Without user part and query; null for a local program. */
		host: destination?.host ?? null,
		/** Names of variables, never their values. */
		keys: destination?.keys ?? [],
		literal_key: destination?.literalKey ?? false,
		inherits_environment: destination?.inheritsEnvironment ?? false,
		problem: problem === undefined ? null : redact(problem),
	};
}

export function describeCommands(opened: OpenedEval) {
	const { loaded, uses, redact, where } = opened;
	return executedCommands(loaded, resolvedTargets(uses)).map(({ kind, name, text, shell, at }) => ({
		kind,
		name,
		command: redact(text),
		at: where(at),
		shell,
	}));
}

function describeWorkspace({ loaded, redact }: OpenedEval) {
	const { workspace } = loaded.suite;
	if (!workspace) return null;
	const { template, isolation, repos } = workspace;
	return {
		template: template ? redact(template.raw) : null,
		isolation,
		repos: repos.map((repo) => describeRepo(repo, redact)),
	};
}

export function describeRepo({ path, repo, commit }: WorkspaceRepo, redact: Redactor) {
	return { path, repo: redact(repo), commit: commit === undefined ? null : redact(commit) };
}

type WorkspaceRepo = NonNullable<LoadedEval["suite"]["workspace"]>["repos"][number];

export interface OpenedEval {
	readonly found: FoundEval;
	readonly view: DiskView;
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly uses: readonly TargetUse[];
	/** The process environment and `.env` files. */
	readonly env: Environment;
	/** Replaces variable values by `${{ NAME }}` and credentials by `***`, in interpolated texts. */
	readonly redact: (text: string) => string;
	/** Redacts credentials in source text, whose line numbers stay the same. */
	readonly redactWritten: (text: string) => string;
	/** Relative to the eval's place. */
	shown(file: string): string;
	/** Returns `evals/a.eval.yaml:12`. */
	where(at: SourcePlace): string;
}

/** @throws AgentvError `not-found`, `refused` */
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

function shownPath(root: string, file: string): string {
	return relative(root, file).split(sep).join("/");
}

/** Replacing shorter values, which are ordinary words and numbers, would garble texts. */
const minValueLength = 4;

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

/** Returns the longest values first, so that a value is replaced before its parts. */
function valuesOf(loaded: LoadedEval, targets: TargetScope, env: Environment): [value: string, name: string][] {
	const used = [...loaded.variables, ...[...targets.sources.values()].flatMap((source) => source.variables)];
	const values = new Map<string, string>();
	for (const { name } of used) {
		const value = env[name];
		if (value !== undefined && value.length >= minValueLength) values.set(value, name);
	}
	return [...values].sort(([a], [b]) => b.length - a.length);
}

function writtenSecrets(loaded: LoadedEval, targets: TargetScope): string[] {
	const secrets = [...targets.sources.values(), ...loaded.sources.values()].flatMap((source) =>
		source.document ? secretsIn(settingsIn(source.document.value)) : [],
	);
	return secrets.filter((secret) => !secret.includes("${{"));
}

/** Returns the parts that may contain a target; elsewhere, a field named `token` may be prose. */
function settingsIn(value: unknown): unknown {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
	const { tests, ...rest } = value as Record<string, unknown>;
	const own = Array.isArray(tests)
		? tests.map((test) => (typeof test === "object" && test !== null && "target" in test ? test.target : undefined))
		: undefined;
	return { ...rest, own };
}
