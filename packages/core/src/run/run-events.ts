import { type Redactor, redactDeep } from "../base/redact.ts";
import type { CaseResult } from "../grading/case-result.ts";
import type { ResultRow, RunSummary } from "../schema/result-row.ts";
import type { RepositoryRecord } from "../workspace/contract.ts";
import type { ShardBudget } from "./budgets.ts";

/** What happens in a run, in order: `started` first, `done` last. The command line and Studio both follow these. */
export type RunEvent =
	| {
			readonly type: "started";
			/** Absolute. */
			readonly runDir: string;
			/** Tests × targets. */
			readonly planned: number;
			/** Of these, finished before by the run that is resumed. */
			readonly alreadyDone: number;
			/** What these come to, and what they cost. */
			readonly before: RunSummary;
			/** What a shard may spend of the run's budgets; absent if there are none. */
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
	/** Nothing more is started: Ctrl-C, `bail`, or (of the evals that it concerns) no budget left. */
	| { readonly type: "stopping"; readonly reason: "interrupted" | "bail" | "budget" }
	| { readonly type: "done"; readonly runDir: string; readonly summary: RunSummary; readonly outcome: RunOutcome };

export interface AttemptName {
	/** Position of the test × target in the plan. */
	readonly index: number;
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** From 1. */
	readonly attempt: number;
}

/** How a run ended: all done, by Ctrl-C, by `bail`, or with tests left for which there was no budget. */
export type RunOutcome = "complete" | "interrupted" | "bailed" | "over-budget";

/** The event without secrets, as whoever shows it gets it. Rows are redacted when they are made; directories are for finding the run. */
export function redactEvent(event: RunEvent, redact: Redactor): RunEvent {
	if (event.type === "started" || event.type === "done") return event;
	if (event.type !== "attempt-finished") return redactDeep(event, redact);
	const { row, ...name } = event;
	return { ...redactDeep(name, redact), row };
}
