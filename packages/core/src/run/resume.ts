import { readIndex, readRunFile } from "../eval/discover-evals.ts";
import { graderStage, type PlannedTest, type ResultRow, type RunFile } from "../format/run-file.ts";
import { type AttemptResult, type CaseResult, caseResult, isDecided, missingAttempts } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { isLocked } from "../machine/lock.ts";
import { changesOf, type FactsOf, refusal, refuseLostRows, refuseOtherEvals } from "./changed-inputs.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { keyOfRow, type PlannedCase, plannedList, type RunPlan } from "./run-plan.ts";
import { SoundIndex } from "./sound-index.ts";

export interface ResumeState {
	/** Of all cases of the plan, in order. */
	readonly states: readonly CaseState[];
	/** Those that this run must settle, without another run's. */
	readonly own: readonly CaseState[];
	/** What this run had recorded, without what runs again. */
	readonly before: readonly ResultRow[];
	/** Its rows with a recorded answer that only lack results of graders: those graders run again. */
	readonly regraded: readonly ResultRow[];
	/** Its record, if it is resumed. */
	readonly run?: RunFile;
	/** For missing tests of another run: that run, and these tests. */
	readonly completes?: { readonly run: RunFile; readonly planned: readonly PlannedTest[] };
}

export interface ResumeOptions {
	/** Of the resumed run; absent: a new one. */
	readonly directory?: string;
	readonly retryErrors: boolean;
	/** Rerun tests with changed inputs, instead of failing. */
	readonly rerunChanged: boolean;
	readonly fingerprints: Fingerprints;
	/** What targets report about themselves, once they are ready. */
	readonly facts?: FactsOf;
	/** Leaves the run's files unchanged. */
	readonly isPreview?: boolean;
	readonly warn: (message: string) => void;
}

/**
 * Combines earlier results of this run and of the one that it completes.
 * @throws AgentvError `config` if inputs of recorded results have changed: different versions are
 * not mixed
 */
export function resumeState(plan: RunPlan, options: ResumeOptions): ResumeState {
	const { directory } = options;
	const run = directory === undefined ? undefined : readRunFile(directory);
	if (run) refuseOtherEvals(run, plan);
	const other = plan.request.onlyMissing === undefined ? undefined : otherRun(plan.request.onlyMissing, plan, options);
	const states = caseStates(plan.cases, other?.rows ?? []);
	const own = states.filter(({ result }) => !result);
	const cases = own.map(({ planned }) => planned);
	const nothing = { kept: [], rerun: [], regraded: [] };
	const before = run && directory !== undefined ? rowsBefore(run, directory, cases, plan, options) : nothing;
	addRows(own, before.kept);
	markReruns(own, before.rerun);
	return {
		...{ states, own, before: before.kept, regraded: before.regraded },
		...(run ? { run } : {}),
		...(other ? { completes: { run: other.run, planned: plannedList(plan.evals, cases) } } : {}),
	};
}

/** The run to complete. Its results stay there, so none may have another version. */
function otherRun(
	directory: string,
	plan: RunPlan,
	{ fingerprints, facts }: ResumeOptions,
): { readonly run: RunFile; readonly rows: readonly ResultRow[] } {
	const run = readRunFile(directory);
	if (isLocked(directory, { lockDirectory: directory }))
		throw new AgentvError("config", `${directory} belongs to a run in progress`, {
			hint: "Wait until it has finished.",
		});
	refuseOtherEvals(run, plan);
	const { rows } = readIndex(directory);
	const found = changesOf({ run, directory, rows }, plan.cases, plan, fingerprints, facts);
	if (found.plan.texts.length > 0 || found.touched.length > 0) throw refusal(found, plan, false);
	return { run, rows };
}

interface Before {
	readonly kept: readonly ResultRow[];
	/** Results that run again because their inputs changed. */
	readonly rerun: readonly ResultRow[];
	/** Errors whose answers are kept: only graders run again. */
	readonly regraded: readonly ResultRow[];
}

/** Returns rows of the resumed run; removes those that can't be trusted. */
function rowsBefore(
	run: RunFile,
	directory: string,
	cases: readonly PlannedCase[],
	plan: RunPlan,
	{ retryErrors, rerunChanged, fingerprints, facts, isPreview, warn }: ResumeOptions,
): Before {
	const reading = new SoundIndex(directory, run);
	// A test that was skipped because of another one runs again, too.
	const isRetried = (row: ResultRow) => retryErrors && (isError(row) || isSkipped(row));
	const lacksGraders = (row: ResultRow) => isRetried(row) && row.error?.stage === graderStage;
	// A result that only lacks graders keeps its answer and the other scores.
	const rows = reading.rows.filter((row) => !isRetried(row) || lacksGraders(row));
	const found = changesOf({ run, directory, rows }, cases, plan, fingerprints, facts);
	const isWhole = run.whole === undefined && run.shard === undefined;
	if (found.plan.texts.length > 0 && (!isWhole || !rerunChanged)) throw refusal(found, plan, isWhole);
	if (found.touched.length > 0 && !rerunChanged) throw refusal(found, plan, true);
	refuseLostRows(reading.rows, found.plan);
	if (!isPreview) reading.putRight();
	for (const problem of shortened(reading.problems)) warn(problem);
	const rerun = new Set(found.touched);
	if (rerun.size > 0) for (const row of rows) if (isSkipped(row)) rerun.add(row);
	const left = rows.filter((row) => !rerun.has(row));
	return {
		kept: left.filter((row) => !lacksGraders(row)),
		rerun: [...rerun],
		regraded: left.filter(lacksGraders),
	};
}

const mostProblems = 20;

function shortened(problems: readonly string[]): readonly string[] {
	if (problems.length <= mostProblems) return problems;
	return [...problems.slice(0, mostProblems), `${problems.length - mostProblems} more rows are omitted`];
}

function markReruns(states: readonly CaseState[], rows: readonly ResultRow[]): void {
	if (rows.length === 0) return;
	const byKey = new Map(states.map((state) => [state.planned.key, state]));
	for (const row of rows) if (!isError(row)) byKey.get(keyOfRow(row))?.reruns.add(row.attempt);
}

function isError({ executionStatus }: ResultRow): boolean {
	return executionStatus === "execution_error";
}

function isSkipped({ error }: ResultRow): boolean {
	return error?.stage === "dependency";
}

export class CaseState {
	readonly #attempts = new Map<number, AttemptResult>();
	/** Graded attempts that run again because their inputs changed. */
	readonly reruns = new Set<number>();
	/** Attempts that were started and have not ended. */
	running = 0;
	result: CaseResult | undefined;

	constructor(readonly planned: PlannedCase) {}

	add(result: AttemptResult): void {
		const { attempt, score, executionStatus, error } = result;
		this.#attempts.set(attempt, { attempt, score, executionStatus, ...(error ? { error } : {}) });
	}

	/** Sets the result if nothing more must run. Returns whether it did so now. */
	settle(): boolean {
		const attempts = [...this.#attempts.values()];
		if (this.result || this.running > 0 || !isDecided(attempts, this.planned.repeat)) return false;
		this.result = caseResult(attempts, this.planned.repeat, this.planned.threshold);
		return true;
	}

	get missing(): number[] {
		return missingAttempts(new Set(this.#attempts.keys()), this.planned.repeat.count);
	}

	/** Returns attempts to start: all missing ones, or with `early_exit` the next one. */
	nextAttempts(): number[] {
		return this.planned.repeat.earlyExit ? this.missing.slice(0, 1) : this.missing;
	}
}

/** Returns the states of all cases of a plan, with results of an earlier run. */
export function caseStates(cases: readonly PlannedCase[], before: readonly ResultRow[]): CaseState[] {
	const states = cases.map((one) => new CaseState(one));
	addRows(states, before);
	return states;
}

function addRows(states: readonly CaseState[], rows: readonly ResultRow[]): void {
	if (rows.length === 0) return;
	const byKey = new Map(states.map((state) => [state.planned.key, state]));
	for (const row of rows) byKey.get(keyOfRow(row))?.add(row);
	for (const state of states) state.settle();
}
