import type { ErrorCause, ExecutionStatus, RowError } from "../format/run-file.ts";
import type { SummaryBuilder } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import type { Scratch } from "../machine/directories.ts";
import { type AttemptOutcome, rowError, StageTimer } from "./attempt-outcome.ts";
import { type Fingerprints, madeOf, type Versions } from "./fingerprints.ts";
import type { AttemptName, RunContext, RunOutcome } from "./grade-attempt.ts";
import { type RecordedAttempt, requestMessages } from "./recorded-attempt.ts";
import type { CaseState } from "./resume.ts";
import { runAttempt } from "./run-attempt.ts";
import type { PlannedCase } from "./run-plan.ts";
import { attemptRow, type RunRecords } from "./run-records.ts";

/** A limit of concurrent jobs; several lanes can share one. */
interface Slot {
	readonly most: number;
	taken: number;
}

function slot(most: number): Slot {
	return { most, taken: 0 };
}

/** Jobs that need the same slots, in order. */
class Lane<Job> {
	readonly slots: readonly Slot[];
	readonly #jobs: { readonly order: number; readonly job: Job }[] = [];
	#next = 0;

	constructor(slots: readonly Slot[]) {
		this.slots = slots;
	}

	/** Inserts a job after those of a lower order. */
	push(order: number, job: Job): void {
		let at = this.#jobs.length;
		while (at > this.#next && (this.#jobs[at - 1]?.order ?? -1) > order) at -= 1;
		this.#jobs.splice(at, 0, { order, job });
	}

	/** The order of the first job, if it could start now. */
	get head(): number | undefined {
		const first = this.#jobs[this.#next];
		return first && this.slots.every(({ most, taken }) => taken < most) ? first.order : undefined;
	}

	take(): Job | undefined {
		const first = this.#jobs[this.#next];
		this.#next += 1;
		// Drop taken jobs now and then: removing each from the front would move all others.
		if (this.#next > 1000) {
			this.#jobs.splice(0, this.#next);
			this.#next = 0;
		}
		return first?.job;
	}
}

/** Starts jobs in order when their slots are free. */
class Schedule<Job> {
	readonly #lanes = new Map<string, Lane<Job>>();
	readonly #run: (job: Job) => Promise<void>;
	#running = 0;
	#waiting = 0;
	#stopped = false;
	#failure: { readonly error: unknown } | undefined;
	#idle: (() => void) | undefined;

	/** @param run must not start before `pump` is called; its rejection stops the schedule */
	constructor(run: (job: Job) => Promise<void>) {
		this.#run = run;
	}

	/** Adds a ready job. Jobs of one `lane` need the same slots. */
	add(job: Job, order: number, lane: string, slots: readonly Slot[]): void {
		let found = this.#lanes.get(lane);
		if (!found) {
			found = new Lane(slots);
			this.#lanes.set(lane, found);
		}
		found.push(order, job);
		this.#waiting += 1;
	}

	/** Starts what can start. */
	pump(): void {
		while (!this.#stopped) {
			const lane = this.#firstLane();
			const job = lane?.take();
			if (!lane || job === undefined) break;
			this.#waiting -= 1;
			this.#running += 1;
			for (const one of lane.slots) one.taken += 1;
			void this.#start(job, lane.slots);
		}
		if (this.#running === 0 && (this.#stopped || this.#waiting === 0)) this.#idle?.();
	}

	/** Starts nothing more; running jobs continue. */
	stop(): void {
		this.#stopped = true;
		this.pump();
	}

	/** Resolves when nothing runs or can start. @throws what a job rejected with */
	async finished(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.#idle = resolve;
			this.pump();
		});
		if (this.#failure) throw this.#failure.error;
	}

	#firstLane(): Lane<Job> | undefined {
		let best: Lane<Job> | undefined;
		let order = Number.POSITIVE_INFINITY;
		for (const lane of this.#lanes.values()) {
			const head = lane.head;
			if (head !== undefined && head < order) {
				best = lane;
				order = head;
			}
		}
		return best;
	}

	async #start(job: Job, slots: readonly Slot[]): Promise<void> {
		try {
			await this.#run(job);
		} catch (error) {
			this.#failure ??= { error };
			this.#stopped = true;
		}
		for (const one of slots) one.taken -= 1;
		this.#running -= 1;
		this.pump();
	}
}

interface Job {
	readonly state: CaseState;
	readonly attempt: number;
}

/** Runs unfinished cases in order, dependencies first, within all limits. */
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

	/** @throws what stops a run: unwritable records, internal errors */
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

	/** Queues a case once all its dependencies are done. */
	async #ready(state: CaseState): Promise<void> {
		const { one } = state;
		// Can be called for each of several dependencies.
		if (state.result || state.running > 0) return;
		const needed = one.dependsOn.map((index) => this.#states[index]);
		if (needed.some((dependency) => !dependency?.result)) return;
		const broken = needed.find((dependency) => dependency?.result?.status !== "passed");
		if (broken && one.test.onDependencyFailure !== "run") {
			// Skipped tests would be the hard ones: they count as broken by the agent that failed their
			// dependency.
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
			// A target with its own limit is only bound by that, unless the user sets a global limit.
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

	/** Creates a directory for an attempt's files, or returns why there is none. */
	#scratch(): { readonly scratch: Scratch } | { readonly error: RowError } {
		try {
			return { scratch: this.#context.scratch.next() };
		} catch (error) {
			return { error: rowError(error) };
		}
	}

	/** Returns the outcome of an attempt that never reached its target. */
	#withoutAnswer(one: PlannedCase, status: ExecutionStatus, error: RowError): AttemptOutcome {
		return {
			...{ status, score: 0, scores: [], error, warnings: [] },
			input: requestMessages(one.test.input, one.test, this.#context.plan),
			...{ durationMs: 0, timings: new StageTimer().timings, logs: [] },
			metadata: one.test.metadata,
		};
	}

	/** Leaves a case for a resumed run: the budget is exhausted. */
	#leave(state: CaseState): void {
		state.running -= 1;
		if (this.#outcome !== "complete") return;
		this.#outcome = "over-budget";
		this.#context.emit({ type: "stopping", reason: "budget" });
	}

	/** @param begunWith the attempt's files when it started, and the answer that it grades again */
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

	/** Handles a case's result. */
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

/** Passes values from producers to an iterating consumer. */
export class EventQueue<Value> {
	#values: Value[] = [];
	#closed = false;
	#failure: { readonly error: unknown } | undefined;
	#wake: (() => void) | undefined;

	put(value: Value): void {
		this.#values.push(value);
		this.#wake?.();
	}

	close(): void {
		this.#closed = true;
		this.#wake?.();
	}

	/** Ends the iteration with an error after all queued values. */
	fail(error: unknown): void {
		this.#failure = { error };
		this.close();
	}

	async *contents(): AsyncGenerator<Value, void> {
		for (;;) {
			const values = this.#values;
			this.#values = [];
			yield* values;
			if (this.#values.length > 0) continue;
			if (this.#closed) break;
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
			this.#wake = undefined;
		}
		if (this.#failure) throw this.#failure.error;
	}
}
