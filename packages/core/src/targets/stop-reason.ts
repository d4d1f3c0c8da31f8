import type { StopReason } from "../schema/result-row.ts";

/** Stop reasons of vendors, agents and programs. */
const words: Readonly<Record<string, StopReason>> = {
	refusal: "refusal",
	refused: "refusal",
	length: "length",
	max_tokens: "length",
	max_output_tokens: "length",
	max_completion_tokens: "length",
	model_length: "length",
	model_context_window_exceeded: "length",
	content_filter: "content_filter",
	content_filtered: "content_filter",
	safety: "content_filter",
	recitation: "content_filter",
	blocklist: "content_filter",
	prohibited_content: "content_filter",
	spii: "content_filter",
	max_turns: "max_turns",
	max_turn_requests: "max_turns",
};

/** Returns why an answer ended early; undefined for `stop`, `end_turn` and unknown words. */
export function stopReasonOf(word: unknown): StopReason | undefined {
	if (typeof word !== "string") return undefined;
	const key = word.trim().toLowerCase().replaceAll("-", "_");
	return Object.hasOwn(words, key) ? words[key] : undefined;
}

/** Why an answer is not graded: completes "the answer …". */
export const cutShort: Readonly<Record<Exclude<StopReason, "refusal">, string>> = {
	length: "was truncated at the length limit",
	content_filter: "was stopped by a content filter",
	max_turns: "was truncated at the turn limit",
};
