import { amountSchema, fractionSchema } from "../../format/codec.ts";
import type { ToolCall } from "../../format/eval-file.ts";
import { boundsScore, defineGrader, type Finding } from "../contract.ts";

const measuring = { version: "2", measures: true, reproducible: () => true } as const;
const bound = amountSchema.optional();

export const cost = defineGrader({
	type: "cost",
	score: "1 or 0; `budget` is in US dollars",
	options: { budget: amountSchema },
	...measuring,
	grade: ({ settings }, subject) =>
		boundsScore([{ what: "cost", unit: "USD", actual: subject.costUsd, most: settings.budget }]),
});

export const latency = defineGrader({
	type: "latency",
	score: "1 or 0; `threshold` is in milliseconds",
	options: { threshold: amountSchema },
	...measuring,
	grade: ({ settings }, subject) =>
		boundsScore([{ what: "duration", unit: "ms", actual: subject.durationMs, most: settings.threshold }]),
});

export const tokenUsage = defineGrader({
	type: "token-usage",
	score: "within all bounds or not",
	options: { maxTotal: bound, maxInput: bound, maxOutput: bound },
	...measuring,
	grade({ settings }, { tokenUsage: used }) {
		const score = boundsScore([
			{ what: "tokens in all", unit: "", actual: used && used.input + used.output, most: settings.maxTotal },
			{ what: "input tokens", unit: "", actual: used?.input, most: settings.maxInput },
			{ what: "output tokens", unit: "", actual: used?.output, most: settings.maxOutput },
		]);
		if ("couldNotRun" in score) return score;
		return { ...score, score: score.assertions.every(({ passed }) => passed) ? 1 : 0 };
	},
});

/** Limits tool calls, model calls, tokens, cost, time, and the share of read-only calls. */
export const executionMetrics = defineGrader({
	type: "execution-metrics",
	score: "share of bounds that hold",
	options: {
		...{ maxToolCalls: bound, maxLlmCalls: bound, maxTokens: bound, maxCostUsd: bound, maxDurationMs: bound },
		targetExplorationRatio: fractionSchema.optional(),
		explorationTolerance: bound,
	},
	...measuring,
	grade({ settings }, subject) {
		const used = subject.tokenUsage;
		const bounds = [
			{ what: "tool calls", unit: "", actual: subject.toolCalls.length, most: settings.maxToolCalls },
			{ what: "model calls", unit: "", actual: subject.llmCalls, most: settings.maxLlmCalls },
			{ what: "tokens", unit: "", actual: used && used.input + used.output, most: settings.maxTokens },
			{ what: "cost", unit: "USD", actual: subject.costUsd, most: settings.maxCostUsd },
			{ what: "duration", unit: "ms", actual: subject.durationMs, most: settings.maxDurationMs },
		];
		const wanted = settings.targetExplorationRatio;
		if (wanted === undefined) return boundsScore(bounds);
		if (subject.toolCalls.length === 0) return boundsScore(bounds, [], ["tool calls"]);
		const tolerance = settings.explorationTolerance ?? 0.2;
		return boundsScore(bounds, [explorationFinding(subject.toolCalls, wanted, tolerance)]);
	},
});

const lookingTools = /^(read|grep|glob|search|list|ls|find|view|cat|webfetch|websearch)/i;

function explorationFinding(calls: readonly ToolCall[], wanted: number, tolerance: number): Finding {
	const text = `share of read-only tool calls: ${wanted} ± ${tolerance}`;
	const share = calls.filter(({ tool }) => lookingTools.test(tool)).length / calls.length;
	return {
		text,
		passed: Math.abs(share - wanted) <= tolerance + 1e-9,
		evidence: String(Math.round(share * 1000) / 1000),
	};
}
