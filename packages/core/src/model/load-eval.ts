import { dirname, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { finding, hasErrors, type Place } from "../base/diagnostic.ts";
import { noteVariables } from "../base/noted-secrets.ts";
import { globProblem } from "../base/path-glob.ts";
import type { Environment } from "../io/environment.ts";
import { type EvalEnvelope, evalEnvelopeSchema } from "../schema/eval-file.ts";
import { agentSkillsEnvelope, agentSkillsSource, isAgentSkillsFile } from "./agent-skills.ts";
import { checkTests } from "./check-tests.ts";
import { secretsByUse } from "./contributed-secrets.ts";
import type { DiskView } from "./disk-view.ts";
import { evalEnvironment } from "./eval-environment.ts";
import { type EvalScope, findScope, type Reach } from "./eval-scope.ts";
import type { LoadedEval, Suite, TestCase } from "./eval-types.ts";
import { reportAbsentFields } from "./field-paths.ts";
import { conflictingFields, testsEmpty } from "./load-findings.ts";
import { collectTests, type RawTest, testsOfPath } from "./load-tests.ts";
import { Loading } from "./loading.ts";
import { readShape } from "./read-shape.ts";
import { readSuite } from "./read-suite.ts";
import { tagsOf } from "./read-tags.ts";
import { readTest } from "./read-test.ts";
import { child, type Part, placeOf, plainPart } from "./source.ts";
import { testDefaults } from "./test-defaults.ts";

export interface LoadOptions {
	readonly view: DiskView;
	/** The process environment; it overrides `.env` files next to and above the eval. */
	readonly env: Environment;
	/** Without a repository, bounds the search through parent directories. */
	readonly cwd: string;
	/** Readable paths outside the eval's root; others are reported. Default none. */
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

/** A field of a wrong shape is skipped: it must not hide problems of others. */
function readEnvelope(part: Part, loading: Loading): EvalEnvelope {
	const whole = readShape(evalEnvelopeSchema, part, loading);
	if (whole || typeof part.value !== "object" || part.value === null || Array.isArray(part.value)) return whole ?? {};
	const fields = part.value as Readonly<Record<string, unknown>>;
	const sound = Object.entries(fields).filter(
		([key, value]) => readShape(evalEnvelopeSchema, { ...part, value: { [key]: value } }, unheard) !== undefined,
	);
	return readShape(evalEnvelopeSchema, { ...part, value: Object.fromEntries(sound) }, loading) ?? {};
}

/** Ignores findings that were already reported. */
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
		...(envelope.description === undefined ? {} : { description: envelope.description }),
		...(envelope.requires?.agentv === undefined ? {} : { requires: envelope.requires.agentv }),
		...(workers === undefined ? {} : { workers }),
		...(budget === undefined ? {} : { budgetUsd: budget }),
		...(envelope.experiment === undefined ? {} : { experiment: envelope.experiment }),
	};
}

function rawTests(envelope: EvalEnvelope, part: Part, scope: EvalScope, loading: Loading): RawTest[] {
	// Several of them are reported as a conflict.
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
			loading.shape(
				at,
				"imports.suites",
				`evals import each other in a cycle: ${[...trail, file].map((one) => loading.shown(one)).join(" → ")}`,
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
