import { type ResultRow, sumCosts, type Tallied } from "@agentv/core";
import type { UsageAnswer } from "./answers/runs.ts";

type Usage = Pick<ResultRow, "tokenUsage" | "costUsd">;

export function describeUsage({ tokenUsage, costUsd }: Usage): UsageAnswer {
	return {
		cost_usd: costUsd ?? null,
		tokens: tokenUsage ? { input: tokenUsage.input, output: tokenUsage.output } : null,
	};
}

/** Returns the usage of grading models in a run; null if none was used. */
export function judgingOfRun({ graderTokenUsage, graderCostUsd }: Tallied): UsageAnswer | null {
	if (graderTokenUsage === undefined && graderCostUsd === undefined) return null;
	return describeUsage({ tokenUsage: graderTokenUsage, costUsd: graderCostUsd });
}

/** Returns the usage of grading models for some attempts; null if none was used. */
export function judgingOf(
	rows: readonly { readonly scores: readonly { readonly usage?: Usage | undefined }[] }[],
): UsageAnswer | null {
	const usages = rows.flatMap(({ scores }) => scores.flatMap(({ usage }) => usage ?? []));
	return usages.length === 0 ? null : describeUsage(sumCosts(usages));
}
