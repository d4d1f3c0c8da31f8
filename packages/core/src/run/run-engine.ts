import type { ErrorCause, ResultRow } from "../format/run-file.ts";
import type { SummaryBuilder } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { omitUndefined } from "../lib/json.ts";
import { attemptName, newAttempt, type RunOutcome } from "./attempt.ts";
import type { CaseState } from "./resume.ts";
import { recordAttempt, runAttempt } from "./run-attempt.ts";
import type { RunContext } from "./run-context.ts";
import type { PlannedCase } from "./run-plan.ts";

interface Job {
	readonly state: CaseState;
	readonly attempt: number;
}

export class RunEngine {
	readonly #context: RunContext;
	readonly #schedule: Schedule<Job>;
	readonly #global: Slot;
	readonly #slots = new Map<string, Slot>();
	readonly #dependents = new Map<number, CaseState[]>();
	#outcome: RunOutcome = "complete";

	constructor(
		context: RunContext,
		private readonly states: readonly CaseState[],
		private readonly summary: SummaryBuilder,
	) {
		this.#context = context;
		this.#global = slot(context.plan.workers);
		this.#schedule = new Schedule((job) => this.#run(job));
	}

	/** @throws what stops a run: unwritable records, internal errors */
	async run(): Promise<RunOutcome> {
		const { signal } = this.#context;
		const stop = () => this.#stop("interrupted");
		signal.addEventListener("abort", stop, { once: true });
		if (signal.aborted) stop();
		for (const state of this.states)
			for (const index of state.planned.dependsOn) {
				const list = this.#dependents.get(index);
				if (list) list.push(state);
				else this.#dependents.set(index, [state]);
			}
		try {
			for (const state of this.states) if (!state.result) await this.#ready(state);
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

	async #ready(state: CaseState): Promise<void> {
		const { planned } = state;
		// Can be called for each of several dependencies.
		if (state.result || state.running > 0) return;
		const needed = planned.dependsOn.map((index) => this.states[index]);
		if (needed.some((dependency) => !dependency?.result)) return;
		const broken = needed.find((dependency) => dependency?.result?.status !== "passed");
		if (broken && planned.test.onDependencyFailure !== "run") {
			// Skipped tests would be the hard ones, so the agent that failed their dependency is blamed.
			const isOfAgent = broken.result?.status === "failed" || broken.result?.lowest !== undefined;
			await this.#skip(state, broken.planned.test.id, isOfAgent ? "agent" : undefined);
			return;
		}
		for (const attempt of state.nextAttempts()) {
			state.running += 1;
			this.#schedule.add({ state, attempt }, planned.index * 10_000 + attempt, laneOf(planned), this.#slotsOf(planned));
		}
	}

	#slotsOf({ target: { target, key }, workspace }: PlannedCase): Slot[] {
		const { request } = this.#context.plan;
		const { workers } = target.settings;
		return [
			// A target with its own limit is only subject to the global one if the user sets that.
			...(workers === undefined || request.workers !== undefined ? [this.#global] : []),
			...(workers === undefined ? [] : [this.#slot(`target ${key}`, workers)]),
			...(workspace && workspace.spec.workspace?.isolation !== "per_test"
				? [this.#slot(`workspace ${workspace.key}`, 1)]
				: []),
		];
	}

	#slot(name: string, max: number): Slot {
		const known = this.#slots.get(name) ?? slot(max);
		this.#slots.set(name, known);
		return known;
	}

	async #run({ state, attempt }: Job): Promise<void> {
		const { planned } = state;
		const { emit, budgets } = this.#context;
		if (budgets.isSpent(planned)) return this.#leave(state);
		emit({ type: "attempt-started", ...attemptName(planned, attempt) });
		try {
			this.#add(state, await runAttempt(planned, attempt, state.reruns.has(attempt), this.#context));
		} catch (error) {
			if (!(error instanceof AgentvError && error.code === "interrupted")) throw error;
			state.running -= 1;
			return;
		}
		state.running -= 1;
		if (state.settle()) await this.#finish(state);
		else if (this.#outcome === "complete" || this.#outcome === "over-budget") await this.#ready(state);
	}

	#add(state: CaseState, row: ResultRow): void {
		state.add(row);
		this.summary.addRow(row);
	}

	/** Leaves a case for a resumed run when the budget is exhausted. */
	#leave(state: CaseState): void {
		state.running -= 1;
		if (this.#outcome !== "complete") return;
		this.#outcome = "over-budget";
		this.#context.emit({ type: "stopping", reason: "budget" });
	}

	async #finish(state: CaseState): Promise<void> {
		const { result, planned } = state;
		if (!result) return;
		this.summary.addCase(result);
		const { attempt: _, ...name } = attemptName(planned, 1);
		this.#context.emit({ type: "case-finished", ...name, result });
		const warnings = await this.#context.workspaces.release(planned);
		for (const { message } of warnings) this.#context.emit({ type: "warning", message });
		if (result.status !== "passed" && this.#context.plan.request.bail) this.#stop("bail");
		for (const dependent of this.#dependents.get(planned.index) ?? [])
			if (!dependent.result) await this.#ready(dependent);
	}

	async #skip(state: CaseState, dependency: string, causedBy: ErrorCause | undefined): Promise<void> {
		const { planned } = state;
		const fails = planned.test.onDependencyFailure === "fail";
		const attempt = newAttempt(planned, attemptName(planned, 1), this.#context.plan);
		attempt.executionStatus = fails ? "quality_failure" : "execution_error";
		attempt.error = omitUndefined({
			...{ stage: "dependency", code: fails ? "dependency-failed" : "skipped" },
			message: `it depends on ${JSON.stringify(dependency)}, which did not pass`,
			causedBy: fails ? undefined : causedBy,
		});
		state.running += 1;
		this.#add(state, await recordAttempt(attempt, this.#context));
		state.running -= 1;
		state.settle();
		await this.#finish(state);
	}
}

function laneOf({ target: { key }, workspace }: PlannedCase): string {
	return `${key}\0${workspace?.key ?? ""}`;
}

interface Slot {
	readonly most: number;
	taken: number;
}

function slot(max: number): Slot {
	return { most: max, taken: 0 };
}

class Lane<Job> {
	readonly #jobs: { readonly order: number; readonly job: Job }[] = [];
	#next = 0;

	constructor(readonly slots: readonly Slot[]) {}

	push(order: number, job: Job): void {
		let at = this.#jobs.length;
		while (at > this.#next && (this.#jobs[at - 1]?.order ?? -1) > order) at -= 1;
		this.#jobs.splice(at, 0, { order, job });
	}

	get head(): number | undefined {
		const first = this.#jobs[this.#next];
		return first && this.slots.every(({ most, taken }) => taken < most) ? first.order : undefined;
	}

	take(): Job | undefined {
		const first = this.#jobs[this.#next];
		this.#next += 1;
		// Drop taken jobs occasionally: removing each from the front would move all others.
		if (this.#next > 1000) {
			this.#jobs.splice(0, this.#next);
			this.#next = 0;
		}
		return first?.job;
	}
}

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

	add(job: Job, order: number, lane: string, slots: readonly Slot[]): void {
		let existing = this.#lanes.get(lane);
		if (!existing) {
			existing = new Lane(slots);
			this.#lanes.set(lane, existing);
		}
		existing.push(order, job);
		this.#waiting += 1;
	}

	pump(): void {
		while (!this.#stopped) {
			const lane = this.#firstLane();
			const job = lane?.take();
			if (!lane || job === undefined) break;
			this.#waiting -= 1;
			this.#running += 1;
			for (const slot of lane.slots) slot.taken += 1;
			void this.#start(job, lane.slots);
		}
		if (this.#running === 0 && (this.#stopped || this.#waiting === 0)) this.#idle?.();
	}

	stop(): void {
		this.#stopped = true;
		this.pump();
	}

	/** Resolves when no job runs or can start. @throws what a job rejected with */
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
		for (const slot of slots) slot.taken -= 1;
		this.#running -= 1;
		this.pump();
	}
}
