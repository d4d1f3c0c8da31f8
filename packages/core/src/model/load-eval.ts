import { basename, dirname, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { type Diagnostic, finding, type Place } from "../base/diagnostic.ts";
import { slugify } from "../base/slug.ts";
import type { Environment } from "../io/environment.ts";
import { type EvalEnvelope, evalEnvelopeSchema } from "../schema/eval-file.ts";
import { agentSkillsEnvelope, isAgentSkillsFile } from "./agent-skills.ts";
import { checkTests } from "./check-tests.ts";
import type { DiskView } from "./disk-view.ts";
import { evalEnvironment } from "./eval-environment.ts";
import { type EvalScope, findScope } from "./eval-scope.ts";
import type { ContentPiece, LoadedEval, Repeat, Suite, TargetChoice, TestCase } from "./eval-types.ts";
import { readAssertions } from "./load-assertions.ts";
import { testsEmpty } from "./load-findings.ts";
import { readMessages } from "./load-messages.ts";
import { collectTests, type RawTest, testsOfPath } from "./load-tests.ts";
import { commandOf, readExtension, readHooks, readWorkspace } from "./load-workspace.ts";
import { Loading } from "./loading.ts";
import { readShape } from "./read-shape.ts";
import { promptFile, readTest, repeatOf, type TestDefaults, tagsOf } from "./read-test.ts";
import { child, type Part, placeOf } from "./source.ts";
import { readTargetChoice } from "./target-choice.ts";
import { fillVars } from "./template-vars.ts";

export interface LoadOptions {
	readonly view: DiskView;
	/** The process environment; `.env` files beside and above the eval are laid under it. */
	readonly env: Environment;
	/** Bounds the search through parent directories where there is no repository. */
	readonly cwd: string;
}

/**
 * Loads one eval file with all its tests. Never throws on bad input: what is wrong is in `diagnostics`, with places.
 * Throws `AgentvError` `not-found` only where the file itself cannot be read.
 */
export function loadEval(file: string, { view, env, cwd }: LoadOptions): LoadedEval {
	const path = resolve(cwd, file);
	const kind = view.kind(path);
	if (kind !== "file")
		throw new AgentvError("not-found", kind === "directory" ? `${file} is a directory` : `${file} does not exist`, {
			hint: "name an eval file, a directory or a glob",
		});
	const scope = findScope(dirname(path), cwd, view);
	const loading = new Loading(view, evalEnvironment(scope, env, view), scope);
	return loadInto(path, loading, []);
}

function loadInto(file: string, loading: Loading, trail: readonly string[]): LoadedEval {
	const { scope } = loading;
	const source = loading.read(file, { file });
	const rows = file.endsWith(".jsonl");
	const root = rows
		? { value: { tests: file }, at: { file }, references: new Set<string>(), written: () => undefined }
		: source?.parts[0];
	const part = root && (isAgentSkillsFile(file, root.value) ? agentSkillsEnvelope(root) : root);
	const shaped = part && part.value !== undefined ? readShape(evalEnvelopeSchema, part, loading) : undefined;
	// A wrong field of the envelope must not hide what is wrong with the tests.
	const envelope: EvalEnvelope = shaped ?? {};
	const holder: Part =
		part && typeof part.value === "object" && part.value !== null
			? part
			: { value: {}, at: { file, path: [] }, references: new Set(), written: () => undefined };
	const suite = readSuite(file, envelope, holder, scope, loading);
	const raws = rows
		? (source?.parts ?? []).map((row): RawTest => ({ part: row, base: scope.directory }))
		: rawTests(envelope, holder, scope, loading);
	const defaults = defaultsOf(suite, envelope, holder, scope, loading);
	const own = raws.flatMap((raw) => readTest(raw, defaults, loading) ?? []);
	const tests = [...own, ...importedSuites(envelope, holder, loading, [...trail, file])];
	if (raws.length === 0 && tests.length === 0 && !loading.diagnostics.some(({ severity }) => severity === "error")) {
		loading.report(finding(testsEmpty, { reason: "the eval has no tests" }, holder.at));
	}
	checkTests(tests, loading);
	return result(file, envelope, suite, tests, loading);
}

function result(
	file: string,
	envelope: EvalEnvelope,
	suite: Suite,
	tests: readonly TestCase[],
	loading: Loading,
): LoadedEval {
	const { execution } = envelope;
	const workers = envelope.workers ?? execution?.workers;
	const budget = envelope.budgetUsd ?? execution?.budgetUsd ?? execution?.trials?.costLimitUsd;
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
		variables: [...loading.sources.values()].flatMap((source) => source.variables),
		locate: (place) => loading.sources.get(place.file)?.locate(place),
		...(envelope.description === undefined ? {} : { description: envelope.description }),
		...(envelope.requires?.agentv === undefined ? {} : { requires: envelope.requires.agentv }),
		...(workers === undefined ? {} : { workers }),
		...(budget === undefined ? {} : { budgetUsd: budget }),
		...(envelope.experiment === undefined ? {} : { experiment: envelope.experiment }),
		...(typeof execution?.failOnError === "boolean" ? { failOnError: execution.failOnError } : {}),
	};
}

function readSuite(file: string, envelope: EvalEnvelope, part: Part, scope: EvalScope, loading: Loading): Suite {
	const base = scope.directory;
	const { execution } = envelope;
	const workspace =
		envelope.workspace === undefined ? undefined : readWorkspace(child(part, "workspace"), base, loading);
	const hooks = envelope.hooks === undefined ? {} : readHooks(child(part, "hooks"), base, silenced(loading));
	const bare = { isolation: "shared" as const, repos: [], hooks: {}, env: {}, at: part.at };
	const own = workspace ?? (Object.keys(hooks).length > 0 ? bare : undefined);
	const timeout = envelope.timeoutSeconds;
	return {
		file,
		name: envelope.name ?? evalName(file),
		scope,
		...(own ? { workspace: { ...own, hooks: { ...hooks, ...own.hooks } } } : {}),
		extensions: (envelope.extensions ?? []).flatMap(
			(_, index) => readExtension(child(part, "extensions", index), base, silenced(loading)) ?? [],
		),
		preprocessors: (envelope.preprocessors ?? []).map((entry, index) => {
			const at = child(part, "preprocessors", index);
			return {
				type: entry.type,
				command: commandOf(entry.command, at, "command", entry.cwd, base),
				...(entry.timeoutSeconds ? { timeoutSeconds: entry.timeoutSeconds } : {}),
			};
		}),
		targets: targetsOf(envelope, part, base),
		threshold: envelope.threshold ?? execution?.threshold ?? 0.8,
		...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
		repeat: repeatOf(envelope.repeat, execution?.trials) ?? once,
	};
}

const once: Repeat = { count: 1, strategy: "mean", earlyExit: false };

/** The envelope's schema has already reported unknown keys below it; reading a part again must not report them twice. */
function silenced(loading: Loading): Loading {
	const quiet = Object.create(loading) as Loading;
	quiet.report = (diagnostic: Diagnostic) => {
		if (diagnostic.rule !== "schema.unknown-field" && diagnostic.rule !== "schema.deprecated")
			loading.report(diagnostic);
	};
	return quiet;
}

function targetsOf(envelope: EvalEnvelope, part: Part, base: string): TargetChoice[] {
	const { execution } = envelope;
	const one = (value: unknown, at: Part) => readTargetChoice(value, at, base) ?? [];
	if (envelope.targets) return envelope.targets.flatMap((value, index) => one(value, child(part, "targets", index)));
	if (envelope.target !== undefined) return [one(envelope.target, child(part, "target"))].flat();
	if (execution?.targets)
		return execution.targets.flatMap((value, index) => one(value, child(part, "execution", "targets", index)));
	return execution?.target === undefined ? [] : [one(execution.target, child(part, "execution", "target"))].flat();
}

/** `my.eval.yaml` → `my`, `EVAL.yaml` → the directory's name. */
function evalName(file: string): string {
	const stem = basename(file)
		.replace(/\.(ya?ml|jsonl?)$/i, "")
		.replace(/\.eval$/i, "");
	return slugify(/^evals?$/i.test(stem) ? basename(dirname(file)) : stem).slice(0, 64) || "eval";
}

function rawTests(envelope: EvalEnvelope, part: Part, scope: EvalScope, loading: Loading): RawTest[] {
	const key = (["tests", "eval_cases", "evalcases"] as const).find(
		(name) => (part.value as Record<string, unknown>)[name] !== undefined,
	);
	const inline = key ? collectTests(child(part, key), scope.directory, loading) : [];
	const imported = (envelope.imports?.tests ?? []).flatMap((raw, index) =>
		testsOfPath({ raw, at: placeOf(part, ["imports", "tests", index]), base: scope.directory }, loading, []),
	);
	return [...inline, ...imported];
}

function importedSuites(envelope: EvalEnvelope, part: Part, loading: Loading, trail: readonly string[]): TestCase[] {
	return (envelope.imports?.suites ?? []).flatMap((raw, index) => {
		const at: Place = placeOf(part, ["imports", "suites", index]);
		const file = loading.resolve({ raw, at, base: loading.scope.directory }, "suite", "suite");
		if (file === undefined) return [];
		if (trail.includes(file)) {
			loading.shape(at, "imports.suites", `evals import each other in a circle: ${[...trail, file].join(" → ")}`);
			return [];
		}
		const scope: EvalScope = { ...loading.scope, directory: dirname(file) };
		const inner = new Loading(loading.view, loading.env, scope);
		const loaded = loadInto(file, inner, trail);
		for (const diagnostic of inner.diagnostics) loading.report(diagnostic);
		for (const [name, source] of inner.sources) loading.sources.set(name, source);
		loading.files.push(...inner.files);
		return loaded.tests;
	});
}

function defaultsOf(
	suite: Suite,
	envelope: EvalEnvelope,
	part: Part,
	scope: EvalScope,
	loading: Loading,
): TestDefaults {
	const base = scope.directory;
	const key = (["assertions", "assert", "evaluators"] as const).find((name) => envelope[name] !== undefined);
	const assertionsPart = key && child(part, key);
	const plainAssertions = assertionsPart ? readAssertions(assertionsPart, base, loading) : [];
	const hasVars = (value: unknown) => JSON.stringify(value ?? null).includes("{{");
	const varying = {
		input: hasVars(envelope.input),
		assertions: assertionsPart !== undefined && hasVars(assertionsPart.value),
	};
	const input = envelope.input === undefined ? [] : readMessages(envelope.input, child(part, "input"), base);
	const written = child(part, "input_files");
	const inputFiles = (envelope.inputFiles ?? []).map(
		(raw, index): ContentPiece => ({
			type: "file",
			path: { raw, at: Array.isArray(written.value) ? placeOf(written, [index]) : written.at, base },
		}),
	);
	const prompt = promptFile(base);
	return {
		suite,
		tags: tagsOf(envelope.tags),
		metadata: envelope.metadata ?? {},
		input: (vars) =>
			varying.input && envelope.input !== undefined
				? readMessages(fillVars(envelope.input, vars), child(part, "input"), base)
				: input,
		inputFiles,
		assertions: (vars) =>
			varying.assertions && assertionsPart && Object.keys(vars).length > 0
				? readAssertions({ ...assertionsPart, value: fillVars(assertionsPart.value, vars) }, base, silenced(loading))
				: plainAssertions,
		prompt: loading.view.kind(prompt) === "file" ? loading.view.readText(prompt).trim() : undefined,
	};
}
