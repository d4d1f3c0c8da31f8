import type { TableRow } from "@agentv/core";
import type { RunSummaryAnswer } from "./answers/runs.ts";

/** How a run that has no summary yet stands, from the rows that are on disk: of each test's attempts the last one counts. */
export function rowsSummary(rows: readonly TableRow[], planned: number, durationMs: number): RunSummaryAnswer {
	const last = new Map(rows.map((row) => [JSON.stringify([row.eval, row.testId, row.target]), row]));
	const count = (status: TableRow["status"]) => [...last.values()].filter((row) => row.status === status).length;
	const judged = [...last.values()].filter(({ status }) => status !== "execution_error");
	const costs = rows.flatMap(({ costUsd }) => costUsd ?? []);
	const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
	return {
		planned,
		passed: count("ok"),
		failed: count("quality_failure"),
		errors: count("execution_error"),
		mean_score: judged.length === 0 ? null : sum(judged.map(({ score }) => score)) / judged.length,
		duration_ms: durationMs,
		cost_usd: costs.length === 0 ? null : sum(costs),
		tokens: null,
	};
}
