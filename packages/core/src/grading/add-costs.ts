import type { TokenUsage } from "../targets/contract.ts";

/** Reported costs of calls. */
export interface Costs {
	readonly tokenUsage?: TokenUsage;
	/** US dollars. */
	readonly costUsd?: number;
}

interface KnownCosts {
	readonly tokenUsage?: TokenUsage | undefined;
	readonly costUsd?: number | undefined;
}

/** Adds up the costs of two calls; a figure that neither reports stays unknown. */
export function addCosts(one: KnownCosts | undefined, other: KnownCosts | undefined): Costs {
	const [first, second] = [one?.tokenUsage, other?.tokenUsage];
	const tokenUsage = first && second ? addTokens(first, second, addAmounts) : (first ?? second);
	const costUsd = addAmounts(one?.costUsd, other?.costUsd);
	return { ...(tokenUsage === undefined ? {} : { tokenUsage }), ...(costUsd === undefined ? {} : { costUsd }) };
}

export function addAmounts(one: number | undefined, other: number | undefined): number | undefined {
	return one === undefined ? other : one + (other ?? 0);
}

/** Adds up the costs of any number of calls; a figure that none reports stays unknown. */
export function sumCosts(usages: Iterable<KnownCosts>): Costs {
	let sum: Costs = {};
	for (const usage of usages) sum = addCosts(sum, usage);
	return sum;
}

/** @param add returns the sum of two counts if one of them is unknown */
export function addTokens(
	one: TokenUsage,
	other: TokenUsage,
	add: (one: number | undefined, other: number | undefined) => number | undefined,
): TokenUsage {
	const cached = add(one.cached, other.cached);
	const reasoning = add(one.reasoning, other.reasoning);
	return {
		input: one.input + other.input,
		output: one.output + other.output,
		...(cached === undefined ? {} : { cached }),
		...(reasoning === undefined ? {} : { reasoning }),
	};
}
