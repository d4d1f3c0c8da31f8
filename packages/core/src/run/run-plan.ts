import type { Redactor } from "../base/redact.ts";
import type { Environment } from "../io/environment.ts";
import type { AccessItem } from "../model/access.ts";
import { caseKey } from "../model/case-key.ts";
import type { NewAccess } from "../model/consent.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { Assertion, LoadedEval, Repeat, TestCase } from "../model/eval-types.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { ResultRow } from "../schema/result-row.ts";
import type { RunFile, RunOriginRecord } from "../schema/run-file.ts";
import type { WorkspaceSpec } from "../workspace/contract.ts";
import type { RunRequest } from "./run-request.ts";

/** An eval of a run. */
export interface PlannedEval {
	/** Relative to its root, unique in the run: what rows call it. */
	readonly label: string;
	/** Absolute. */
	readonly file: string;
	readonly name: string;
	readonly scope: EvalScope;
	/** Process environment with `.env` files laid under it. */
	readonly env: Environment;
	/** SHA-256 over the eval file and what loading it read. */
	readonly digest: string;
	/** Everything that loading read: absolute paths with the digests of their texts. */
	readonly sources: readonly { readonly path: string; readonly sha256: string }[];
	/** Digests of the variables that it names, by name; without secrets and those that have no value. */
	readonly variables: Readonly<Record<string, string>>;
	/** Files that its programs read by its own word. */
	readonly bundle: LoadedEval["bundle"];
	readonly workers: number | undefined;
	readonly budgetUsd: number | undefined;
	readonly experiment: string | undefined;
}

/** A target of a run, with those that step in for it. */
export interface PlannedTarget {
	readonly target: ResolvedTarget;
	readonly fallbacks: readonly ResolvedTarget[];
	/** Equal for targets with the same settings: they share one instance. */
	readonly key: string;
}

/** A target that judges tests of an eval. */
export interface PlannedGraderTarget {
	readonly target: ResolvedTarget;
	readonly eval: PlannedEval;
}

/** One test against one target: the unit that passes or fails. */
export interface PlannedCase {
	/** Position in the plan. */
	readonly index: number;
	readonly eval: PlannedEval;
	readonly test: TestCase;
	readonly target: PlannedTarget;
	/** Its graders; the default one where it has none of its own. */
	readonly assertions: readonly Assertion[];
	readonly threshold: number;
	readonly repeat: Repeat;
	readonly timeoutMs: number | undefined;
	/** Positions of the cases that come before it. */
	readonly dependsOn: readonly number[];
	/** Absent: it needs no directory of its own. */
	readonly workspace: { readonly spec: WorkspaceSpec; readonly key: string } | undefined;
}

/** A part of a plan's tests. Tests that depend on each other are in one shard, and with a test all its targets and attempts. */
export interface PlannedShard {
	/** From 1. */
	readonly index: number;
	readonly count: number;
	/** Of all shards: every test × target in its order. */
	readonly whole: readonly PlannedCase[];
	/** The shard of each of these. */
	readonly assigned: readonly number[];
	/** Id of the run by whose durations they are balanced. */
	readonly balancedBy?: string;
}

/** The run that a new run starts from: its answers are graded again, or its tests that did not pass run again. */
export interface RunOrigin {
	readonly kind: RunOriginRecord["kind"];
	/** Absolute. */
	readonly directory: string;
	readonly run: RunFile;
	/** The last row of each attempt. */
	readonly rows: readonly ResultRow[];
	/** Names of the graders that run again; absent: all. */
	readonly graders?: readonly string[];
}

/** What a run reads and reaches. */
export interface RunAccess {
	readonly access: readonly AccessItem[];
	/** What of it needs the user's consent, and the programs that a received record chose. */
	readonly newAccess: readonly NewAccess[];
	/** Whether a received run's record, and not the user, chose what is run. */
	readonly isReceived: boolean;
}

/** What a run will do, decided before anything is done. Made by `planRun`. */
export interface RunPlan extends RunAccess {
	readonly request: RunRequest;
	readonly evals: readonly PlannedEval[];
	/** In order: evals as given, targets as chosen, tests as written. */
	readonly cases: readonly PlannedCase[];
	/** Where the plan is one shard of a larger one. */
	readonly shard?: PlannedShard;
	/** The run that this one starts from. */
	readonly origin?: RunOrigin;
	readonly experiment: string;
	/** Tests at once over all targets without `workers` of their own. */
	readonly workers: number;
	/** Grader models by the target that is asked for and the tested one's. */
	readonly graderTarget: (
		evalLabel: string,
		asked: string | undefined,
		tested: ResolvedTarget,
	) => ResolvedTarget | undefined;
	/** The targets that judge. */
	readonly graderTargets: readonly PlannedGraderTarget[];
	/** All targets that may be asked, each once: tested ones, their fallbacks, and those that judge. */
	readonly targets: readonly ResolvedTarget[];
	readonly view: DiskView;
	/** Redacts everything that is recorded or shown. */
	readonly redact: Redactor;
	/** The secrets that it knows. */
	readonly secrets: readonly string[];
}

export function keyOfCase({ eval: { label }, test, target }: PlannedCase): string {
	return caseKey(label, test.id, target.target.name);
}

/** The key by which records name a case: its test's id is redacted since the plan was made. */
export function recordedKey({ eval: { label }, test, target }: PlannedCase, redact: Redactor): string {
	return caseKey(redact(label), test.id, redact(target.target.name));
}
