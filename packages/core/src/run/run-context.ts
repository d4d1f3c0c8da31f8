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

export interface RunContext {
	readonly plan: RunPlan;
	/** UTC, as in records. */
	readonly startedAt: string;
	readonly targets: LiveTargets;
	readonly workspaces: RunWorkspaces;
	readonly fingerprints: Fingerprints;
	readonly records: RunRecords;
	readonly commands: (planned: PlannedCase) => CommandRunner;
	readonly recorded: (planned: PlannedCase, attempt: number) => RecordedAttempt | undefined;
	readonly scratch: ScratchSpace;
	readonly signal: AbortSignal;
	readonly budgets: Budgets;
	readonly onAnswer?: ((name: AttemptName, answer: TargetAnswer) => void) | undefined;
	readonly emit: (event: RunEvent) => void;
}

/** Directories inside one that is removed with the run. */
export interface ScratchSpace {
	next(): Scratch;
	remove(scratch: Scratch): Promise<void>;
}

export function countCall(
	{ budgets, emit }: RunContext,
	{ eval: { label } }: PlannedCase,
	target: string,
	costUsd: number | undefined,
): void {
	const message = budgets.add(label, target, costUsd);
	if (message !== undefined) emit({ type: "warning", message });
}

export interface LiveAttempt {
	readonly attempt: Attempt;
	readonly context: RunContext;
	readonly scratch: Scratch;
	readonly timer: StageTimer;
	readonly logs: StageLogs;
	readonly messages: RequestMessage[];
	session: unknown;
	workspace: TestWorkspace | undefined;
	readonly recorded: RecordedAttempt | undefined;
}
