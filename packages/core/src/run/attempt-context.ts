import type { Scratch } from "../io/files/scratch.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { TargetAnswer } from "../targets/contract.ts";
import type { Budgets } from "./budgets.ts";
import type { LiveTargets } from "./live-targets.ts";
import type { RecordedAttempt } from "./recorded-attempt.ts";
import type { AttemptName, RunEvent } from "./run-events.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";
import type { RunWorkspaces } from "./run-workspaces.ts";

/** What all attempts of a run share. */
export interface RunContext {
	readonly plan: RunPlan;
	readonly runId: string;
	/** UTC, as records show it. */
	readonly startedAt: string;
	readonly targets: LiveTargets;
	readonly workspaces: RunWorkspaces;
	/** Runs the commands of a case's eval. */
	readonly commands: (one: PlannedCase) => CommandRunner;
	/** The attempt's record, if its recorded answer is graded instead of calling the target. */
	readonly recorded: (planned: PlannedCase, attempt: number) => RecordedAttempt | undefined;
	/** New directories for attempts' files. */
	readonly scratch: ScratchSpace;
	/** Aborted by Ctrl-C. */
	readonly signal: AbortSignal;
	readonly budgets: Budgets;
	/** Told of each answer of a tested target. */
	readonly onAnswer?: (name: AttemptName, answer: TargetAnswer) => void;
	readonly emit: (event: RunEvent) => void;
}

/** Counts a call against the budgets. */
export function countCall(
	{ budgets, emit }: RunContext,
	{ eval: { label } }: PlannedCase,
	target: string,
	costUsd: number | undefined,
): void {
	const message = budgets.add(label, target, costUsd);
	if (message !== undefined) emit({ type: "warning", message });
}

/** Directories for attempts, all below one that is removed with the run. */
export interface ScratchSpace {
	/** A new one. */
	next(): Scratch;
	/** Removes it, where it was made. */
	remove(scratch: Scratch): Promise<void>;
}
