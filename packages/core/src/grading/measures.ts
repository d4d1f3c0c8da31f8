import type { TokenUsage } from "../targets/contract.ts";
import { addTokens } from "./add-costs.ts";

/** What an answer took, as graders judge it: for an answer from the cache, what it took when it was made. */
export interface Measures {
	readonly durationMs?: number | undefined;
	readonly tokenUsage?: TokenUsage | undefined;
	readonly costUsd?: number | undefined;
	readonly llmCalls?: number | undefined;
}

/** Figures on record. */
export interface RecordedFigures extends Measures {
	readonly cached?: Omit<Measures, "llmCalls"> | undefined;
}

/** Returns what graders judge an answer by. */
export function measuresOf({ durationMs, tokenUsage, costUsd, llmCalls, cached }: RecordedFigures): Measures {
	return { ...(cached ?? { durationMs, tokenUsage, costUsd }), llmCalls };
}

/** Adds up the turns of a conversation. What one of them does not say is unknown of the whole. */
export function addMeasures(one: Measures, other: Measures): Measures {
	return {
		durationMs: add(one.durationMs, other.durationMs),
		tokenUsage: one.tokenUsage && other.tokenUsage && addTokens(one.tokenUsage, other.tokenUsage, add),
		costUsd: add(one.costUsd, other.costUsd),
		llmCalls: add(one.llmCalls, other.llmCalls),
	};
}

function add(one: number | undefined, other: number | undefined): number | undefined {
	return one === undefined || other === undefined ? undefined : one + other;
}
