import { AgentvError } from "../base/agentv-error.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { createRedactor, distinctName, type Redactor, secretsIn, secretsOf } from "../base/redact.ts";
import { coreCount } from "../io/core-count.ts";
import { secretsByUse } from "../model/contributed-secrets.ts";
import type { LoadedEval, TestCase } from "../model/eval-types.ts";
import { outsideRoot } from "../model/load-findings.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import { checkPlan } from "./check-plan.ts";
import { TargetResolver, targetChoices } from "./choose-targets.ts";
import { graderTargetName, graderTargetsOf } from "./grader-targets.ts";
import { type Observed, type ObservedEval, observeRun } from "./load-run.ts";
import { assertionsOf } from "./needed-model.ts";
import { planShard, renumbered } from "./plan-shard.ts";
import { accessOfRun } from "./run-access.ts";
import { originCases, readOrigin, refuseUnknownGraders } from "./run-origin.ts";
import type { PlannedCase, PlannedTarget, RunOrigin, RunPlan } from "./run-plan.ts";
import type { RunMachine, RunRequest } from "./run-request.ts";
import { selectTests } from "./select-tests.ts";
import { WorkspaceChooser } from "./workspace-of.ts";

/**
 * Decides what a run will do, and looks for what would stop it, without doing anything: evals are loaded, targets resolved, variables and
 * files that the chosen tests need looked for.
 * @throws AgentvError `config` (with findings) or `usage`
 */
export function planRun(request: RunRequest, machine: RunMachine): RunPlan {
	const observed = observeRun(request, machine);
	const origin = readOrigin(request);
	const { cases: loaded, resolvers } = planCases(observed, request);
	const secrets = knownSecrets(observed, loaded);
	const all = withRecordedIds(loaded, observed, createRedactor(secrets));
	const whole = origin ? renumbered(originCases(all, origin, createRedactor(secrets))) : all;
	const { cases, ...sharded } = planShard(whole, request);
	const judging = (label: string, asked: string | undefined, tested: ResolvedTarget) =>
		graderTarget(resolvers.get(label), request.graderTarget ?? asked, tested);
	const graderTargets = request.ungraded ? [] : graderTargetsOf(cases, judging);
	const diagnostics = targetProblems(observed, resolvers);
	if (diagnostics.length > 0)
		throw new AgentvError("config", "some targets can't be used", { diagnostics, hint: "Nothing was run." });
	if (whole.length === 0) throw nothingSelected(request, origin);
	// Recorded answers are graded without the targets that gave them.
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

function knownSecrets({ evals }: Observed, cases: readonly PlannedCase[]): string[] {
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

/** The cases with their tests' ids as they are recorded: redacted, and still different from each other. Most plans have no secret in any. */
function withRecordedIds(cases: readonly PlannedCase[], { evals }: Observed, redact: Redactor): readonly PlannedCase[] {
	const recorded = new Map<string, TestCase>();
	for (const { planned, loaded } of evals) {
		const taken = new Set(loaded.tests.map(({ id }) => id));
		for (const test of loaded.tests) {
			const id = redact(test.id);
			if (id === test.id) continue;
			const own = distinctName(id, taken);
			taken.add(own);
			recorded.set(JSON.stringify([planned.label, test.id]), { ...test, id: own });
		}
	}
	if (recorded.size === 0) return cases;
	return cases.map((one) => {
		const test = recorded.get(JSON.stringify([one.eval.label, one.test.id]));
		return test ? { ...one, test } : one;
	});
}

/** With those that step in for them. */
function targetsOf(cases: readonly PlannedCase[]): ResolvedTarget[] {
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

/** The target that judges, if there is one. */
function graderTarget(
	resolver: TargetResolver | undefined,
	asked: string | undefined,
	tested: ResolvedTarget,
): ResolvedTarget | undefined {
	const name = graderTargetName(asked, tested);
	// A tested model judges itself as it was chosen: an inline target has no definition to find.
	if (name === undefined || name === tested.name) return name === undefined ? undefined : tested;
	return resolver?.planned({ name, at: tested.at })?.target;
}

interface Cases {
	readonly cases: readonly PlannedCase[];
	/** By the eval's label. */
	readonly resolvers: ReadonlyMap<string, TargetResolver>;
}

/** What is wrong with targets files and with the targets that were asked for. */
function targetProblems({ evals }: Observed, resolvers: Cases["resolvers"]): Diagnostic[] {
	const found = new Set(evals.flatMap(({ targets }) => targets.diagnostics));
	const unread = (rule: string) => rule.startsWith("yaml.") || rule === outsideRoot.rule;
	const files = [...found].filter(({ rule, severity }) => unread(rule) && severity === "error");
	// What a file that can't be read would have defined is not said to be missing.
	return files.length > 0 ? files : [...resolvers.values()].flatMap((resolver) => resolver.diagnostics);
}

function planCases({ evals }: Observed, request: RunRequest): Cases {
	const cases: PlannedCase[] = [];
	const resolvers = new Map<string, TargetResolver>();
	const workspaces = new WorkspaceChooser();
	for (const one of evals) {
		const resolver = new TargetResolver(one.targets);
		resolvers.set(one.planned.label, resolver);
		for (const [target, tests] of testsByTarget(one.loaded, resolver, request)) {
			const first = cases.length;
			const positions = new Map(tests.map((test, index) => [test.id, first + index]));
			for (const test of tests)
				cases.push(plannedCase(one, test, target, cases.length, positions, request, workspaces));
		}
	}
	return { cases, resolvers };
}

/** The chosen tests of an eval for each of its targets, in the order in which targets are first named. */
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
): PlannedCase {
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
