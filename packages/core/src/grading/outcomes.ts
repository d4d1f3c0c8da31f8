import { readIndex } from "../eval/discover-evals.ts";
import type { Repeat } from "../eval/eval-types.ts";
import type { ResultRow, RowScore, RunFile, RunSummary } from "../format/run-file.ts";
import { type BoundedMean, boundedMean, OrderFreeSum } from "../lib/text.ts";
import { reaches } from "./contract.ts";

type CountedRow = Pick<
	ResultRow,
	"eval" | "testId" | "target" | "attempt" | "score" | "threshold" | "executionStatus" | "error"
>;

export type PlannedRun = Pick<RunFile, "planned" | "evals">;

/** Combines a test's attempts by the `repeat` strategy. */
export interface CaseOutcome<Row extends CountedRow = ResultRow> {
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** With `not_run`, planned attempts have no result. */
	readonly status: CaseResult["status"] | "not_run";
	readonly score: number | undefined;
	readonly lowest: number | undefined;
	readonly repeat: Repeat;
	/** In completion order. */
	readonly attempts: readonly Row[];
}

/** The displayed name of each status, in every report. */
export const outcomeWords: Readonly<Record<CaseOutcome["status"], string>> = {
	passed: "passed",
	failed: "failed",
	error: "not graded",
	not_run: "not run",
};

/** Like `outcomeWords`, for a single attempt. */
export const attemptStatuses = {
	ok: "passed",
	quality_failure: "failed",
	execution_error: "error",
} as const satisfies Readonly<Record<ResultRow["executionStatus"], CaseOutcome["status"]>>;

const once: Repeat = { count: 1, strategy: "mean", earlyExit: false };

/**
 * Yields each planned test × target after its last attempt, those that were not run at the end.
 * Every report counts this way. Skips unplanned rows; `results verify` reports them.
 */
export function* caseOutcomes<Row extends CountedRow>(
	rows: Iterable<Row>,
	run: PlannedRun,
): Generator<CaseOutcome<Row>> {
	const plan = new PlanIndex(run);
	const isFinished = new Uint8Array(run.planned.length);
	const made = new Map<number, readonly Row[]>();
	for (const row of rows) {
		const position = plan.positionOf(row);
		const repeat = run.planned[position]?.[3] ?? once;
		if (position === -1 || isFinished[position] === 1 || row.attempt > repeat.count) continue;
		const before = repeat.count === 1 ? undefined : made.get(position);
		const attempts = before ? [...before, row] : [row];
		if (isDecided(attempts, repeat)) {
			isFinished[position] = 1;
			made.delete(position);
			const { status, score, lowest } = caseResult(attempts, repeat, row.threshold);
			yield { eval: row.eval, testId: row.testId, target: row.target, status, score, lowest, repeat, attempts };
		} else made.set(position, attempts);
	}
	for (const [position, [index, testId, target, repeat = once]] of run.planned.entries()) {
		if (isFinished[position] === 1) continue;
		const label = run.evals[index]?.file ?? "";
		const attempts = made.get(position) ?? [];
		yield { eval: label, testId, target, status: "not_run", score: undefined, lowest: undefined, repeat, attempts };
	}
}

/** Looks up by eval and target first: joining all names takes longer than reading rows. */
class PlanIndex {
	readonly #evals = new Map<string, Map<string, Map<string, number>>>();

	constructor({ planned, evals }: PlannedRun) {
		for (const [position, test] of planned.entries()) {
			const label = evals[test[0]]?.file ?? "";
			this.#testsOf(label, test[2]).set(test[1], position);
		}
	}

	/** -1 if the test was not planned. */
	positionOf({ eval: label, testId, target }: Pick<ResultRow, "eval" | "testId" | "target">): number {
		return this.#evals.get(label)?.get(target)?.get(testId) ?? -1;
	}

	#testsOf(label: string, target: string): Map<string, number> {
		const targets = this.#evals.get(label) ?? new Map<string, Map<string, number>>();
		const tests = targets.get(target) ?? new Map<string, number>();
		this.#evals.set(label, targets);
		targets.set(target, tests);
		return tests;
	}
}

export interface CaseResult {
	readonly status: "passed" | "failed" | "error";
	readonly score: number | undefined;
	/**
	 * The score, with 0 for each attempt that the agent kept from being graded. Undefined if a test
	 * was only not graded for other reasons.
	 */
	readonly lowest: number | undefined;
	readonly attempts: number;
}

export type AttemptResult = Pick<ResultRow, "attempt" | "score" | "executionStatus" | "error">;

/** An ungraded attempt makes the case an error, unless other attempts decide the result. */
export function caseResult(attempts: readonly AttemptResult[], repeat: Repeat, threshold: number): CaseResult {
	const judged = attempts.filter(({ executionStatus }) => executionStatus !== "execution_error");
	// Attempts finish in any order, and the sum of their scores must be bit-identical.
	const scores = judged.map(({ score }) => score).sort((a, b) => a - b);
	const broken = judged.length < attempts.length || attempts.length === 0;
	const of = (status: CaseResult["status"], score: number | undefined): CaseResult => {
		return { status, score, lowest: lowestScore(attempts, status, score, repeat), attempts: attempts.length };
	};
	if (scores.length === 0) return of("error", undefined);
	const passed = judged.filter(({ executionStatus }) => executionStatus === "ok");
	switch (repeat.strategy) {
		case "pass_any":
			if (passed.length > 0) return of("passed", Math.max(...scores));
			return of(broken ? "error" : "failed", Math.max(...scores));
		case "pass_all":
			if (passed.length < judged.length) return of("failed", Math.min(...scores));
			return of(broken ? "error" : "passed", Math.min(...scores));
		default: {
			const mean = meanOf(scores);
			// A vetoed attempt counts 0: its passing score must not outvote the veto.
			const counted = judged.map((attempt) => (isVetoed(attempt, threshold) ? 0 : attempt.score)).sort((a, b) => a - b);
			const passes = passed.length > 0 && reaches(meanOf(counted), threshold);
			return of(broken ? "error" : passes ? "passed" : "failed", mean);
		}
	}
}

function lowestScore(
	attempts: readonly AttemptResult[],
	status: CaseResult["status"],
	score: number | undefined,
	{ strategy }: Repeat,
): number | undefined {
	const unjudged = attempts.filter(({ executionStatus }) => executionStatus === "execution_error");
	const broken = unjudged.filter(isBrokenByAgent);
	if (broken.length === 0) return status === "error" ? undefined : score;
	// Otherwise, breaking one more attempt could raise a mean.
	if (status === "error" && broken.length < unjudged.length) return 0;
	const judged = attempts.filter(({ executionStatus }) => executionStatus !== "execution_error");
	const scores = judged.map(({ score: own }) => own).sort((a, b) => a - b);
	if (strategy === "pass_any") return Math.max(0, ...scores);
	if (strategy === "pass_all") return 0;
	return meanOf([...broken.map(() => 0), ...scores]);
}

export function isBrokenByAgent({ executionStatus, error }: Pick<AttemptResult, "executionStatus" | "error">): boolean {
	return executionStatus === "execution_error" && error?.causedBy === "agent";
}

function isVetoed({ executionStatus, score }: AttemptResult, threshold: number): boolean {
	return executionStatus === "quality_failure" && reaches(score, threshold);
}

function meanOf(scores: readonly number[]): number {
	return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** Returns true if more attempts can't change the result. */
export function isDecided(attempts: readonly AttemptResult[], repeat: Repeat): boolean {
	if (attempts.length >= repeat.count || attempts.some(({ error }) => error?.stage === "dependency")) return true;
	if (!repeat.earlyExit) return false;
	if (repeat.strategy === "pass_any") return attempts.some(({ executionStatus }) => executionStatus === "ok");
	if (repeat.strategy === "pass_all")
		return attempts.some(({ executionStatus }) => executionStatus === "quality_failure");
	return false;
}

export function missingAttempts(made: ReadonlySet<number>, count: number): number[] {
	const missing: number[] = [];
	for (let attempt = 1; attempt <= count; attempt++) if (!made.has(attempt)) missing.push(attempt);
	return missing;
}

class Spending {
	readonly #costsUsd = new OrderFreeSum();
	tokens: { input: number; output: number; cached: number; reasoning: number } | undefined;

	add({ tokenUsage, costUsd }: Pick<ResultRow, "tokenUsage" | "costUsd">): void {
		if (costUsd !== undefined) this.#costsUsd.add(costUsd);
		if (!tokenUsage) return;
		this.tokens ??= { input: 0, output: 0, cached: 0, reasoning: 0 };
		this.tokens.input += tokenUsage.input;
		this.tokens.output += tokenUsage.output;
		this.tokens.cached += tokenUsage.cached ?? 0;
		this.tokens.reasoning += tokenUsage.reasoning ?? 0;
	}

	get costUsd(): number | undefined {
		return this.#costsUsd.count === 0 ? undefined : this.#costsUsd.total;
	}
}

/** For the target and for models that grade. */
interface SpendingRow extends Pick<ResultRow, "tokenUsage" | "costUsd"> {
	readonly scores: readonly Pick<RowScore, "usage">[];
}

/** Adds up a run, independently of the order in which tests finish. */
export class SummaryBuilder {
	#passed = 0;
	#failed = 0;
	#errors = 0;
	#errorsByAgent = 0;
	readonly #scores = new OrderFreeSum();
	readonly #lowest = new OrderFreeSum();
	#durationMs = 0;
	readonly #targets = new Spending();
	readonly #graders = new Spending();

	constructor(private readonly planned: number) {}

	addCase({ status, score, lowest }: Omit<CaseResult, "attempts">): void {
		if (status === "passed") this.#passed += 1;
		else if (status === "failed") this.#failed += 1;
		else this.#errors += 1;
		if (status !== "error" && score !== undefined) this.#scores.add(score);
		if (lowest === undefined) return;
		this.#lowest.add(lowest);
		if (status === "error") this.#errorsByAgent += 1;
	}

	addRow(row: SpendingRow): void {
		this.#targets.add(row);
		for (const { usage } of row.scores) if (usage) this.#graders.add(usage);
	}

	addTime(durationMs: number): void {
		this.#durationMs += durationMs;
	}

	result(): RunSummary {
		const graderCostUsd = this.#graders.costUsd;
		const { mean, lowerBound } = boundedMean({
			...{ total: this.#scores.total, n: this.#scores.count, planned: this.planned },
			...{ lowestTotal: this.#lowest.total, broken: this.#errorsByAgent },
		});
		return {
			planned: this.planned,
			passed: this.#passed,
			failed: this.#failed,
			errors: this.#errors,
			errorsByAgent: this.#errorsByAgent,
			meanScore: mean,
			meanScoreLowerBound: lowerBound,
			durationMs: Math.round(this.#durationMs),
			tokenUsage: this.#targets.tokens ?? null,
			costUsd: this.#targets.costUsd ?? null,
			...(this.#graders.tokens ? { graderTokenUsage: this.#graders.tokens } : {}),
			...(graderCostUsd === undefined ? {} : { graderCostUsd }),
		};
	}
}

type Counts = Pick<RunSummary, "planned" | "passed" | "failed" | "errorsByAgent">;

export function scoreMean(summary: Counts & Pick<RunSummary, "meanScore" | "meanScoreLowerBound">): BoundedMean {
	const { planned, passed, failed, meanScore: mean, meanScoreLowerBound: lowerBound = mean } = summary;
	return { mean, lowerBound, n: passed + failed, planned };
}

/** Returns the share of graded tests that passed, from 0 to 1. */
export function passRate({ planned, passed, failed, errorsByAgent: broken = 0 }: Counts): BoundedMean {
	return boundedMean({ total: passed, n: passed + failed, lowestTotal: passed, broken, planned });
}

export type TalliedRow = CountedRow & SpendingRow & { readonly durationMs: number };

export interface TargetTally {
	readonly target: string;
	/** `durationMs` is the target's total time for all attempts. */
	readonly summary: RunSummary;
	/** Per test with a result, over all its attempts; undefined if no test has one. */
	readonly meanDurationMs: number | undefined;
}

export type Tallied<Duration extends number | undefined = number | undefined> = Omit<RunSummary, "durationMs"> & {
	readonly durationMs: Duration;
};

/** Adds up a run in total and per target. */
export class RunTally {
	readonly #whole: SummaryBuilder;
	readonly #targets = new Map<string, SummaryBuilder>();

	constructor({ planned }: PlannedRun) {
		this.#whole = new SummaryBuilder(planned.length);
		const sizes = new Map<string, number>();
		for (const [, , target] of planned) sizes.set(target, (sizes.get(target) ?? 0) + 1);
		for (const [target, size] of sizes) this.#targets.set(target, new SummaryBuilder(size));
	}

	add(outcome: CaseOutcome<TalliedRow>): void {
		const { status, score, lowest, attempts } = outcome;
		const own = this.#targets.get(outcome.target);
		for (const builder of own ? [this.#whole, own] : [this.#whole]) {
			for (const row of attempts) builder.addRow(row);
			if (status !== "not_run") builder.addCase({ status, score, lowest });
		}
		if (status !== "not_run") for (const { durationMs } of attempts) own?.addTime(durationMs);
	}

	/** @param durationMs the run's duration, from its last summary: rows don't contain it */
	summary<Duration extends number | undefined>(durationMs: Duration): Tallied<Duration> {
		return { ...this.#whole.result(), durationMs };
	}

	/** In planned order. */
	targets(): TargetTally[] {
		return [...this.#targets].map(([target, builder]) => {
			const summary = builder.result();
			const { planned, durationMs } = summary;
			const finished = planned - testsNotRun(summary);
			return { target, summary, meanDurationMs: finished === 0 ? undefined : durationMs / finished };
		});
	}
}

export function tallyOf(outcomes: Iterable<CaseOutcome<TalliedRow>>, run: PlannedRun): RunTally {
	const tally = new RunTally(run);
	for (const outcome of outcomes) tally.add(outcome);
	return tally;
}

/** Call it at the end of a resumed run: until then, rows of attempts to retry still count. */
export function summaryOfRows(directory: string, run: PlannedRun, durationMs: number): RunSummary {
	return { ...tallyOf(caseOutcomes(readIndex(directory).rows, run), run).summary(0), durationMs };
}

/** Returns the number of planned tests without a result. */
export function testsNotRun({ planned, passed, failed, errors }: Tallied): number {
	return Math.max(0, planned - passed - failed - errors);
}
