import { extname } from "node:path";
import type { EvalScope } from "../eval/discover-evals.ts";
import {
	type Assertion,
	type LoadedEval,
	type Repeat,
	type TestCase,
	withParts,
	withTurns,
} from "../eval/eval-types.ts";
import { executableOf } from "../eval/fingerprint.ts";
import { isAddress, resolvePath } from "../eval/read-shape.ts";
import { type OpaqueUse, OpaqueUses } from "../eval/resolve-command.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { caseKey } from "../eval/run-digest.ts";
import { agentProgram, typeScriptRunners } from "../eval/script-closure.ts";
import type { DiskView } from "../eval/source.ts";
import type { AccessItem, NewAccess } from "../eval/trust.ts";
import { type Visit, visitGrader, visitSuite, visitTarget, visitTest } from "../eval/visit.ts";
import type { PlannedTargetRecord, PlannedTest, ResultRow, RunFile, RunOriginRecord } from "../format/run-file.ts";
import { modelOf } from "../grading/graders/index.ts";
import { canonicalJson } from "../lib/json.ts";
import { type Redactor, redactSettings } from "../lib/redact.ts";
import type { Environment } from "../machine/environment.ts";
import { type ProviderName, providers } from "../targets/providers/index.ts";
import type { RepositoryRecord, WorkspaceSpec } from "../workspace/contract.ts";
import type { RunRequest } from "./run-request.ts";

export interface PlannedEval {
	/** Relative to its root, unique in the run; identifies the eval in rows. */
	readonly label: string;
	/** Absolute. */
	readonly file: string;
	readonly name: string;
	readonly scope: EvalScope;
	/** Process environment merged over `.env` files. */
	readonly env: Environment;
	/** SHA-256 of the eval file and everything read while loading it. */
	readonly digest: string;
	readonly sources: readonly { readonly path: string; readonly sha256: string }[];
	/** By name; excludes secrets and unset variables. */
	readonly variables: Readonly<Record<string, string>>;
	readonly bundle: LoadedEval["bundle"];
	readonly workers: number | undefined;
	readonly budgetUsd: number | undefined;
	readonly experiment: string | undefined;
}

export interface PlannedTarget {
	readonly target: ResolvedTarget;
	readonly fallbacks: readonly ResolvedTarget[];
	/** Targets with the same settings share a key and one instance. */
	readonly key: string;
}

export interface PlannedGraderTarget {
	readonly target: ResolvedTarget;
	readonly eval: PlannedEval;
}

interface CaseNames {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
}

export interface PlannedCase {
	readonly index: number;
	readonly names: CaseNames;
	readonly key: string;
	readonly eval: PlannedEval;
	readonly test: TestCase;
	readonly target: PlannedTarget;
	/** The default grader if it has none of its own. */
	readonly assertions: readonly Assertion[];
	readonly threshold: number;
	readonly repeat: Repeat;
	readonly timeoutMs: number | undefined;
	readonly dependsOn: readonly number[];
	/** Absent if it doesn't need a separate directory. */
	readonly workspace: { readonly spec: WorkspaceSpec; readonly key: string } | undefined;
}

/** A shard keeps dependent tests together, and a test with all its targets and attempts. */
export interface PlannedShard {
	/** 1-based. */
	readonly index: number;
	readonly count: number;
	/** Tests × targets of all shards, in order. */
	readonly whole: readonly PlannedCase[];
	/** For each of `whole`, its shard. */
	readonly assigned: readonly number[];
	/** The id of the run with the durations. */
	readonly balancedBy?: string;
}

export interface RunOrigin {
	readonly kind: RunOriginRecord["kind"];
	/** Absolute. */
	readonly directory: string;
	readonly run: RunFile;
	/** The last row of each attempt. */
	readonly rows: readonly ResultRow[];
	readonly graders?: readonly string[];
}

export interface RunAccess {
	readonly access: readonly AccessItem[];
	/** Needs the user's consent; includes programs that a received record selected. */
	readonly newAccess: readonly NewAccess[];
	readonly isReceived: boolean;
}

export interface RunPlan extends RunAccess {
	readonly request: RunRequest;
	readonly evals: readonly PlannedEval[];
	/** In order: evals as given, targets as chosen, tests as written. */
	readonly cases: readonly PlannedCase[];
	readonly shard?: PlannedShard;
	readonly origin?: RunOrigin;
	readonly experiment: string;
	/** Over all targets without `workers` of their own. */
	readonly workers: number;
	readonly graderTarget: (
		evalLabel: string,
		requested: string | undefined,
		tested: ResolvedTarget,
	) => ResolvedTarget | undefined;
	readonly graderTargets: readonly PlannedGraderTarget[];
	/** Includes fallbacks and grading targets, each once. */
	readonly targets: readonly ResolvedTarget[];
	readonly view: DiskView;
	readonly redact: Redactor;
	readonly secrets: readonly string[];
}

export function keyOfRow({ eval: label, testId, target }: CaseNames): string {
	return caseKey(label, testId, target);
}

export function plannedByKey({ planned, evals }: Pick<RunFile, "planned" | "evals">): Map<string, PlannedTest[3]> {
	return new Map(planned.map(([of, id, target, repeat]) => [caseKey(evals[of]?.file ?? "", id, target), repeat]));
}

/** Recognizes a moved eval if both runs have only one. */
export function originKey({ names, key }: PlannedCase, { run }: RunOrigin): string {
	const [only, ...others] = run.evals;
	const known = run.evals.some(({ file }) => file === names.eval);
	return known || !only || others.length > 0 ? key : caseKey(only.file, names.testId, names.target);
}

/** Returns by default a model-based grader of the test's criteria or expected output. */
export function assertionsOf(test: TestCase): readonly Assertion[] {
	const turns = test.turns.some((turn) => turn.assertions.length > 0);
	return test.assertions.length > 0 || turns ? test.assertions : [criteriaGrader(test)];
}

function criteriaGrader(test: TestCase): Assertion {
	return {
		type: "llm-grader",
		settings: { type: "llm-grader" },
		name: "criteria",
		weight: 1,
		required: false,
		negate: false,
		at: test.at,
		base: test.base,
		rest: {},
	};
}

export function allGraders({ assertions, test }: Pick<PlannedCase, "assertions" | "test">): Assertion[] {
	return [...withParts(withTurns(assertions, test))];
}

/** Language models can grade, are retried by default, and can be cached. */
export function isModel(name: ProviderName): boolean {
	return providers[name].kind === "model";
}

export function graderTargetName(requested: string | undefined, tested: ResolvedTarget): string | undefined {
	return requested ?? tested.graderTarget ?? (isModel(tested.provider) ? tested.name : undefined);
}

/** Lists each target once per eval. */
export function graderTargetsOf(
	cases: readonly PlannedCase[],
	graderTarget: RunPlan["graderTarget"],
): PlannedGraderTarget[] {
	const graders = new Map<ResolvedTarget, PlannedGraderTarget>();
	for (const planned of cases)
		for (const grader of allGraders(planned)) {
			const model = modelOf(grader);
			const target = model && graderTarget(planned.eval.label, model.target, planned.target.target);
			if (target) graders.set(target, { target, eval: planned.eval });
		}
	return [...graders.values()];
}

/** Finds inputs of results that fingerprints can't cover. Runs no commands. */
export function opaqueParts(plan: RunPlan): readonly OpaqueUse[] {
	const uses = new OpaqueUses(plan.view);
	/** Most tests share their suite, targets and graders. */
	const seen = new Set<Visit["owner"]>();
	const add = (owner: Visit["owner"], visits: Iterable<Visit>) => {
		if (seen.has(owner)) return;
		seen.add(owner);
		for (const visited of visits) addOpaque(visited, plan.view, uses);
	};
	for (const { test, target, assertions, eval: of } of plan.cases) {
		for (const candidate of [target.target, ...target.fallbacks]) add(candidate, targetVisits(candidate, of.scope));
		add(test, visitTest({ ...test, expectedMessages: [] }));
		add(test.suite, visitSuite(test.suite));
		for (const grader of withParts(withTurns(assertions, test))) add(grader, visitGrader(grader, test.suite.scope));
	}
	for (const { target, eval: of } of plan.graderTargets) add(target, targetVisits(target, of.scope));
	return uses.all;
}

function* targetVisits(target: ResolvedTarget, scope: EvalScope): Generator<Visit> {
	const own = agentProgram(target.provider);
	const from = { owner: target, scope, name: target.name };
	const command = executableOf(target);
	if (command) yield { ...from, command };
	else if (own !== undefined)
		yield {
			...from,
			program: {
				name: ("executable" in target.settings ? target.settings.executable : undefined) ?? own,
				at: target.at,
			},
		};
	for (const visited of visitTarget(target, scope)) if (!visited.program) yield visited;
}

function addOpaque({ path, command, program, scope }: Visit, view: DiskView, uses: OpaqueUses): void {
	if (program) uses.program(program.name);
	if (command && command.kind !== "healthcheck") uses.command(command, scope);
	if (path?.kind === "input-file" && isAddress(path.raw)) uses.address(path.raw);
	// A script without a command runs in AgentV's Node, whose version is in `run.json`.
	if (path?.kind !== "custom-grader" && path?.kind !== "extension") return;
	const file = path.kind === "extension" ? resolvePath(path, scope, view).path : path.raw;
	if (view.kind(file) !== "file") return;
	uses.script(file, scope);
	const interpreter = interpreters[extname(file)];
	if (interpreter !== undefined) uses.program(interpreter);
}

const interpreters: Readonly<Record<string, string>> = { ".py": "python3", ".sh": "sh", ".ts": typeScriptRunners };

/** Redacted, for `run.json`. */
export function targetRecord(
	target: ResolvedTarget,
	facts: Readonly<Record<string, string>> | undefined,
): PlannedTargetRecord {
	const { name: _, provider: __, ...settings } = target.wire;
	return {
		name: target.name,
		provider: target.provider,
		settings: redactSettings(settings),
		via: target.via.map(({ definition }) => definition.name),
		...(facts ? { facts: { ...facts } } : {}),
	};
}

export function plannedTargets(cases: readonly PlannedCase[]): ResolvedTarget[] {
	return [
		...new Map(
			cases
				.flatMap(({ target }) => [target.target, ...target.fallbacks])
				.map((candidate) => [candidate.name, candidate]),
		).values(),
	];
}

export function plannedList(evals: readonly PlannedEval[], cases: readonly PlannedCase[]): PlannedTest[] {
	const positions = new Map(evals.map((planned, index) => [planned, index]));
	return cases.map(({ eval: of, test, target, repeat }): PlannedTest => {
		const named = [positions.get(of) ?? 0, test.id, target.target.name] as const;
		return repeat.count === 1 ? [...named] : [...named, { ...repeat }];
	});
}

/** The commits of a resumed run can differ. */
export function withRepositories(run: RunFile, records: readonly RepositoryRecord[]): RunFile {
	const known = [...(run.repositories ?? []), ...records].map((record) => [canonicalJson(record), record] as const);
	return { ...run, repositories: [...new Map(known).values()] };
}
