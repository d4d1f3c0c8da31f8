import { AgentvError } from "../base/agentv-error.ts";
import type { SummaryBuilder } from "../grading/run-summary.ts";
import type { Scratch } from "../io/files/scratch.ts";
import type { ErrorCause, ExecutionStatus, RowError } from "../schema/result-row.ts";
import type { RunContext } from "./attempt-context.ts";
import { rowError } from "./attempt-error.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import { attemptRow } from "./attempt-row.ts";
import type { CaseState } from "./case-states.ts";
import type { Fingerprints, Versions } from "./fingerprints.ts";
import { madeOf } from "./made-of.ts";
import type { RecordedAttempt } from "./recorded-attempt.ts";
import { runAttempt } from "./run-attempt.ts";
import type { AttemptName, RunOutcome } from "./run-events.ts";
import type { PlannedCase } from "./run-plan.ts";
import type { RunRecords } from "./run-records.ts";
import { Schedule, type Slot, slot } from "./schedule.ts";
import { StageTimer } from "./stage-timer.ts";
import { requestMessages } from "./test-input.ts";

interface Job {
	readonly state: CaseState;
	readonly attempt: number;
}

/** Runs the cases that are not finished: in order, as workers, targets and workspaces allow, dependencies first. */
export class RunEngine {
	readonly #context: RunContext;
	readonly #states: readonly CaseState[];
	readonly #records: RunRecords;
	readonly #summary: SummaryBuilder;
	readonly #fingerprints: Fingerprints;
	readonly #schedule: Schedule<Job>;
	readonly #global: Slot;
	readonly #slots = new Map<string, Slot>();
	readonly #dependents = new Map<number, CaseState[]>();
	#outcome: RunOutcome = "complete";

	constructor(
		context: RunContext,
		states: readonly CaseState[],
		records: RunRecords,
		summary: SummaryBuilder,
		fingerprints: Fingerprints,
	) {
		this.#context = context;
		this.#states = states;
		this.#records = records;
		this.#summary = summary;
		this.#fingerprints = fingerprints;
		this.#global = slot(context.plan.workers);
		this.#schedule = new Schedule((job) => this.#run(job));
	}

	/** @throws what stops a run: records that can't be written, faults of ours */
	async run(): Promise<RunOutcome> {
		const { signal } = this.#context;
		const stop = () => this.#stop("interrupted");
		signal.addEventListener("abort", stop, { once: true });
		if (signal.aborted) stop();
		for (const state of this.#states)
			for (const index of state.one.dependsOn) {
				const list = this.#dependents.get(index);
				if (list) list.push(state);
				else this.#dependents.set(index, [state]);
			}
		try {
			for (const state of this.#states) if (!state.result) await this.#ready(state);
			await this.#schedule.finished();
		} finally {
			signal.removeEventListener("abort", stop);
		}
		return this.#outcome;
	}

	#stop(reason: "interrupted" | "bail"): void {
		if (this.#outcome === "bailed" || this.#outcome === "interrupted") return;
		this.#outcome = reason === "bail" ? "bailed" : "interrupted";
		this.#context.emit({ type: "stopping", reason });
		this.#schedule.stop();
	}

	/** Puts a case up for running once all that it depends on is done. */
	async #ready(state: CaseState): Promise<void> {
		const { one } = state;
		// It may be called for each of several dependencies.
		if (state.result || state.running > 0) return;
		const needed = one.dependsOn.map((index) => this.#states[index]);
		if (needed.some((dependency) => !dependency?.result)) return;
		const broken = needed.find((dependency) => dependency?.result?.status !== "passed");
		if (broken && one.test.onDependencyFailure !== "run") {
			// Skipped tests would be the hard ones: what the agent did not pass keeps them from being judged.
			const isOfAgent = broken.result?.status === "failed" || broken.result?.lowest !== undefined;
			await this.#skip(state, broken.one.test.id, isOfAgent ? "agent" : undefined);
			return;
		}
		for (const attempt of state.nextAttempts()) {
			state.running += 1;
			this.#schedule.add({ state, attempt }, one.index * 10_000 + attempt, laneOf(one), this.#slotsOf(one));
		}
	}

	#slotsOf({ target: { target, key }, workspace }: PlannedCase): Slot[] {
		const { request } = this.#context.plan;
		const { workers } = target.settings;
		return [
			// A target that says how much it bears is bound by that alone, unless the user sets a limit over all.
			...(workers === undefined || request.workers !== undefined ? [this.#global] : []),
			...(workers === undefined ? [] : [this.#slot(`target ${key}`, workers)]),
			...(workspace && workspace.spec.workspace?.isolation !== "per_test"
				? [this.#slot(`workspace ${workspace.key}`, 1)]
				: []),
		];
	}

	#slot(name: string, most: number): Slot {
		const known = this.#slots.get(name) ?? slot(most);
		this.#slots.set(name, known);
		return known;
	}

	async #run({ state, attempt }: Job): Promise<void> {
		const { one } = state;
		const name = attemptName(one, attempt);
		const { emit, budgets } = this.#context;
		if (budgets.isSpent(one)) return this.#leave(state);
		emit({ type: "attempt-started", ...name });
		let scratch: Scratch | undefined;
		try {
			const recorded = this.#context.recorded(one, attempt);
			const { files } = this.#fingerprints.begin(one);
			const made = this.#scratch();
			if (!("error" in made)) scratch = made.scratch;
			const outcome =
				"error" in made
					? this.#withoutAnswer(one, "execution_error", made.error)
					: await this.#attempt(one, name, made.scratch, recorded);
			await this.#record(state, name, outcome, { recorded, files });
		} catch (error) {
			if (!(error instanceof AgentvError && error.code === "interrupted")) throw error;
			state.running -= 1;
			return;
		} finally {
			if (scratch) await this.#context.scratch.remove(scratch);
		}
		state.running -= 1;
		await this.#settle(state);
	}

	async #attempt(
		one: PlannedCase,
		name: AttemptName,
		scratch: Scratch,
		recorded: RecordedAttempt | undefined,
	): Promise<AttemptOutcome> {
		try {
			const repositories = recorded && (await this.#context.workspaces.repositories(one));
			if (repositories) recorded?.refuseOtherWorkspace(this.#fingerprints.of(one, repositories).fingerprint);
		} catch (error) {
			return this.#withoutAnswer(one, "execution_error", rowError(error));
		}
		return runAttempt(one, name, this.#context, scratch, recorded);
	}

	/** A directory for an attempt's files, or why there is none. */
	#scratch(): { readonly scratch: Scratch } | { readonly error: RowError } {
		try {
			return { scratch: this.#context.scratch.next() };
		} catch (error) {
			return { error: rowError(error) };
		}
	}

	/** The outcome of an attempt that never reached its target. */
	#withoutAnswer(one: PlannedCase, status: ExecutionStatus, error: RowError): AttemptOutcome {
		return {
			...{ status, score: 0, scores: [], error, warnings: [] },
			input: requestMessages(one.test.input, one.test, this.#context.plan),
			...{ durationMs: 0, timings: new StageTimer().timings, logs: [] },
			metadata: one.test.metadata,
		};
	}

	/** Leaves a case for a run that is resumed: there is no money left. */
	#leave(state: CaseState): void {
		state.running -= 1;
		if (this.#outcome !== "complete") return;
		this.#outcome = "over-budget";
		this.#context.emit({ type: "stopping", reason: "budget" });
	}

	/** @param begunWith the attempt's files as they were when it began, and the answer that it grades again */
	async #record(
		state: CaseState,
		name: AttemptName,
		ended: AttemptOutcome,
		begunWith: { readonly files?: Versions["files"]; readonly recorded?: RecordedAttempt | undefined } = {},
	): Promise<void> {
		const { plan, emit, workspaces } = this.#context;
		const file = `${this.#records.stem(state.one, name.attempt)}.json`;
		const repositories = await workspaces.repositories(state.one);
		const versions = this.#fingerprints.of(state.one, repositories);
		const { fingerprint, ...made } = madeOf(versions, repositories, begunWith, plan.origin);
		const outcome = { ...ended, ...made, warnings: [...ended.warnings, ...made.warnings] };
		const isRerun = state.reruns.has(name.attempt);
		const facts = { file, fingerprint, timestamp: new Date().toISOString(), isRerun };
		const attempt = attemptRow(state.one, name, outcome, facts, plan.redact);
		const row = await this.#records.add(state.one, attempt, outcome);
		state.add(row);
		this.#summary.addRow(row);
		emit({ type: "attempt-finished", ...name, row });
	}

	async #settle(state: CaseState): Promise<void> {
		if (!state.settle()) {
			if (this.#outcome === "complete" || this.#outcome === "over-budget") await this.#ready(state);
			return;
		}
		await this.#finish(state);
	}

	/** What follows from a case's result. */
	async #finish(state: CaseState): Promise<void> {
		const { result, one } = state;
		if (!result) return;
		this.#summary.addCase(result);
		const { attempt: _, ...name } = attemptName(one, 1);
		this.#context.emit({ type: "case-finished", ...name, result });
		const warnings = await this.#context.workspaces.release(one);
		for (const { message } of warnings) this.#context.emit({ type: "warning", message });
		if (result.status !== "passed" && this.#context.plan.request.bail) this.#stop("bail");
		for (const dependent of this.#dependents.get(one.index) ?? []) if (!dependent.result) await this.#ready(dependent);
	}

	/** Records a case whose dependency did not pass, without running it. */
	async #skip(state: CaseState, dependency: string, causedBy: ErrorCause | undefined): Promise<void> {
		const { one } = state;
		const fails = one.test.onDependencyFailure === "fail";
		const status: ExecutionStatus = fails ? "quality_failure" : "execution_error";
		const message = `it depends on ${JSON.stringify(dependency)}, which did not pass`;
		const error = {
			...{ stage: "dependency", code: fails ? "dependency-failed" : "skipped", message },
			...(causedBy && !fails ? { causedBy } : {}),
		};
		const outcome = this.#withoutAnswer(one, status, error);
		state.running += 1;
		await this.#record(state, attemptName(one, 1), outcome);
		state.running -= 1;
		state.settle();
		await this.#finish(state);
	}
}

function laneOf({ target: { key }, workspace }: PlannedCase): string {
	return `${key}\0${workspace?.key ?? ""}`;
}

export function attemptName({ index, eval: { label }, test, target }: PlannedCase, attempt: number): AttemptName {
	return { index, eval: label, testId: test.id, target: target.target.name, attempt };
}
