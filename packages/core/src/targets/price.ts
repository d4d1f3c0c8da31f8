import type { TokenUsage } from "./contract.ts";

/** US dollars per million tokens. `cached` defaults to the price of `input`. */
export interface Pricing {
	readonly input?: number | undefined;
	readonly output?: number | undefined;
	readonly cached?: number | undefined;
}

/** From the server (`usage.cost`), else by the target's `pricing`. */
export function costOf(body: unknown, usage: TokenUsage | undefined, pricing: Pricing | undefined): number | undefined {
	const told = (body as { usage?: { cost?: unknown } } | undefined)?.usage?.cost;
	if (typeof told === "number") return told;
	if (!usage || !pricing) return undefined;
	const cached = usage.cached ?? 0;
	const input =
		Math.max(0, usage.input - cached) * (pricing.input ?? 0) + cached * (pricing.cached ?? pricing.input ?? 0);
	return (input + usage.output * (pricing.output ?? 0)) / 1_000_000;
}
