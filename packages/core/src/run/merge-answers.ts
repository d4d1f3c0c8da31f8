import { addAmounts, addCosts } from "../grading/add-costs.ts";
import { addMeasures, measuresOf } from "../grading/measures.ts";
import type { CachedFigures, RowError } from "../schema/result-row.ts";
import type { TargetAnswer } from "../targets/contract.ts";
import { cutShort } from "../targets/stop-reason.ts";
import type { Asked } from "./ask-target.ts";
import { AttemptError } from "./attempt-error.ts";
import type { GivenAnswer } from "./attempt-outcome.ts";

/** A target's answer with how it came about. Whole milliseconds, as they are recorded: graders judge by what records say. */
export function givenAnswer(
	answer: TargetAnswer,
	{ by, tries, durationMs, failedCalls }: Omit<Asked, "outcome">,
): GivenAnswer {
	const messages =
		answer.messages.length > 0 ? answer.messages : [{ role: "assistant" as const, content: answer.text }];
	const { text, textFile, llmCalls, metadata, stopReason, cached, warnings } = answer;
	const { tokenUsage, costUsd } = addCosts(failedCalls, answer);
	const took = Math.round(answer.durationMs ?? durationMs);
	return {
		...{ text, messages, by, tries, durationMs: took },
		measures: measuresOf({ durationMs: took, tokenUsage, costUsd, llmCalls, cached }),
		...(stopReason === undefined ? {} : { stopReason }),
		...(cached === undefined ? {} : { cached }),
		...(warnings === undefined ? {} : { warnings }),
		...(textFile === undefined ? {} : { textFile }),
		...(tokenUsage === undefined ? {} : { tokenUsage }),
		...(costUsd === undefined ? {} : { costUsd }),
		...(llmCalls === undefined ? {} : { llmCalls }),
		...(metadata === undefined ? {} : { metadata }),
	};
}

/** @throws AttemptError if an answer was cut: its end is missing, so that it can't be graded. A refusal is an answer. */
export function refuseCut({ stopReason }: GivenAnswer): void {
	if (stopReason === undefined || stopReason === "refusal") return;
	throw new AttemptError({
		...{ stage: "target", code: stopReason.replace("_", "-"), message: `the answer ${cutShort[stopReason]}` },
		causedBy: "agent",
	});
}

/** What is wrong with what the target reports, as warnings on the attempt. */
export function figureWarnings(answer: GivenAnswer | undefined): RowError[] {
	return (answer?.warnings ?? []).map((message) => ({ stage: "target", code: "figures", message }));
}

/** Returns what a target said before it failed; `undefined` if that is not known. */
export function partialAnswer(partial: Partial<TargetAnswer> | undefined, asked: Asked): GivenAnswer | undefined {
	if (!partial) return undefined;
	const messages = partial.messages ?? [];
	return { ...givenAnswer({ text: "", ...partial, messages }, asked), messages };
}

/** A conversation as one answer: the last text, all messages, everything else added up. */
export function mergeAnswers(before: GivenAnswer | undefined, next: GivenAnswer): GivenAnswer {
	if (!before) return next;
	const { tokenUsage, costUsd } = addCosts(before, next);
	const llmCalls = addAmounts(before.llmCalls, next.llmCalls);
	const stopReason = next.stopReason ?? before.stopReason;
	const cached = before.cached || next.cached ? mergeCached(before, next) : undefined;
	const warnings = [...new Set([...(before.warnings ?? []), ...(next.warnings ?? [])])];
	return {
		...next,
		messages: [...before.messages, ...next.messages],
		durationMs: before.durationMs + next.durationMs,
		tries: before.tries + next.tries,
		measures: addMeasures(before.measures, next.measures),
		...(stopReason === undefined ? {} : { stopReason }),
		...(cached === undefined ? {} : { cached }),
		...(warnings.length === 0 ? {} : { warnings }),
		...(tokenUsage === undefined ? {} : { tokenUsage }),
		...(costUsd === undefined ? {} : { costUsd }),
		...(llmCalls === undefined ? {} : { llmCalls }),
	};
}

/** What a conversation would have taken without the cache. */
function mergeCached(before: GivenAnswer, next: GivenAnswer): CachedFigures {
	const [one, other] = [before.cached ?? before, next.cached ?? next];
	const { tokenUsage, costUsd } = addCosts(one, other);
	const durationMs = addAmounts(one.durationMs, other.durationMs);
	return {
		...(durationMs === undefined ? {} : { durationMs }),
		...(tokenUsage === undefined ? {} : { tokenUsage }),
		...(costUsd === undefined ? {} : { costUsd }),
	};
}
