import { basename, dirname, join, resolve } from "node:path";
import { type EvalEnvelope, evalEnvelopeSchema } from "../format/eval-file.ts";
import { AgentvError, finding, hasErrors, type Place } from "../lib/errors.ts";
import { globProblem } from "../lib/glob.ts";
import { noteVariables, secretsOf } from "../lib/redact.ts";
import { slugify } from "../lib/text.ts";
import { sameValue } from "../lib/yaml-edit.ts";
import { type Environment, layerDotEnv, loadDotEnv } from "../machine/environment.ts";
import { readTextFile } from "../machine/read-file.ts";
import { agentSkillsEnvelope, agentSkillsSource, checkTests, isAgentSkillsFile } from "./check-tests.ts";
import { type EvalScope, findScope, type Reach, withParents } from "./discover-evals.ts";
import {
	type Hooks,
	hookNames,
	type LoadedEval,
	type Repeat,
	type Suite,
	type TargetChoice,
	type TestCase,
	type Workspace,
} from "./eval-types.ts";
import { reportAbsentFields } from "./load-assertions.ts";
import { conflictingFields, testsEmpty } from "./load-findings.ts";
import { readTargetChoice } from "./load-targets.ts";
import { collectTests, type RawTest, readTest, repeatOf, tagsOf, testDefaults, testsOfPath } from "./load-tests.ts";
import { commandOf, readExtension, readHooks, readWorkspace, wireHookNames } from "./load-workspace.ts";
import { Loading } from "./loading.ts";
import { readShape } from "./read-shape.ts";
import { secretsByUse } from "./run-digest.ts";
import { child, type DiskView, hasFile, type Part, placeOf, plainPart } from "./source.ts";

const defaultThreshold = 0.8;

export interface LoadOptions {
	readonly view: DiskView;
	/** Overrides `.env` files next to and above the eval. */
	readonly env: Environment;
	/** Outside a repository, it bounds the search through parent directories. */
	readonly cwd: string;
	/** Paths outside the eval's root that may be read; others are reported. Default: none. */
	readonly reach?: Reach;
}

const nothingOutside: Reach = { allowed: [], ownFiles: [] };

/**
 * Loads an eval file with all its tests. Never throws on bad input: `diagnostics` has all problems
 * with locations.
 * @throws AgentvError `not-found` only if the file itself is unreadable
 */
export function loadEval(file: string, { view, env, cwd, reach = nothingOutside }: LoadOptions): LoadedEval {
	const path = resolve(cwd, file);
	const kind = view.kind(path);
	if (kind !== "file")
		throw new AgentvError("not-found", kind === "directory" ? `${file} is a directory` : `${file} does not exist`, {
			hint: "name an eval file, a directory or a glob",
		});
	const scope = { ...findScope(dirname(path), cwd, view), reach };
	const loading = new Loading(view, evalEnvironment(scope, env, view), scope);
	return loadInto(path, loading, []);
}

function loadInto(file: string, loading: Loading, trail: readonly string[]): LoadedEval {
	const { scope } = loading;
	const source = loading.read(file, { file });
	const rows = file.endsWith(".jsonl");
	const root = rows ? plainPart({ tests: file }, { file }) : source?.parts[0];
	const skills = source !== undefined && isAgentSkillsFile(file, root?.value);
	if (skills) loading.sources.set(file, agentSkillsSource(source));
	const part = root && skills ? agentSkillsEnvelope(root) : root;
	const envelope = part && part.value !== undefined ? readEnvelope(part, loading) : {};
	const holder: Part =
		part && typeof part.value === "object" && part.value !== null ? part : plainPart({}, { file, path: [] });
	const suite = readSuite(file, envelope, holder, loading);
	const raws = rows
		? (source?.parts ?? []).map((row): RawTest => ({ part: row, base: scope.directory }))
		: rawTests(envelope, holder, scope, loading);
	const defaults = testDefaults(suite, envelope, holder, loading);
	const own = raws.flatMap((raw) => readTest(raw, defaults, loading) ?? []);
	defaults.finish();
	const tests = [...own, ...importedSuites(envelope, holder, loading, [...trail, file])];
	if (raws.length === 0 && tests.length === 0 && !hasErrors(loading.diagnostics))
		loading.report(finding(testsEmpty, { reason: "the eval has no tests" }, holder.at));
	checkTests(tests, loading);
	for (const key of ["include", "exclude"] as const)
		checkGlobs(envelope.bundle?.[key] ?? [], child(holder, "bundle", key), loading);
	reportAbsentFields(loading);
	return result(file, envelope, suite, tests, loading);
}

function checkGlobs(globs: readonly string[], part: Part, loading: Loading): void {
	for (const [index, glob] of globs.entries()) {
		const problem = globProblem(glob);
		if (problem !== undefined) loading.shape(child(part, index).at, `bundle.${part.at.path?.at(-1)}`, problem);
	}
}

/** A field with a wrong shape is skipped, so that it doesn't hide problems of others. */
function readEnvelope(part: Part, loading: Loading): EvalEnvelope {
	const whole = readShape(evalEnvelopeSchema, part, loading);
	if (whole || typeof part.value !== "object" || part.value === null || Array.isArray(part.value)) return whole ?? {};
	const fields = part.value as Readonly<Record<string, unknown>>;
	const sound = Object.entries(fields).filter(
		([key, value]) => readShape(evalEnvelopeSchema, { ...part, value: { [key]: value } }, unheard) !== undefined,
	);
	return readShape(evalEnvelopeSchema, { ...part, value: Object.fromEntries(sound) }, loading) ?? {};
}

const unheard = { report: () => undefined };

function result(
	file: string,
	envelope: EvalEnvelope,
	suite: Suite,
	tests: readonly TestCase[],
	loading: Loading,
): LoadedEval {
	for (const source of loading.sources.values()) noteVariables(secretsByUse(source, loading.env));
	const { execution } = envelope;
	const workers = envelope.workers ?? execution?.workers;
	const limit = execution?.trials?.costLimitUsd;
	const budget = envelope.budgetUsd ?? execution?.budgetUsd ?? limit;
	if (limit !== undefined && limit !== budget) {
		const keys = [envelope.budgetUsd === undefined ? "execution.budget_usd" : "budget_usd", "cost_limit_usd"] as const;
		const at = { file, path: ["execution", "trials", "cost_limit_usd"], part: "key" as const };
		loading.report(finding(conflictingFields, { keys }, at));
	}
	return {
		file,
		name: suite.name,
		scope: loading.scope,
		suite,
		tests,
		tags: tagsOf(envelope.tags),
		metadata: envelope.metadata ?? {},
		bundle: { include: envelope.bundle?.include ?? [], exclude: envelope.bundle?.exclude ?? [] },
		diagnostics: loading.diagnostics,
		files: loading.files,
		sources: loading.sources,
		texts: loading.texts,
		variables: [...loading.sources.values()].flatMap((source) => source.variables),
		locate: (place) => (loading.sources.get(place.file) ?? loading.texts.get(place.file))?.locate(place),
		description: envelope.description,
		requires: envelope.requires?.agentv,
		workers,
		budgetUsd: budget,
		experiment: envelope.experiment,
	};
}

function rawTests(envelope: EvalEnvelope, part: Part, scope: EvalScope, loading: Loading): RawTest[] {
	// Several of them are reported as a conflict.
	const key = (["tests", "eval_cases", "evalcases"] as const).find(
		(name) => (part.value as Record<string, unknown>)[name] !== undefined,
	);
	const inline = key ? collectTests(child(part, key), scope.directory, loading) : [];
	const imported = (envelope.imports?.tests ?? []).flatMap((raw, index) =>
		testsOfPath(
			{ kind: "tests", raw, at: placeOf(part, ["imports", "tests", index]), base: scope.directory },
			loading,
			[],
		),
	);
	return [...inline, ...imported];
}

function importedSuites(envelope: EvalEnvelope, part: Part, loading: Loading, trail: readonly string[]): TestCase[] {
	return (envelope.imports?.suites ?? []).flatMap((raw, index) => {
		const at: Place = placeOf(part, ["imports", "suites", index]);
		const file = loading.resolve({ kind: "suite", raw, at, base: loading.scope.directory });
		if (file === undefined) return [];
		if (trail.includes(file)) {
			loading.shape(
				at,
				"imports.suites",
				`evals import each other in a cycle: ${[...trail, file].map((path) => loading.shown(path)).join(" → ")}`,
			);
			return [];
		}
		const scope: EvalScope = { ...loading.scope, directory: dirname(file) };
		const inner = loading.imported(scope);
		const loaded = loadInto(file, inner, trail);
		for (const diagnostic of inner.diagnostics) loading.report(diagnostic);
		for (const [name, inside] of inner.sources) loading.sources.set(name, inside);
		for (const [name, inside] of inner.texts) loading.texts.set(name, inside);
		for (const id of inner.failedTests) loading.failedTests.add(id);
		loading.files.push(...inner.files);
		return loaded.tests;
	});
}

function readSuite(file: string, envelope: EvalEnvelope, part: Part, loading: Loading): Suite {
	const { scope } = loading;
	const base = scope.directory;
	const { execution } = envelope;
	const workspace =
		envelope.workspace === undefined ? undefined : readWorkspace(child(part, "workspace"), base, loading);
	const hooks = envelope.hooks === undefined ? {} : readHooks(child(part, "hooks"), base, loading);
	reportSharedHooks(hooks, workspace, part, loading);
	const bare = { isolation: "shared" as const, repos: [], hooks: {}, env: {}, at: part.at };
	const own = workspace ?? (Object.keys(hooks).length > 0 ? bare : undefined);
	return {
		file,
		name: envelope.name ?? evalName(file),
		scope,
		workspace: own && { ...own, hooks: { ...hooks, ...own.hooks } },
		extensions: (envelope.extensions ?? []).flatMap(
			(_, index) => readExtension(child(part, "extensions", index), base, loading) ?? [],
		),
		preprocessors: (envelope.preprocessors ?? []).map((entry, index) => {
			const at = child(part, "preprocessors", index);
			return {
				type: entry.type,
				command: commandOf("preprocessor", entry.command, at, "command", entry.cwd, base),
				timeoutSeconds: entry.timeoutSeconds,
			};
		}),
		targets: targetsOf(envelope, part, base),
		threshold: envelope.threshold ?? execution?.threshold ?? defaultThreshold,
		timeoutSeconds: envelope.timeoutSeconds,
		repeat: repeatOf(envelope.repeat, execution?.trials) ?? once,
	};
}

/** The hooks of an eval and of its workspace run at the same time, so only one could run. */
function reportSharedHooks(hooks: Hooks, workspace: Workspace | undefined, part: Part, loading: Loading): void {
	for (const name of hookNames) {
		const [own, other] = [hooks[name], workspace?.hooks[name]];
		if (!own || !other || (own.at.file === other.at.file && sameWritten(own.at, other.at, part))) continue;
		const keys = [`workspace.hooks.${wireHookNames[name]}`, `hooks.${wireHookNames[name]}`] as const;
		loading.report(finding(conflictingFields, { keys }, { ...own.at, part: "key" }));
	}
}

function sameWritten(left: Place, right: Place, { value }: Part): boolean {
	const at = (place: Place) => {
		let current = value;
		for (const key of place.path ?? [])
			current = (current as Readonly<Record<string | number, unknown>> | undefined)?.[key];
		return current;
	};
	return sameValue(at(left), at(right));
}

const once: Repeat = { count: 1, strategy: "mean", earlyExit: false };

function targetsOf(envelope: EvalEnvelope, part: Part, base: string): TargetChoice[] {
	const { execution } = envelope;
	const readChoice = (value: unknown, at: Part) => readTargetChoice(value, at, base) ?? [];
	if (envelope.targets)
		return envelope.targets.flatMap((value, index) => readChoice(value, child(part, "targets", index)));
	if (envelope.target !== undefined) return [readChoice(envelope.target, child(part, "target"))].flat();
	if (execution?.targets)
		return execution.targets.flatMap((value, index) => readChoice(value, child(part, "execution", "targets", index)));
	return execution?.target === undefined
		? []
		: [readChoice(execution.target, child(part, "execution", "target"))].flat();
}

/** `my.eval.yaml` is `my`; `EVAL.yaml` is named by its directory. */
function evalName(file: string): string {
	const stem = basename(file)
		.replace(/\.(ya?ml|jsonl?)$/i, "")
		.replace(/\.eval$/i, "");
	return slugify(/^evals?$/i.test(stem) ? basename(dirname(file)) : stem).slice(0, 64) || "eval";
}

const madeForBundles = { PYTHONDONTWRITEBYTECODE: "1" };

/** AgentV sets these itself; they never contain a secret. */
export const ownVariables: ReadonlySet<string> = new Set(Object.keys(madeForBundles));

/** @throws AgentvError if the file is unreadable */
export function withEnvFile(env: Environment, file: string | undefined): Environment {
	if (file === undefined) return env;
	const variables = loadDotEnv(readTextFile(file));
	noteVariables(secretsOf(variables));
	return layerDotEnv(env, [variables]);
}

/**
 * Returns the process environment, then `.env` files from the eval's directory up to its root;
 * the nearest wins. For `${{ }}` and the eval's own child processes, never for git or AgentV
 * itself.
 */
export function evalEnvironment(scope: EvalScope, env: Environment, view: DiskView): Environment {
	const files = dotEnvFiles(scope, view);
	const own = files.length === 0 ? env : layered(files.join("\0"), env, view);
	// Files that Python writes next to a bundle's scripts would break its manifest.
	return scope.rootKind === "bundle" ? { ...madeForBundles, ...own } : own;
}

export function dotEnvFiles({ directory, root }: EvalScope, view: DiskView): string[] {
	const files = [...withParents(directory, root)].map((parent) => join(parent, ".env"));
	return files.filter((file) => hasFile(view, file));
}

interface Layered {
	readonly env: Environment;
	readonly result: Environment;
}

/** Evals of one tree share variables, so each set of files is read once per view. */
const known = new WeakMap<DiskView, Map<string, Layered>>();

function layered(files: string, env: Environment, view: DiskView): Environment {
	const ofView = known.get(view) ?? new Map<string, Layered>();
	known.set(view, ofView);
	const before = ofView.get(files);
	if (before?.env === env) return before.result;
	const read = files.split("\0").map((file) => loadDotEnv(view.readText(file)));
	for (const variables of read) noteVariables(secretsOf(variables));
	const result = layerDotEnv(env, read);
	if (ofView.size > 1000) ofView.clear();
	ofView.set(files, { env, result });
	return result;
}
