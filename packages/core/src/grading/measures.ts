import type { TokenUsage } from "../targets/contract.ts";
import { addTokens } from "./add-costs.ts";

/** The figures that graders use: the original ones for a cached answer. */
export interface Measures {
	readonly durationMs?: number | undefined;
	readonly tokenUsage?: TokenUsage | undefined;
	readonly costUsd?: number | undefined;
	readonly llmCalls?: number | undefined;
}

/** Recorded figures. */
export interface RecordedFigures extends Measures {
	readonly cached?: Omit<Measures, "llmCalls"> | undefined;
}

/** Returns the figures for graders. */
export function measuresOf({ durationMs, tokenUsage, costUsd, llmCalls, cached }: RecordedFigures): Measures {
	return { ...(cached ?? { durationMs, tokenUsage, costUsd }), llmCalls };
}

/** Adds up turns. A figure that one of them lacks is unknown for the whole. */
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
