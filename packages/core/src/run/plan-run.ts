import { readIndex, readRunFile } from "../eval/discover-evals.ts";
import type { LoadedEval, Suite, TargetChoice, TestCase } from "../eval/eval-types.ts";
import { outsideRoot } from "../eval/load-findings.ts";
import type { TargetScope } from "../eval/load-targets.ts";
import type { OpaqueUse } from "../eval/resolve-command.ts";
import { type ResolvedTarget, resolveTarget } from "../eval/resolve-target.ts";
import { secretsByUse } from "../eval/run-digest.ts";
import { type AccessDescription, describeAccess } from "../eval/trust.ts";
import type { ResultRow, RunOriginRecord } from "../format/run-file.ts";
import { AgentvError, type Diagnostic } from "../lib/errors.ts";
import { textGlob } from "../lib/glob.ts";
import { canonicalJson } from "../lib/json.ts";
import {
	createRedactor,
	distinctName,
	type Redactor,
	redactDeep,
	redactError,
	secretsIn,
	secretsOf,
} from "../lib/redact.ts";
import { nearestName } from "../lib/text.ts";
import { coreCount } from "../machine/environment.ts";
import { describeWorkspace, type WorkspaceDescription } from "../workspace/prepare-base.ts";
import { type ShardBudget, shardBudgets } from "./call-cache.ts";
import { Fingerprints } from "./fingerprints.ts";
import { accessOfRun, checkPlan, type Observed, type ObservedEval, observeRun } from "./observe-run.ts";
import { type CaseState, caseStates, type ResumeOptions, resumeState } from "./resume.ts";
import {
	allGraders,
	assertionsOf,
	graderTargetName,
	graderTargetsOf,
	keyOfRow,
	opaqueParts,
	originKey,
	type PlannedCase,
	type PlannedTarget,
	plannedByKey,
	type RunOrigin,
	type RunPlan,
} from "./run-plan.ts";
import type { RunMachine, RunRequest } from "./run-request.ts";
import { WorkspaceChooser } from "./run-workspaces.ts";
import { planShard, renumbered } from "./shards.ts";

/**
 * Plans a run without running anything: loads evals, resolves targets, and checks the chosen tests.
 * @throws AgentvError `config` (with findings) or `usage`
 */
export function planRun(request: RunRequest, machine: RunMachine): RunPlan {
	const observed = observeRun(request, machine);
	const origin = readOrigin(request);
	const { cases: loaded, resolvers } = planCases(observed, request);
	const secrets = knownSecrets(observed, loaded);
	const all = withRecordedNames(loaded, observed, createRedactor(secrets));
	const whole = origin ? renumbered(originCases(all, origin)) : all;
	const { cases, ...sharded } = planShard(whole, request);
	const judging = (label: string, requested: string | undefined, tested: ResolvedTarget) =>
		graderTarget(resolvers.get(label), request.graderTarget ?? requested, tested);
	const graderTargets = request.ungraded ? [] : graderTargetsOf(cases, judging);
	const diagnostics = targetProblems(observed, resolvers);
	if (diagnostics.length > 0)
		throw new AgentvError("config", "some targets can't be used", { diagnostics, hint: "Nothing was run." });
	if (whole.length === 0) throw nothingSelected(request, origin);
	// Recorded answers are graded without their targets.
	const targets = new Set(request.regrade ? [] : targetsOf(cases));
	for (const { target } of graderTargets) targets.add(target);
	for (const { wire } of targets)
		for (const secret of secretsIn(wire)) if (!secrets.includes(secret)) secrets.push(secret);
	const plan: RunPlan = {
		request,
		...accessOfRun(observed, cases, graderTargets, request, machine),
		evals: observed.evals.map(({ planned }) => planned),
		cases,
		...sharded,
		...(origin ? { origin } : {}),
		experiment:
			request.experiment ??
			origin?.run.experiment ??
			observed.evals.find(({ planned }) => planned.experiment)?.planned.experiment ??
			"default",
		workers: request.workers ?? smallest(observed.evals.flatMap(({ planned }) => planned.workers ?? [])) ?? coreCount(),
		graderTarget: judging,
		graderTargets,
		targets: [...targets],
		view: observed.view,
		redact: createRedactor(secrets),
		secrets,
	};
	if (origin) refuseUnknownGraders(cases, origin);
	checkPlan(plan, observed);
	return plan;
}

function knownSecrets({ evals }: Observed, cases: readonly UnnamedCase[]): string[] {
	const environments = new Set(evals.map(({ planned }) => planned.env));
	const targets = new Set(targetsOf(cases).map(({ wire }) => wire));
	const workspaces = new Set(cases.map(({ workspace }) => workspace?.spec.workspace?.env ?? {}));
	return [
		...new Set([
			...[...environments].flatMap(secretsOf),
			...evals.flatMap(({ targets: { secrets }, loaded, planned }) => [
				...secrets,
				...[...loaded.sources.values()].flatMap((source) => secretsByUse(source, planned.env)),
			]),
			...[...targets, ...workspaces].flatMap((settings) => secretsIn(settings)),
		]),
	];
}

/** Redacted test ids stay unique. Most plans have no secret in any name. */
function withRecordedNames(cases: readonly UnnamedCase[], { evals }: Observed, redact: Redactor): PlannedCase[] {
	const tests = new Map<TestCase, TestCase>();
	for (const { loaded } of evals) {
		const taken = new Set(loaded.tests.map(({ id }) => id));
		for (const test of loaded.tests) {
			const id = redact(test.id);
			if (id === test.id) continue;
			const own = distinctName(id, taken);
			taken.add(own);
			tests.set(test, { ...test, id: own });
		}
	}
	const known = new Map<string, string>();
	const nameOf = (text: string) => {
		const name = known.get(text) ?? redact(text);
		known.set(text, name);
		return name;
	};
	return cases.map((planned) => {
		const test = tests.get(planned.test) ?? planned.test;
		const { eval: of, target } = planned;
		const names = { eval: nameOf(of.label), testId: test.id, target: nameOf(target.target.name) };
		return { ...planned, test, names, key: keyOfRow(names) };
	});
}

function targetsOf(cases: readonly UnnamedCase[]): ResolvedTarget[] {
	return cases.flatMap(({ target }) => [target.target, ...target.fallbacks]);
}

function smallest(numbers: readonly number[]): number | undefined {
	return numbers.length > 0 ? Math.min(...numbers) : undefined;
}

function nothingSelected({ tests, tags, excludeTags }: RunRequest, origin: RunOrigin | undefined): AgentvError {
	if (origin?.kind === "rerun_failed")
		return new AgentvError("not-found", `every test of ${origin.run.runId} passed: there is nothing to run again`);
	if (origin)
		return new AgentvError("not-found", `${origin.run.runId} has no answers to the current tests of these evals`);
	const by = [
		...(tests ?? []).map((glob) => `--test ${glob}`),
		...(tags ?? []).map((tag) => `--tag ${tag}`),
		...(excludeTags ?? []).map((tag) => `--exclude-tag ${tag}`),
	].join(" ");
	return new AgentvError("not-found", by === "" ? "the evals have no tests" : `no test matches ${by}`);
}

function graderTarget(
	resolver: TargetResolver | undefined,
	requested: string | undefined,
	tested: ResolvedTarget,
): ResolvedTarget | undefined {
	const name = graderTargetName(requested, tested);
	// A tested model grades itself as configured: an inline target has no definition to find.
	if (name === undefined || name === tested.name) return name === undefined ? undefined : tested;
	return resolver?.planned({ name, at: tested.at })?.target;
}

type UnnamedCase = Omit<PlannedCase, "names" | "key">;

interface Cases {
	readonly cases: readonly UnnamedCase[];
	readonly resolvers: ReadonlyMap<string, TargetResolver>;
}

function targetProblems({ evals }: Observed, resolvers: Cases["resolvers"]): Diagnostic[] {
	const problems = new Set(evals.flatMap(({ targets }) => targets.diagnostics));
	const unread = (rule: string) => rule.startsWith("yaml.") || rule === outsideRoot.rule;
	const files = [...problems].filter(({ rule, severity }) => unread(rule) && severity === "error");
	// An unreadable file might define the targets, so don't report them as missing.
	return files.length > 0 ? files : [...resolvers.values()].flatMap((resolver) => resolver.diagnostics);
}

function planCases({ evals }: Observed, request: RunRequest): Cases {
	const cases: UnnamedCase[] = [];
	const resolvers = new Map<string, TargetResolver>();
	const workspaces = new WorkspaceChooser();
	for (const observed of evals) {
		const resolver = new TargetResolver(observed.targets);
		resolvers.set(observed.planned.label, resolver);
		for (const [target, tests] of testsByTarget(observed.loaded, resolver, request)) {
			const first = cases.length;
			const positions = new Map(tests.map((test, index) => [test.id, first + index]));
			for (const test of tests)
				cases.push(plannedCase(observed, test, target, cases.length, positions, request, workspaces));
		}
	}
	return { cases, resolvers };
}

function testsByTarget(loaded: LoadedEval, resolver: TargetResolver, request: RunRequest) {
	const byTarget = new Map<PlannedTarget, TestCase[]>();
	for (const test of selectTests(loaded.tests, request)) {
		for (const choice of targetChoices(test, request.targets)) {
			const target = resolver.planned(choice);
			if (!target) continue;
			const tests = byTarget.get(target);
			if (tests) tests.push(test);
			else byTarget.set(target, [test]);
		}
	}
	return byTarget;
}

function plannedCase(
	{ planned }: ObservedEval,
	test: TestCase,
	target: PlannedTarget,
	index: number,
	positions: ReadonlyMap<string, number>,
	request: RunRequest,
	workspaces: WorkspaceChooser,
): UnnamedCase {
	const timeout = request.timeoutSeconds ?? test.timeoutSeconds ?? target.target.settings.timeoutSeconds;
	return {
		index,
		eval: planned,
		test,
		target,
		assertions: assertionsOf(test),
		threshold: request.threshold ?? test.threshold,
		repeat: request.repeat === undefined ? test.repeat : { ...test.repeat, count: request.repeat },
		timeoutMs: timeout === undefined ? undefined : timeout * 1000,
		dependsOn: test.dependsOn.flatMap((id) => positions.get(id) ?? []),
		workspace: workspaces.of(test, target.target),
	};
}

/** Prefers `--target`, then the test's own, the eval's, `default`; inline definitions win. */
function targetChoices(test: TestCase, override: readonly string[] | undefined): readonly TargetChoice[] {
	const { suite } = test;
	const at = { file: suite.file, path: [] };
	if (override && override.length > 0)
		return unique(override.map((name) => inlineOf(name, test, suite) ?? { name, at }));
	if (test.target) return [test.target];
	return suite.targets.length > 0 ? unique(suite.targets) : [{ name: "default", at }];
}

function inlineOf(name: string, test: TestCase, suite: Suite): TargetChoice | undefined {
	const choices = [...(test.target ? [test.target] : []), ...suite.targets];
	return choices.find((choice) => choice.name === name && "inline" in choice);
}

function unique(choices: readonly TargetChoice[]): TargetChoice[] {
	return choices.filter((choice, index) => choices.findIndex(({ name }) => name === choice.name) === index);
}

class TargetResolver {
	readonly diagnostics: Diagnostic[] = [];
	readonly #known = new Map<string, PlannedTarget | undefined>();

	constructor(private readonly scope: TargetScope) {}

	/** Returns undefined if it can't run; `diagnostics` has the reason. */
	planned(choice: TargetChoice): PlannedTarget | undefined {
		const key = "inline" in choice ? canonicalJson([choice.inline, choice.base]) : choice.name;
		if (!this.#known.has(key)) this.#known.set(key, this.#plan(choice));
		return this.#known.get(key);
	}

	#plan(choice: TargetChoice): PlannedTarget | undefined {
		const target = this.resolve(choice);
		if (!target) return undefined;
		const fallbacks: ResolvedTarget[] = [];
		for (const name of target.settings.fallbackTargets ?? []) {
			const fallback = this.resolve({ name, at: target.at });
			if (!fallback) return undefined;
			fallbacks.push(fallback);
		}
		return { target, fallbacks, key: targetKey(target) };
	}

	resolve(choice: TargetChoice): ResolvedTarget | undefined {
		const resolution = resolveTarget(choice, this.scope);
		if (resolution.ok) return resolution.target;
		this.diagnostics.push(...resolution.diagnostics);
		return undefined;
	}
}

export function targetKey({ wire, command, cwd, fixtures, healthcheck }: ResolvedTarget): string {
	return canonicalJson([wire, command?.base, cwd?.base, fixtures?.base, healthcheck?.base]);
}

function selectTests(tests: readonly TestCase[], request: RunRequest): TestCase[] {
	const { tests: globs, tags, excludeTags, limit } = request;
	const patterns = globs?.map(textGlob);
	const matching = tests.filter(
		(test) =>
			(!patterns || patterns.some((matches) => matches(test.id))) &&
			(!tags || tags.some((tag) => test.tags.includes(tag))) &&
			!excludeTags?.some((tag) => test.tags.includes(tag)),
	);
	const wanted = new Set(limit === undefined ? matching : matching.slice(0, limit));
	const byId = new Map(tests.map((test) => [test.id, test]));
	// The set grows during the iteration, so dependencies of dependencies are included.
	for (const test of wanted)
		for (const id of test.dependsOn) {
			const dependency = byId.get(id);
			if (dependency) wanted.add(dependency);
		}
	return tests.filter((test) => wanted.has(test));
}

export interface PlanDescription {
	readonly experiment: string;
	readonly workers: number;
	readonly shard?: {
		readonly index: number;
		readonly count: number;
		readonly budgets: readonly ShardBudget[];
	};
	readonly cases: readonly {
		readonly eval: string;
		readonly testId: string;
		readonly target: string;
		readonly provider: string;
		readonly attempts: number;
		readonly graders: readonly string[];
		readonly dependsOn: readonly string[];
		/** Index in `workspaces`; absent if it has none. */
		readonly workspace?: number;
	}[];
	/** Tests with the same workspace share its preparation. */
	readonly workspaces: readonly WorkspaceDescription[];
	/** Excludes the evals' own files. */
	readonly access: AccessDescription;
	readonly opaque: readonly OpaqueUse[];
}

type ResumeChoices = Pick<ResumeOptions, "directory" | "retryErrors" | "rerunChanged">;

/**
 * Describes a plan without running anything.
 * @throws AgentvError `config` if inputs of recorded results have changed, like resuming
 */
export function describePlan(plan: RunPlan, resume?: ResumeChoices): PlanDescription {
	const keys: string[] = [];
	const workspaces: WorkspaceDescription[] = [];
	const isNew = resume?.directory === undefined && plan.request.onlyMissing === undefined;
	const states = !resume || isNew ? caseStates(plan.cases, []) : ownStates(plan, resume);
	const left = states.filter(({ result }) => !result);
	const cases = left.map((state) => {
		const { eval: of, test, target, assertions, workspace } = state.planned;
		let position = workspace ? keys.indexOf(workspace.key) : -1;
		if (workspace && position === -1) {
			position = keys.push(workspace.key) - 1;
			workspaces.push(describeWorkspace(workspace.spec, plan.view));
		}
		const all = [...assertions, ...test.turns.flatMap((turn) => turn.assertions)];
		return {
			...{ eval: of.label, testId: test.id, target: target.target.name, provider: target.target.provider },
			attempts: state.missing.length,
			graders: all.map(({ name }) => name),
			dependsOn: test.dependsOn,
			...(position === -1 ? {} : { workspace: position }),
		};
	});
	const { experiment, workers, shard } = plan;
	const description = {
		...{
			experiment,
			workers,
			cases,
			workspaces,
			access: describeAccess(plan.access, plan.newAccess),
			opaque: opaqueParts(plan),
		},
		...(shard ? { shard: { index: shard.index, count: shard.count, budgets: shardBudgets(plan) } } : {}),
	};
	return redactDeep(description, plan.redact);
}

function ownStates(plan: RunPlan, resume: ResumeChoices): readonly CaseState[] {
	const quiet = { fingerprints: new Fingerprints(plan), isPreview: true, warn: () => undefined };
	try {
		return resumeState(plan, { ...resume, ...quiet }).own;
	} catch (error) {
		throw redactError(error, plan.redact);
	}
}

function readOrigin({ regrade, rerunFailed }: RunRequest): RunOrigin | undefined {
	const directory = regrade?.origin ?? rerunFailed;
	if (directory === undefined) return undefined;
	const run = readRunFile(directory);
	const { rows } = readIndex(directory);
	if (!regrade) return { kind: "rerun_failed", directory, run, rows };
	return { kind: "regrade", directory, run, rows, ...(regrade.graders ? { graders: regrade.graders } : {}) };
}

export function originRecord({ kind, directory, run, graders }: RunOrigin): RunOriginRecord {
	return { kind, runId: run.runId, path: directory, ...(graders ? { graders: [...graders] } : {}) };
}

/** Returns cases with a row (for a regrade) or planned ones that did not pass (for a rerun). */
function originCases(cases: readonly PlannedCase[], origin: RunOrigin): PlannedCase[] {
	return origin.kind === "regrade" ? recordedCases(cases, origin) : failedCases(cases, origin);
}

function recordedCases(cases: readonly PlannedCase[], origin: RunOrigin): PlannedCase[] {
	const repeats = plannedByKey(origin.run);
	const rows = new Map<string, ResultRow[]>();
	for (const row of origin.rows) {
		const key = keyOfRow(row);
		const known = rows.get(key);
		if (known) known.push(row);
		else rows.set(key, [row]);
	}
	if (rows.size === 0) return [];
	return cases.flatMap((planned) => {
		const key = originKey(planned, origin);
		const made = rows.get(key) ?? [];
		if (made.length === 0 && !repeats.has(key)) return [];
		// Planned attempts without a record are not graded: fewer could change the result.
		const { count = 1, earlyExit = false } = repeats.get(key) ?? {};
		const max = Math.max(count, ...made.map(({ attempt }) => attempt));
		// Answers exist already, so only a skipped test waits for others.
		const isSkipped = made.some(({ error }) => error?.stage === "dependency");
		return [
			{
				...planned,
				dependsOn: isSkipped ? planned.dependsOn : [],
				repeat: { ...planned.repeat, count: max, earlyExit },
			},
		];
	});
}

function failedCases(cases: readonly PlannedCase[], { run, rows }: RunOrigin): PlannedCase[] {
	const known = plannedByKey(run);
	return caseStates(cases, rows)
		.filter(({ planned, result }) => result?.status !== "passed" && known.has(planned.key))
		.map(({ planned }) => planned);
}

/** @throws AgentvError `usage` if no test has one of the requested graders */
function refuseUnknownGraders(cases: readonly PlannedCase[], { graders }: RunOrigin): void {
	if (!graders) return;
	const known = new Set(cases.flatMap((planned) => allGraders(planned).map(({ name }) => name)));
	const unknown = graders.find((name) => !known.has(name));
	if (unknown === undefined) return;
	const nearest = nearestName(unknown, known);
	throw new AgentvError("usage", `no grader ${JSON.stringify(unknown)}`, {
		hint: nearest === undefined ? `Graders: ${[...known].join(", ")}.` : `Did you mean ${JSON.stringify(nearest)}?`,
	});
}
