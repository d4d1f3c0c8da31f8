import type { CommandRunner } from "../eval/command.ts";
import type { Scratch } from "../machine/directories.ts";
import type { RequestMessage, TargetAnswer } from "../targets/contract.ts";
import type { TestWorkspace } from "../workspace/attempt-workspace.ts";
import type { Attempt, AttemptName, RunEvent, StageLogs, StageTimer } from "./attempt.ts";
import type { Budgets } from "./call-cache.ts";
import type { Fingerprints } from "./fingerprints.ts";
import type { LiveTargets } from "./live-targets.ts";
import type { RecordedAttempt } from "./recorded-attempt.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";
import type { RunRecords } from "./run-records.ts";
import type { RunWorkspaces } from "./run-workspaces.ts";

/** State shared by all attempts of a run. */
export interface RunContext {
	readonly plan: RunPlan;
	/** UTC, as in records. */
	readonly startedAt: string;
	readonly targets: LiveTargets;
	readonly workspaces: RunWorkspaces;
	readonly fingerprints: Fingerprints;
	readonly records: RunRecords;
	/** Returns the runner for commands of a case's eval. */
	readonly commands: (planned: PlannedCase) => CommandRunner;
	/** Returns the attempt's record if its recorded answer is graded again. */
	readonly recorded: (planned: PlannedCase, attempt: number) => RecordedAttempt | undefined;
	/** Creates directories for attempts' files. */
	readonly scratch: ScratchSpace;
	/** Aborted by Ctrl-C. */
	readonly signal: AbortSignal;
	readonly budgets: Budgets;
	readonly onAnswer?: ((name: AttemptName, answer: TargetAnswer) => void) | undefined;
	readonly emit: (event: RunEvent) => void;
}

/** Directories for attempts, inside one that is removed with the run. */
export interface ScratchSpace {
	next(): Scratch;
	/** Removes it, if it was created. */
	remove(scratch: Scratch): Promise<void>;
}

/** Counts a call of a tested or grading target against the budget. */
export function countCall(
	{ budgets, emit }: RunContext,
	{ eval: { label } }: PlannedCase,
	target: string,
	costUsd: number | undefined,
): void {
	const message = budgets.add(label, target, costUsd);
	if (message !== undefined) emit({ type: "warning", message });
}

/** A running attempt: its record, and what its stages share. */
export interface LiveAttempt {
	readonly attempt: Attempt;
	readonly context: RunContext;
	readonly scratch: Scratch;
	readonly timer: StageTimer;
	readonly logs: StageLogs;
	/** Said so far, with the target's answers. */
	readonly messages: RequestMessage[];
	/** The target's state of the conversation. */
	session: unknown;
	workspace: TestWorkspace | undefined;
	/** The record whose answer is graded again. */
	readonly recorded: RecordedAttempt | undefined;
}
