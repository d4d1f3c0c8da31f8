import type { ResultRow, RunSummary } from "../format/run-file.ts";
import type { CaseResult } from "../grading/outcomes.ts";
import { type Redactor, redactDeep } from "../lib/redact.ts";
import type { RepositoryRecord } from "../workspace/contract.ts";
import type { ShardBudget } from "./call-cache.ts";
import type { PlannedCase } from "./run-plan.ts";

/** Events of a run, in order: `started` first, `done` last. For the command line and Studio. */
export type RunEvent =
	| {
			readonly type: "started";
			/** Absolute. */
			readonly runDir: string;
			/** Tests × targets. */
			readonly planned: number;
			/** Those that the resumed run had finished. */
			readonly alreadyDone: number;
			/** Their results and costs. */
			readonly before: RunSummary;
			/** A shard's part of the run's budgets; absent if there are none. */
			readonly budgets?: readonly ShardBudget[];
			readonly experiment: string;
	  }
	| ({ readonly type: "attempt-started" } & AttemptName)
	| ({ readonly type: "retry"; readonly message: string; readonly waitMs: number } & AttemptName)
	/** The row is on disk. */
	| ({ readonly type: "attempt-finished"; readonly row: ResultRow } & AttemptName)
	/** All attempts of a test against a target are done. */
	| ({ readonly type: "case-finished"; readonly result: CaseResult } & Omit<AttemptName, "attempt">)
	| { readonly type: "repositories"; readonly repositories: readonly RepositoryRecord[] }
	| { readonly type: "warning"; readonly message: string }
	/** Nothing more starts: Ctrl-C, `bail`, or (for the affected evals) an exhausted budget. */
	| { readonly type: "stopping"; readonly reason: "interrupted" | "bail" | "budget" }
	| { readonly type: "done"; readonly runDir: string; readonly summary: RunSummary; readonly outcome: RunOutcome };

export interface AttemptName {
	/** Position of the test × target in the plan. */
	readonly index: number;
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** 1-based. */
	readonly attempt: number;
}

/** How a run ended; `over-budget` if tests are left. */
export type RunOutcome = "complete" | "interrupted" | "bailed" | "over-budget";

/** Rows are already redacted; directories are needed to find the run. */
export function redactEvent(event: RunEvent, redact: Redactor): RunEvent {
	if (event.type === "started" || event.type === "done") return event;
	if (event.type !== "attempt-finished") return redactDeep(event, redact);
	const { row, ...name } = event;
	return { ...redactDeep(name, redact), row };
}

export function attemptName({ index, names }: PlannedCase, attempt: number): AttemptName {
	return { index, ...names, attempt };
}
