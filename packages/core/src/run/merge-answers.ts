import type { TargetAnswer, TokenUsage } from "../targets/contract.ts";
import type { Asked } from "./ask-target.ts";
import type { GivenAnswer } from "./attempt-outcome.ts";

/** A target's answer with how it came about. Whole milliseconds, as they are recorded: graders judge by what records say. */
export function givenAnswer(
	answer: TargetAnswer,
	{ by, tries, durationMs }: Pick<Asked, "by" | "tries" | "durationMs">,
): GivenAnswer {
	const messages =
		answer.messages.length > 0 ? answer.messages : [{ role: "assistant" as const, content: answer.text }];
	const { text, textFile, tokenUsage, costUsd, llmCalls, metadata } = answer;
	return {
		...{ text, messages, by, tries, durationMs: Math.round(answer.durationMs ?? durationMs) },
		...(textFile === undefined ? {} : { textFile }),
		...(tokenUsage === undefined ? {} : { tokenUsage }),
		...(costUsd === undefined ? {} : { costUsd }),
		...(llmCalls === undefined ? {} : { llmCalls }),
		...(metadata === undefined ? {} : { metadata }),
	};
}

/** Returns what a target said before it failed; `undefined` if nothing of it is known. */
export function partialAnswer(partial: Partial<TargetAnswer> | undefined, asked: Asked): GivenAnswer | undefined {
	if (!partial) return undefined;
	const messages = partial.messages ?? [];
	return { ...givenAnswer({ text: "", ...partial, messages }, asked), messages };
}

/** A conversation as one answer: the last text, all messages, everything else added up. */
export function mergeAnswers(before: GivenAnswer | undefined, next: GivenAnswer): GivenAnswer {
	if (!before) return next;
	const tokenUsage = addUsage(before.tokenUsage, next.tokenUsage);
	const costUsd = add(before.costUsd, next.costUsd);
	const llmCalls = add(before.llmCalls, next.llmCalls);
	return {
		...next,
		messages: [...before.messages, ...next.messages],
		durationMs: before.durationMs + next.durationMs,
		tries: before.tries + next.tries,
		...(tokenUsage === undefined ? {} : { tokenUsage }),
		...(costUsd === undefined ? {} : { costUsd }),
		...(llmCalls === undefined ? {} : { llmCalls }),
	};
}

function add(one: number | undefined, other: number | undefined): number | undefined {
	return one === undefined ? other : one + (other ?? 0);
}

function addUsage(one: TokenUsage | undefined, other: TokenUsage | undefined): TokenUsage | undefined {
	if (!one || !other) return one ?? other;
	const cached = add(one.cached, other.cached);
	const reasoning = add(one.reasoning, other.reasoning);
	return {
		input: one.input + other.input,
		output: one.output + other.output,
		...(cached === undefined ? {} : { cached }),
		...(reasoning === undefined ? {} : { reasoning }),
	};
}
