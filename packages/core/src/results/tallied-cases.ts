import { type AttemptResult, caseResult, isDecided } from "../grading/case-result.ts";
import { SummaryBuilder } from "../grading/run-summary.ts";
import { caseKey } from "../model/case-key.ts";
import type { Repeat } from "../model/eval-types.ts";
import type { ResultRow, RunSummary } from "../schema/result-row.ts";
import type { RunFile } from "../schema/run-file.ts";
import type { AttemptId } from "./read-run.ts";

/** A test against a target, with what its attempts came to. */
interface Case {
	readonly name: Omit<AttemptId, "attempt">;
	readonly repeat: Repeat;
	readonly attempts: AttemptResult[];
	threshold: number;
}

const once: Repeat = { count: 1, strategy: "mean", earlyExit: false };

/** Adds up the planned cases of a run from its rows. */
export class TalliedCases {
	readonly #cases: ReadonlyMap<string, Case>;
	readonly #summary: SummaryBuilder;

	constructor({ planned, evals }: RunFile) {
		this.#summary = new SummaryBuilder(planned.length);
		this.#cases = new Map(
			planned.map(([index, testId, target, repeat]) => {
				const name = { eval: evals[index]?.file ?? "", testId, target };
				const of: Case = { name, repeat: repeat ?? once, attempts: [], threshold: 0 };
				return [caseKey(name.eval, name.testId, name.target), of];
			}),
		);
	}

	/** Counts an attempt; `result` is what it really came to. Says whether it was planned at all. */
	add(row: ResultRow, result: Pick<AttemptResult, "score" | "executionStatus">): boolean {
		const of = this.#cases.get(caseKey(row.eval, row.testId, row.target));
		if (!of || row.attempt < 1 || row.attempt > of.repeat.count) return false;
		this.#summary.addRow(row);
		of.attempts.push({ ...result, attempt: row.attempt, ...(row.error ? { error: row.error } : {}) });
		of.threshold = row.threshold;
		return true;
	}

	/** The summary of what was added, time apart; and the first attempts that are missing of cases that are not finished. Called once. */
	result(): { readonly summary: RunSummary; readonly finished: number; readonly missing: readonly AttemptId[] } {
		const missing: AttemptId[] = [];
		for (const { name, repeat, attempts, threshold } of this.#cases.values()) {
			if (isDecided(attempts, repeat)) this.#summary.addCase(caseResult(attempts, repeat, threshold));
			else missing.push({ ...name, attempt: firstMissing(attempts) });
		}
		return { summary: this.#summary.result(), finished: this.#cases.size - missing.length, missing };
	}
}

function firstMissing(attempts: readonly AttemptResult[]): number {
	const there = new Set(attempts.map(({ attempt }) => attempt));
	let attempt = 1;
	while (there.has(attempt)) attempt += 1;
	return attempt;
}
