import type { TokenUsage } from "../targets/contract.ts";

/** What calls cost, as far as they say. */
export interface Costs {
	readonly tokenUsage?: TokenUsage;
	/** US dollars. */
	readonly costUsd?: number;
}

interface KnownCosts {
	readonly tokenUsage?: TokenUsage | undefined;
	readonly costUsd?: number | undefined;
}

/** Adds up what calls cost; a figure that neither of them reports stays unknown. */
export function addCosts(one: KnownCosts | undefined, other: KnownCosts | undefined): Costs {
	const tokenUsage = addUsage(one?.tokenUsage, other?.tokenUsage);
	const costUsd = addAmounts(one?.costUsd, other?.costUsd);
	return { ...(tokenUsage === undefined ? {} : { tokenUsage }), ...(costUsd === undefined ? {} : { costUsd }) };
}

export function addAmounts(one: number | undefined, other: number | undefined): number | undefined {
	return one === undefined ? other : one + (other ?? 0);
}

function addUsage(one: TokenUsage | undefined, other: TokenUsage | undefined): TokenUsage | undefined {
	if (!one || !other) return one ?? other;
	const cached = addAmounts(one.cached, other.cached);
	const reasoning = addAmounts(one.reasoning, other.reasoning);
	return {
		input: one.input + other.input,
		output: one.output + other.output,
		...(cached === undefined ? {} : { cached }),
		...(reasoning === undefined ? {} : { reasoning }),
	};
}
