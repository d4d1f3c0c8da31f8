import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { isLocked } from "../io/files/lock.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { truncateFile } from "../io/files/truncate-file.ts";
import { readIndex, readRunFile } from "../model/result-files.ts";
import { graderStage, type ResultRow } from "../schema/result-row.ts";
import type { PlannedTest, RunFile } from "../schema/run-file.ts";
import { addRows, type CaseState, caseStates } from "./case-states.ts";
import { plannedList } from "./run-file.ts";
import type { RunPlan } from "./run-plan.ts";

/** Where a run stands as it begins. */
export interface Standing {
	/** Of all cases of the plan, in its order. */
	readonly states: readonly CaseState[];
	/** Those that are for this run to settle: without what another run has done. */
	readonly own: readonly CaseState[];
	/** What this run recorded before it was taken up again. */
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
	readonly warn: (message: string) => void;
}

/**
 * Puts together what was done before, by this run and by the one whose gaps it fills.
 * @throws AgentvError `config` where the plan is another one by now: results of different tests are not mixed
 */
export function takeUp(plan: RunPlan, options: TakeUpOptions): Standing {
	const { directory } = options;
	const run = directory === undefined ? undefined : readRunFile(directory);
	if (run) refuseOtherEvals(run, plan);
	const other = plan.request.onlyMissing === undefined ? undefined : otherRun(plan.request.onlyMissing, plan);
	const states = caseStates(plan, other?.rows ?? []);
	const own = states.filter(({ result }) => !result);
	const planned = plannedList(
		plan.evals,
		own.map(({ one }) => one),
	);
	if (run) refuseOtherTests(run, planned, plan);
	const { before, regraded } = directory === undefined ? { before: [], regraded: [] } : rowsBefore(directory, options);
	addRows(own, before, plan.masker);
	return {
		...{ states, own, before, regraded },
		...(run ? { run } : {}),
		...(other ? { completes: { run: other.run, planned } } : {}),
	};
}

/** The run whose gaps are filled. */
function otherRun(directory: string, plan: RunPlan): { readonly run: RunFile; readonly rows: readonly ResultRow[] } {
	const run = readRunFile(directory);
	if (isLocked(directory, { lockDirectory: directory }))
		throw new AgentvError("config", `${directory} belongs to a run that is under way`, {
			hint: "What it leaves is known when it has ended.",
		});
	refuseOtherEvals(run, plan);
	refuseOtherTests(run, plannedList(plan.evals, plan.cases), plan);
	return { run, rows: readIndex(directory).rows };
}

/** Rows of the run that is taken up again; a line that a crash cut off is removed. */
function rowsBefore(directory: string, { retryErrors, warn }: TakeUpOptions): Pick<Standing, "before" | "regraded"> {
	const index = join(directory, "index.jsonl");
	const reading = readIndex(directory);
	if (targetKind(index) === "file") truncateFile(index, reading.wholeBytes);
	for (const line of reading.badLines) warn(`${index}:${line} is no row and is left out`);
	if (!retryErrors) return { before: reading.rows, regraded: [] };
	// A test that was skipped because of another one runs again, too.
	const isRetried = ({ executionStatus, error }: ResultRow) =>
		executionStatus === "execution_error" || error?.stage === "dependency";
	return {
		before: reading.rows.filter((row) => !isRetried(row)),
		regraded: reading.rows.filter((row) => isRetried(row) && row.error?.stage === graderStage),
	};
}

function refuseOtherEvals(run: RunFile, plan: RunPlan): void {
	const before = new Map(run.evals.map(({ file, digest }) => [file, digest]));
	const changed = plan.evals.filter(({ label, digest }) => before.get(label) !== digest).map(({ label }) => label);
	const planned = new Set(plan.evals.map(({ label }) => label));
	const left = run.evals.filter(({ file }) => !planned.has(file)).map(({ file }) => file);
	if (changed.length > 0)
		throw new AgentvError("config", `${changed.join(", ")} changed since the run began, or was no part of it`, {
			hint: startAnew,
		});
	if (left.length > 0)
		throw new AgentvError("config", `${left.join(", ")} is a part of the run and was not named`, { hint: startAnew });
}

const startAnew = "Results of different tests are not mixed: start a new run, or go back to what the evals were.";

/** The same evals may choose other tests and targets: by variables, by another targets file. */
function refuseOtherTests(run: RunFile, planned: readonly PlannedTest[], plan: RunPlan): void {
	const names = (tests: readonly PlannedTest[]) =>
		JSON.stringify(tests.map(([of, id, target]) => [run.evals[of]?.file, id, target]));
	const now = planned.map(([of, id, target]): PlannedTest => {
		const position = run.evals.findIndex(({ file }) => file === plan.evals[of]?.label);
		return [position, plan.masker(id), plan.masker(target)];
	});
	if (names(run.planned) === names(now)) return;
	throw new AgentvError("config", "other tests or targets are planned by now than when the run began", {
		hint: startAnew,
	});
}
