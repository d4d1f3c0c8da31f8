import type { ErrorCause } from "@agentv/core";
import type { Page } from "./page.ts";

/** Tokens and cost; null if not reported. */
export interface UsageAnswer {
	readonly cost_usd: number | null;
	readonly tokens: { readonly input: number; readonly output: number } | null;
}

/** Counts are of tests × targets, combined by their `repeat` strategy. `cost_usd` and `tokens` are the target's. */
export interface RunSummaryAnswer extends UsageAnswer {
	readonly planned: number;
	readonly passed: number;
	readonly failed: number;
	/** Not graded. */
	readonly errors: number;
	/** Planned tests without a result. */
	readonly not_run: number;
	/** Over graded tests; null if there are none. */
	readonly mean_score: number | null;
	/** The same with score 0 for tests that the agent kept from being graded. */
	readonly mean_score_lower_bound: number | null;
	/** Number of graded tests. */
	readonly judged: number;
	readonly duration_ms: number;
	/** Usage of grading models, failed calls included; null if none was used. */
	readonly judging: UsageAnswer | null;
}

export interface RunEntry {
	readonly id: string;
	readonly experiment: string;
	/** ISO 8601. */
	readonly started_at: string;
	readonly benchmark: string | null;
	readonly evals: readonly string[];
	readonly targets: readonly string[];
	/** Tests × targets. */
	readonly planned: number;
	/** `running`: its process is alive; `interrupted`: it ended early and can be resumed. */
	readonly state: "running" | "done" | "interrupted";
	/** Null until the first summary is written. */
	readonly summary: RunSummaryAnswer | null;
	/** The job of this Studio that runs it. */
	readonly job: string | null;
	/** Why its records can't be read. */
	readonly problem: string | null;
}

export interface RunListAnswer extends Page<RunEntry> {
	/** Values to filter by. */
	readonly experiments: readonly string[];
	readonly targets: readonly string[];
	readonly benchmarks: readonly string[];
}

/** Pass rate over time: one series for each eval and target, oldest first; at most 200 points of 100 series. */
export interface RunHistoryAnswer {
	readonly series: readonly {
		readonly eval: string;
		readonly target: string;
		readonly points: readonly {
			readonly run: string;
			readonly started_at: string;
			/** 0 to 1. */
			readonly pass_rate: number;
			/** The same, counting tests that the agent kept from being graded as not passed. */
			readonly pass_rate_lower_bound: number;
			/** Judged tests; `errors` counts the others. */
			readonly tests: number;
			readonly errors: number;
		}[];
	}[];
}

/** Until the run is done, its summary is computed from the rows on disk. */
export interface RunAnswer extends RunEntry {
	/** Absolute. */
	readonly directory: string;
	readonly provenance: {
		readonly agentv_version: string;
		readonly node_version: string;
		readonly commit: string | null;
		readonly branch: string | null;
		readonly dirty: boolean | null;
		readonly benchmark: { readonly id: string; readonly revision: string | null } | null;
		readonly bundle: { readonly name: string; readonly digest: string } | null;
		readonly evals: readonly { readonly file: string; readonly name: string; readonly digest: string }[];
		readonly targets: readonly {
			readonly name: string;
			readonly provider: string;
			readonly via: readonly string[];
			readonly facts: Readonly<Record<string, string>>;
		}[];
		readonly repositories: readonly { readonly path: string; readonly repo: string; readonly sha: string }[];
		/** What results depend on and fingerprints don't cover, and why; at most 100. */
		readonly opaque: readonly { readonly what: string; readonly why: string }[];
		/** The run that this one is based on. */
		readonly origin: RunOriginAnswer | null;
	};
	/** The eval in Studio, if it still exists, to run it again. */
	readonly eval_id: string | null;
	readonly resumable: boolean;
}

export interface RunOriginAnswer {
	/** `regrade`: its answers were graded again. `rerun_failed`: its failed tests were rerun. */
	readonly kind: "regrade" | "rerun_failed";
	/** Its `run_id`. */
	readonly name: string;
	/** The run in Studio, if it still exists. */
	readonly run: string | null;
	/** Graders that ran again; null for all. */
	readonly graders: readonly string[] | null;
}

export type AttemptStatus = "ok" | "quality_failure" | "execution_error";
/** `not_run`: planned, but without a result. */
export type TestStatus = AttemptStatus | "not_run";

/** One finished attempt. */
export interface AttemptEntry {
	/** Addresses the attempt in `GET /api/runs/:id/tests/:test`. */
	readonly id: string;
	readonly test_id: string;
	readonly eval: string;
	readonly target: string;
	readonly attempt: number;
	readonly status: AttemptStatus;
	readonly score: number;
	readonly threshold: number;
	readonly duration_ms: number;
	readonly cost_usd: number | null;
	readonly error: TestErrorAnswer | null;
}

export interface AttemptOfTest {
	readonly id: string;
	readonly attempt: number;
	readonly status: AttemptStatus;
	readonly score: number;
}

/** A test on a target, its attempts combined by its `repeat` strategy. */
export interface RunTestEntry {
	/** Id of its first attempt; null if there is none. */
	readonly id: string | null;
	readonly test_id: string;
	readonly eval: string;
	readonly target: string;
	readonly status: TestStatus;
	/** Null if it was not graded or not run. */
	readonly score: number | null;
	readonly threshold: number | null;
	/** Total of all attempts, like the costs. */
	readonly duration_ms: number;
	readonly cost_usd: number | null;
	readonly judging_cost_usd: number | null;
	/** The first error of its attempts. */
	readonly error: TestErrorAnswer | null;
	readonly attempts: readonly AttemptOfTest[];
	readonly repeat: { readonly count: number; readonly strategy: "mean" | "pass_any" | "pass_all" };
}
export interface RunTestsAnswer extends Page<RunTestEntry> {
	/** Counts of all tests, regardless of the filter. */
	readonly counts: Readonly<Record<AttemptStatus, number>>;
	readonly not_run: number;
	readonly targets: readonly string[];
	readonly evals: readonly string[];
}

export interface TestErrorAnswer {
	readonly stage: string;
	readonly code: string;
	readonly message: string;
	/** Absent if unknown. */
	readonly caused_by?: ErrorCause | undefined;
}

export interface ScoreAnswer {
	readonly name: string;
	readonly type: string;
	/** Null if the grader could not run. */
	readonly score: number | null;
	readonly weight: number;
	readonly verdict: "pass" | "fail" | "not_judged";
	/** Whether the grader vetoed the answer, although its score would pass. */
	readonly veto: boolean;
	/** Why there is no score. */
	readonly error: { readonly code: string; readonly message: string } | null;
	/** The grading model and its usage, if a model graded. */
	readonly usage: (UsageAnswer & { readonly target: string; readonly model: string | null }) | null;
	readonly assertions: readonly { readonly text: string; readonly passed: boolean; readonly evidence: string | null }[];
	/** The graders inside a composite. */
	readonly parts: readonly ScoreAnswer[];
}

/** A message of an input or a transcript. */
export interface MessageAnswer {
	readonly role: string;
	readonly content: string;
	readonly tool_calls: readonly {
		readonly tool: string;
		readonly input: unknown;
		readonly output: unknown;
		readonly duration_ms: number | null;
	}[];
}

/** A test result, as far as it was recorded. */
export interface TestResultAnswer extends AttemptEntry {
	readonly timestamp: string;
	readonly input: readonly MessageAnswer[];
	readonly output: string | null;
	/** Bytes removed from `output` (limit 1 MB). */
	readonly output_cut: number;
	readonly expected: string | null;
	readonly criteria: string | null;
	readonly scores: readonly ScoreAnswer[];
	readonly transcript: readonly MessageAnswer[];
	/** Unified diff of the workspace. */
	readonly file_changes: string | null;
	/** Bytes removed from it (limit 1 MB). */
	readonly file_changes_cut: number;
	readonly warnings: readonly TestErrorAnswer[];
	readonly tokens: { readonly input: number; readonly output: number } | null;
	/** Usage of grading models; null if none was used. */
	readonly judging: UsageAnswer | null;
	/** Why the target stopped, if it did not finish normally. */
	readonly stop_reason: string | null;
	/** Original usage, if the answer came from the cache. */
	readonly cached: (UsageAnswer & { readonly duration_ms: number | null }) | null;
	/** Milliseconds per stage, in order; null if not recorded. */
	readonly timings: readonly { readonly stage: string; readonly ms: number }[] | null;
	/** Output of programs, by stage. */
	readonly logs: readonly StageLogAnswer[];
	/** The test with all its attempts, this one included. */
	readonly test: Pick<RunTestEntry, "status" | "score" | "attempts" | "repeat">;
	/** Whether `--rerun-changed` repeated the attempt because a dependency had changed. */
	readonly rerun: boolean;
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly workspace_path: string | null;
	/** Whether the attempt's file exists; otherwise only its row is known. */
	readonly recorded: boolean;
	/** Ids of the neighbouring rows, in the order of the run. */
	readonly previous: string | null;
	readonly next: string | null;
}

export interface StageLogAnswer {
	readonly stage: string;
	/** The hook, extension, target or grader that wrote it. */
	readonly name: string;
	readonly text: string;
	/** Number of removed characters. */
	readonly omitted: number;
}

/** The attempt that an event refers to. */
export interface AttemptAnswer {
	/** Position of the test × target in the plan. */
	readonly index: number;
	readonly eval: string;
	readonly test_id: string;
	readonly target: string;
	/** 1-based. */
	readonly attempt: number;
}

/** Events of a run job. */
export type RunEventAnswer =
	| {
			readonly type: "started";
			/** The run's id. */
			readonly run: string;
			/** Tests × targets. */
			readonly planned: number;
			/** Of these, finished before the run was resumed. */
			readonly already_done: number;
			readonly experiment: string;
	  }
	| ({ readonly type: "attempt_started" } & AttemptAnswer)
	| ({ readonly type: "retry"; readonly message: string; readonly wait_ms: number } & AttemptAnswer)
	/** The row is on disk. */
	| { readonly type: "attempt_finished"; readonly index: number; readonly row: AttemptEntry }
	| {
			readonly type: "case_finished";
			readonly index: number;
			readonly test_id: string;
			readonly target: string;
			readonly status: "passed" | "failed" | "error";
			readonly score: number | null;
	  }
	| { readonly type: "warning"; readonly message: string }
	/** Nothing more is started. */
	| { readonly type: "stopping"; readonly reason: "interrupted" | "bail" | "budget" }
	| {
			readonly type: "outcome";
			readonly run: string;
			readonly outcome: "complete" | "interrupted" | "bailed" | "over-budget";
			readonly interrupted: boolean;
			readonly summary: RunSummaryAnswer;
	  };
