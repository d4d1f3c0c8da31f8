import { AgentvError } from "../base/agentv-error.ts";
import { isLocked } from "../io/files/lock.ts";
import { caseKey } from "../model/case-key.ts";
import { readIndex, readRunFile } from "../model/result-files.ts";
import { graderStage, type ResultRow } from "../schema/result-row.ts";
import type { PlannedTest, RunFile } from "../schema/run-file.ts";
import { addRows, type CaseState, caseStates } from "./case-states.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { type PlanChanges, planChanges, refuseOtherEvals, sameTests } from "./plan-changes.ts";
import { type FactsOf, RowChanges } from "./row-changes.ts";
import { plannedList } from "./run-file.ts";
import { type PlannedCase, type RunPlan, recordedKey } from "./run-plan.ts";
import { SoundIndex } from "./sound-index.ts";

/** Where a run stands as it begins. */
export interface Standing {
	/** Of all cases of the plan, in its order. */
	readonly states: readonly CaseState[];
	/** Those that are for this run to settle: without what another run has done. */
	readonly own: readonly CaseState[];
	/** What this run recorded before it was taken up again, without what is run again. */
	readonly before: readonly ResultRow[];
	/** Rows of it with an answer on record that only lack the results of graders: those graders run again. */
	readonly regraded: readonly ResultRow[];
	/** Its record, where it is taken up again. */
	readonly run?: RunFile;
	/** Where only what another run left is run: that run, and what it left. */
	readonly completes?: { readonly run: RunFile; readonly planned: readonly PlannedTest[] };
}

export interface TakeUpOptions {
	/** Of the run that is taken up again; absent: a new one. */
	readonly directory?: string;
	readonly retryErrors: boolean;
	/** Run again what is made of something else by now, instead of refusing to go on. */
	readonly rerunChanged: boolean;
	readonly fingerprints: Fingerprints;
	/** What targets say about themselves, once they are up. */
	readonly facts?: FactsOf;
	/** Leaves the run's files as they are. */
	readonly isPreview?: boolean;
	readonly warn: (message: string) => void;
}

/**
 * Puts together what was done before, by this run and by the one whose gaps it fills.
 * @throws AgentvError `config` when recorded results would be made of something else by now: different versions are not mixed
 */
export function takeUp(plan: RunPlan, options: TakeUpOptions): Standing {
	const { directory } = options;
	const run = directory === undefined ? undefined : readRunFile(directory);
	if (run) refuseOtherEvals(run, plan);
	const other = plan.request.onlyMissing === undefined ? undefined : otherRun(plan.request.onlyMissing, plan, options);
	const states = caseStates(plan, other?.rows ?? []);
	const own = states.filter(({ result }) => !result);
	const cases = own.map(({ one }) => one);
	const nothing = { kept: [], rerun: [], regraded: [] };
	const before = run && directory !== undefined ? rowsBefore(run, directory, cases, plan, options) : nothing;
	addRows(own, before.kept, plan.redact);
	markReruns(own, before.rerun, plan);
	return {
		...{ states, own, before: before.kept, regraded: before.regraded },
		...(run ? { run } : {}),
		...(other ? { completes: { run: other.run, planned: plannedList(plan.evals, cases) } } : {}),
	};
}

/** The run whose gaps are filled. Its results stay where they are, so none may be of another version. */
function otherRun(
	directory: string,
	plan: RunPlan,
	{ fingerprints, facts }: TakeUpOptions,
): { readonly run: RunFile; readonly rows: readonly ResultRow[] } {
	const run = readRunFile(directory);
	if (isLocked(directory, { lockDirectory: directory }))
		throw new AgentvError("config", `${directory} belongs to a run in progress`, {
			hint: "Wait until it has finished.",
		});
	refuseOtherEvals(run, plan);
	const { rows } = readIndex(directory);
	const changes = new RowChanges(plan, fingerprints, run, directory, facts ?? noFacts);
	const found = changesOf(run, rows, plan.cases, plan, changes);
	if (found.plan.texts.length > 0 || found.touched.length > 0) throw refusal(found, changes, plan, false);
	return { run, rows };
}

interface Before {
	readonly kept: readonly ResultRow[];
	/** Results that are run again because they would be made of something else. */
	readonly rerun: readonly ResultRow[];
	/** Errors whose answers are kept: only graders run again. */
	readonly regraded: readonly ResultRow[];
}

/** Rows of the run that is taken up again; what can't be trusted is removed. */
function rowsBefore(
	run: RunFile,
	directory: string,
	cases: readonly PlannedCase[],
	plan: RunPlan,
	{ retryErrors, rerunChanged, fingerprints, facts, isPreview, warn }: TakeUpOptions,
): Before {
	const reading = new SoundIndex(directory, run);
	// A test that was skipped because of another one runs again, too.
	const isRetried = (row: ResultRow) => retryErrors && (isError(row) || isSkipped(row));
	const lacksGraders = (row: ResultRow) => isRetried(row) && row.error?.stage === graderStage;
	const changes = new RowChanges(plan, fingerprints, run, directory, facts ?? noFacts);
	// Of a result that only lacks graders the answer and the other scores are kept.
	const rows = reading.rows.filter((row) => !isRetried(row) || lacksGraders(row));
	const found = changesOf(run, rows, cases, plan, changes);
	const isWhole = run.whole === undefined && run.shard === undefined;
	if (found.plan.texts.length > 0 && (!isWhole || !rerunChanged)) throw refusal(found, changes, plan, isWhole);
	if (found.touched.length > 0 && !rerunChanged) throw refusal(found, changes, plan, true);
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

interface Found {
	readonly plan: PlanChanges;
	readonly touched: readonly ResultRow[];
}

function changesOf(
	run: RunFile,
	rows: readonly ResultRow[],
	cases: readonly PlannedCase[],
	plan: RunPlan,
	changes: RowChanges,
): Found {
	const byKey = new Map(cases.map((one) => [recordedKey(one, plan.redact), one]));
	const known = rows.flatMap((row) => {
		const one = byKey.get(caseKey(row.eval, row.testId, row.target));
		return one ? [{ row, one }] : [];
	});
	// In the order of the plan: tests end in any order.
	known.sort((a, b) => a.one.index - b.one.index || a.row.attempt - b.row.attempt);
	const touched = known.filter(({ row, one }) => changes.touches(row, one)).map(({ row }) => row);
	return { plan: planDifference(run, cases, plan), touched };
}

/** A part of a larger run is known by the positions of its tests: there even their order must be the same. */
function planDifference(run: RunFile, cases: readonly PlannedCase[], plan: RunPlan): PlanChanges {
	const changes = planChanges(run, cases, plan);
	const whole = plan.shard?.whole;
	if (changes.texts.length > 0 || !run.whole || !whole || sameTests(run, run.whole, whole, plan)) return changes;
	return {
		...changes,
		texts: ["the tests of the whole run that this is part of are different or in a different order"],
	};
}

function refuseLostRows(rows: readonly ResultRow[], { limits }: PlanChanges): void {
	const lost = rows.filter(
		(row) => row.attempt > (limits.get(caseKey(row.eval, row.testId, row.target)) ?? row.attempt),
	);
	if (lost.length === 0) return;
	throw new AgentvError("config", `results would lose their test: ${idsOf(lost)}`, {
		hint: "Restore these tests and attempts, or start a new run: a run keeps all its results.",
	});
}

function markReruns(states: readonly CaseState[], rows: readonly ResultRow[], { redact }: RunPlan): void {
	if (rows.length === 0) return;
	const byKey = new Map(states.map((state) => [recordedKey(state.one, redact), state]));
	for (const row of rows)
		if (!isError(row)) byKey.get(caseKey(row.eval, row.testId, row.target))?.reruns.add(row.attempt);
}

function isError({ executionStatus }: ResultRow): boolean {
	return executionStatus === "execution_error";
}

function isSkipped({ error }: ResultRow): boolean {
	return error?.stage === "dependency";
}

const mostLines = 20;

/** @param mayRerun whether --rerun-changed would help */
function refusal(
	{ plan: planned, touched }: Found,
	changes: RowChanges,
	plan: RunPlan,
	mayRerun: boolean,
): AgentvError {
	const targets = new Set(plan.cases.map(({ target }) => target.target.name)).size;
	const lines = [
		...changes.all.map(({ text, rows }) => `${text}: ${count(rows.length, "result")} (${idsOf(rows, targets > 1)})`),
		...planned.texts,
	];
	const shown = lines.slice(0, mostLines);
	if (lines.length > shown.length) shown.push(`and ${lines.length - shown.length} more`);
	const message =
		touched.length > 0
			? "inputs of this run's results have changed since"
			: "the planned tests or targets have changed since the run started";
	const advice = mayRerun
		? "Undo the change, rerun the affected tests with --rerun-changed, or start a new run."
		: "Undo the change, or start a new run.";
	return new AgentvError("config", plan.redact([message, ...shown.map((line) => `  ${line}`)].join("\n")), {
		hint: `${advice}${changes.isAboutGraders ? regradeAdvice : ""} Results of different versions are not mixed.`,
	});
}

const regradeAdvice = " `agentv results regrade` grades the recorded answers of a run again.";

const mostIds = 5;

function idsOf(rows: readonly ResultRow[], withTargets = false): string {
	const ids = [...new Set(rows.map(({ testId, target }) => (withTargets ? `${testId} with ${target}` : testId)))];
	const shown = ids.slice(0, mostIds).join(", ");
	return ids.length > mostIds ? `${shown} and ${ids.length - mostIds} more` : shown;
}

function count(number: number, what: string): string {
	return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function noFacts(): undefined {
	return undefined;
}
