import type { ToolCall } from "../schema/message.ts";
import type { AnswerMessage, TargetAnswer, TargetOutcome, TokenUsage } from "./contract.ts";

/** Returns what a target answered without figures that can't be: negative ones, fractions of tokens, absurd ones. A warning names each. */
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
		found.push(`the target reports ${String(value)} as ${names[key] ?? key}, which is not possible: it is left out`);
		return {};
	};
	const tokens = tokenUsage && checkedTokens(tokenUsage, kept);
	const times = messages && checkedTimes(messages);
	if (times && times !== messages)
		found.push("the target reports durations of tool calls that are not possible: they are left out");
	return {
		...rest,
		...(times ? { messages: times } : {}),
		...(tokens ? { tokenUsage: tokens } : {}),
		...kept("costUsd", costUsd, isAmount),
		...kept("durationMs", durationMs, isAmount),
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

function isCount(value: number): boolean {
	return Number.isSafeInteger(value) && value >= 0;
}

function isAmount(value: number): boolean {
	return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

/** The same messages if the duration of each tool call is possible. */
function checkedTimes(messages: readonly AnswerMessage[]): readonly AnswerMessage[] {
	const isWrong = ({ durationMs }: ToolCall) => durationMs !== undefined && !isAmount(durationMs);
	if (!messages.some(({ toolCalls }) => toolCalls?.some(isWrong))) return messages;
	return messages.map(({ toolCalls, ...message }) => ({
		...message,
		...(toolCalls ? { toolCalls: toolCalls.map((call) => (isWrong(call) ? withoutTime(call) : call)) } : {}),
	}));
}

function withoutTime({ durationMs: _, ...call }: ToolCall): ToolCall {
	return call;
}

type Kept = (
	key: string,
	value: number | undefined,
	isPossible: (value: number) => boolean,
) => { [key: string]: number };

/** Input and output count together: one without the other would make the sum too small. */
function checkedTokens({ input, output, cached, reasoning }: TokenUsage, kept: Kept): TokenUsage | undefined {
	const whole = { ...kept("input", input, isCount), ...kept("output", output, isCount) };
	if (whole["input"] === undefined || whole["output"] === undefined) return undefined;
	return {
		...{ input, output },
		...kept("cached", cached, isCount),
		...kept("reasoning", reasoning, isCount),
	};
}
