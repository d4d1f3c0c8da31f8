import { deepestJson, nestsDeeper } from "../base/json-depth.ts";
import type { ToolCall } from "../schema/message.ts";
import type { AnswerMessage, TargetAnswer, TargetOutcome, TokenUsage } from "./contract.ts";

/**
 * Removes impossible figures (negative ones, fractions of tokens, absurd ones) and tool call data
 * that is too deep to be recorded, with a warning for each.
 */
export function withCheckedFigures(outcome: TargetOutcome): TargetOutcome {
	if (outcome.ok) {
		const { text, messages } = outcome.answer;
		return { ok: true, answer: { text, messages, ...checked(outcome.answer) } };
	}
	const { partial } = outcome.failure;
	return partial ? { ok: false, failure: { ...outcome.failure, partial: checked(partial) } } : outcome;
}

function checked(answer: Partial<TargetAnswer>): Partial<TargetAnswer> {
	const { tokenUsage, costUsd, durationMs, llmCalls, messages, warnings = [], ...rest } = answer;
	const found: string[] = [...warnings];
	const kept = <Key extends string>(key: Key, value: number | undefined, isPossible: (value: number) => boolean) => {
		if (value === undefined) return {};
		if (isPossible(value)) return { [key]: value };
		found.push(`the target reports ${String(value)} as ${names[key] ?? key}, which is impossible: it is ignored`);
		return {};
	};
	const tokens = tokenUsage && checkedTokens(tokenUsage, kept);
	const times = messages && withCalls(messages, hasWrongTime, withoutTime);
	if (times && times !== messages)
		found.push("the target reports impossible durations of tool calls: they are ignored");
	const shallow = times && withCalls(times, isTooDeep, withoutDepth);
	if (shallow && shallow !== times)
		found.push(`the target reports data of tool calls that nests more than ${deepestJson} levels deep: it is ignored`);
	return {
		...rest,
		...(shallow ? { messages: shallow } : {}),
		...(tokens ? { tokenUsage: tokens } : {}),
		...kept("costUsd", costUsd, isCost),
		...kept("durationMs", durationMs, isDuration),
		...kept("llmCalls", llmCalls, isCount),
		...(found.length > 0 ? { warnings: found } : {}),
	};
}

const names: Readonly<Record<string, string>> = {
	costUsd: "its cost in US dollars",
	durationMs: "its duration in milliseconds",
	llmCalls: "its number of model calls",
	input: "its input tokens",
	output: "its output tokens",
	cached: "its cached tokens",
	reasoning: "its reasoning tokens",
};

/** Larger figures can't be right: the unit is different or the target is wrong. */
const most = { count: 1e12, dollars: 1e6, milliseconds: 366 * 24 * 3600 * 1000 };

function isCount(value: number): boolean {
	return Number.isSafeInteger(value) && value >= 0 && value <= most.count;
}

function isCost(value: number): boolean {
	return typeof value === "number" && value >= 0 && value <= most.dollars;
}

function isDuration(value: number): boolean {
	return typeof value === "number" && value >= 0 && value <= most.milliseconds;
}

/** Without matching calls, the messages are returned unchanged. */
function withCalls(
	messages: readonly AnswerMessage[],
	isWrong: (call: ToolCall) => boolean,
	change: (call: ToolCall) => ToolCall,
): readonly AnswerMessage[] {
	if (!messages.some(({ toolCalls }) => toolCalls?.some(isWrong))) return messages;
	return messages.map(({ toolCalls, ...message }) => ({
		...message,
		...(toolCalls ? { toolCalls: toolCalls.map((call) => (isWrong(call) ? change(call) : call)) } : {}),
	}));
}

function hasWrongTime({ durationMs }: ToolCall): boolean {
	return durationMs !== undefined && !isDuration(durationMs);
}

function withoutTime({ durationMs: _, ...call }: ToolCall): ToolCall {
	return call;
}

function isTooDeep({ input, output }: ToolCall): boolean {
	return nestsDeeper(input) || nestsDeeper(output);
}

function withoutDepth({ input, output, ...call }: ToolCall): ToolCall {
	return {
		...call,
		...(input === undefined || nestsDeeper(input) ? {} : { input }),
		...(output === undefined || nestsDeeper(output) ? {} : { output }),
	};
}

type Kept = (
	key: string,
	value: number | undefined,
	isPossible: (value: number) => boolean,
) => { [key: string]: number };

/** Input and output are only counted together: one alone would make the sum too small. */
function checkedTokens({ input, output, cached, reasoning }: TokenUsage, kept: Kept): TokenUsage | undefined {
	const whole = { ...kept("input", input, isCount), ...kept("output", output, isCount) };
	if (whole["input"] === undefined || whole["output"] === undefined) return undefined;
	return {
		...{ input, output },
		...kept("cached", cached, isCount),
		...kept("reasoning", reasoning, isCount),
	};
}
