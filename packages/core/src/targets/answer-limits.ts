import { listEntry } from "../io/files/list-entry.ts";
import type { AnswerMessage, TargetAnswer, TargetFailure, TargetOutcome } from "./contract.ts";

/** Bytes of one answer: its text, and its messages with their tool calls as JSON. */
export const largestAnswer = 64 * 1024 * 1024;
/** Messages and tool calls of one answer. */
export const mostMessages = 20_000;

/** Returns the failure for an answer that is too large to be graded and recorded. */
export function tooLarge(what: string): TargetFailure {
	return { code: "answer-too-large", message: `the answer ${what}`, retryable: false, causedBy: "agent" };
}

/** Returns the outcome, or a failure if the answer is too large. Its cost is kept. */
export function withinLimits(outcome: TargetOutcome): TargetOutcome {
	const { text = "", messages = [], textFile, ...figures } = answerOf(outcome);
	const problem = problemOf(text, messages, textFile);
	if (problem === undefined) return outcome;
	const failure = outcome.ok ? tooLarge(problem) : outcome.failure;
	return { ok: false, failure: { ...failure, partial: figures } };
}

function answerOf(outcome: TargetOutcome): Partial<TargetAnswer> {
	return (outcome.ok ? outcome.answer : outcome.failure.partial) ?? {};
}

function problemOf(text: string, messages: readonly AnswerMessage[], textFile: string | undefined): string | undefined {
	const count = messages.reduce((sum, { toolCalls }) => sum + 1 + (toolCalls?.length ?? 0), 0);
	if (count > mostMessages) return `has more than ${mostMessages} messages and tool calls`;
	let size = textFile === undefined ? Buffer.byteLength(text) : listEntry(textFile).size;
	for (const message of messages) {
		if (size > largestAnswer) break;
		// The last message usually equals the text.
		if (message.content !== text || message.toolCalls) size += Buffer.byteLength(JSON.stringify(message));
	}
	return size > largestAnswer ? `is larger than ${largestAnswer / 1024 / 1024} MB` : undefined;
}
