import { type ResultRow, sumCosts, type Tallied } from "@agentv/core";

type Usage = Pick<ResultRow, "tokenUsage" | "costUsd">;

/** Usage of a run or attempt, by the target and by grading. Fields are undefined if not reported. */
export interface Spending {
	readonly target: Usage;
	readonly judging: Usage;
}

export function runSpending(summary: Tallied): Spending {
	const { tokenUsage, costUsd, graderTokenUsage, graderCostUsd } = summary;
	return {
		target: { tokenUsage: tokenUsage ?? undefined, costUsd: costUsd ?? undefined },
		judging: { tokenUsage: graderTokenUsage, costUsd: graderCostUsd },
	};
}

export function rowSpending({ tokenUsage, costUsd, scores }: Usage & Pick<ResultRow, "scores">): Spending {
	return { target: { tokenUsage, costUsd }, judging: sumCosts(scores.flatMap(({ usage }) => usage ?? [])) };
}

/**
 * Returns `$0.25 = target $0.20 + judging $0.05` and `15,801 tokens = target 12,345 + judging 3,456`, as far as known.
 */
export function spendingTexts({ target, judging }: Spending): string[] {
	return [
		partsText(target.costUsd, judging.costUsd, costText, "cost"),
		partsText(tokensOf(target), tokensOf(judging), number, "tokens"),
	].flatMap((text) => text ?? []);
}

/** States a total only if both parts are known. */
function partsText(
	target: number | undefined,
	judging: number | undefined,
	textOf: (value: number) => string,
	unit: "cost" | "tokens",
): string | undefined {
	const named = (value: number) => (unit === "tokens" ? `${textOf(value)} tokens` : textOf(value));
	if (judging === undefined) return target === undefined ? undefined : named(target);
	if (target === undefined) return `judging ${named(judging)}, target ${unit} unknown`;
	return `${named(target + judging)} = target ${textOf(target)} + judging ${textOf(judging)}`;
}

export function tokensOf({ tokenUsage }: Usage): number | undefined {
	return tokenUsage && tokenUsage.input + tokenUsage.output;
}

/** Returns the cost if known, else the tokens. */
export function shortSpending(usage: Usage): string {
	if (usage.costUsd !== undefined) return costText(usage.costUsd);
	return usage.tokenUsage ? tokensText(usage) : "–";
}

/** Returns `$0.20, 12,345 tokens (10,000 in, 2,345 out)`; undefined if neither is known. */
export function usageText(usage: Usage): string | undefined {
	const { tokenUsage, costUsd } = usage;
	const tokens =
		tokenUsage && `${tokensText(usage)} (${number(tokenUsage.input)} in, ${number(tokenUsage.output)} out)`;
	const parts = [costUsd === undefined ? undefined : costText(costUsd), tokens].filter((part) => part !== undefined);
	return parts.length === 0 ? undefined : parts.join(", ");
}

function tokensText(usage: Usage): string {
	return `${number(tokensOf(usage) ?? 0)} tokens`;
}

/** Created once, because exports format several numbers per row. */
const numbers = new Intl.NumberFormat("en-US");

function number(value: number): string {
	return value < 1000 ? String(value) : numbers.format(value);
}

export function costText(costUsd: number | null): string {
	if (costUsd === null) return "–";
	return `$${costUsd < 0.01 && costUsd > 0 ? costUsd.toFixed(4) : costUsd.toFixed(2)}`;
}
