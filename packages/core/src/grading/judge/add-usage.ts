import type { TokenUsage } from "../../targets/contract.ts";
import type { GraderUsage } from "../contract.ts";

/** What several calls of models that judge took together. */
export function addUsage(one: GraderUsage | undefined, other: GraderUsage | undefined): GraderUsage | undefined {
	if (!one || !other) return one ?? other;
	const costUsd = sum(one.costUsd, other.costUsd);
	const tokenUsage = addTokens(one.tokenUsage, other.tokenUsage);
	const { model, target } = other;
	return {
		target: one.target === target ? target : `${one.target}, ${target}`,
		...(model === undefined || one.model !== model ? {} : { model }),
		...(tokenUsage ? { tokenUsage } : {}),
		...(costUsd === undefined ? {} : { costUsd }),
	};
}

function addTokens(one: TokenUsage | undefined, other: TokenUsage | undefined): TokenUsage | undefined {
	if (!one || !other) return one ?? other;
	const cached = sum(one.cached, other.cached);
	const reasoning = sum(one.reasoning, other.reasoning);
	return {
		input: one.input + other.input,
		output: one.output + other.output,
		...(cached === undefined ? {} : { cached }),
		...(reasoning === undefined ? {} : { reasoning }),
	};
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
	return one === undefined ? other : one + (other ?? 0);
}
