import type { ToolCall } from "../../schema/message.ts";
import { boundsScore } from "../bounds.ts";
import type { Finding, Grader } from "../contract.ts";
import { shareScore } from "../verdict.ts";

/** Limits on what the run took: tool calls, model calls, tokens, cost, time, and the share of calls that only look. */
export const executionMetrics: Grader<"execution-metrics"> = {
	types: ["execution-metrics"],
	reproducible: () => true,
	grade({ settings }, subject) {
		const used = subject.tokenUsage;
		const { assertions } = boundsScore([
			{ what: "tool calls", unit: "", actual: subject.toolCalls.length, most: settings.maxToolCalls },
			{ what: "model calls", unit: "", actual: subject.llmCalls, most: settings.maxLlmCalls },
			{ what: "tokens", unit: "", actual: used && used.input + used.output, most: settings.maxTokens },
			{ what: "cost", unit: "USD", actual: subject.costUsd, most: settings.maxCostUsd },
			{ what: "duration", unit: "ms", actual: subject.durationMs, most: settings.maxDurationMs },
		]);
		const wanted = settings.targetExplorationRatio;
		const explored =
			wanted === undefined ? [] : [explorationFinding(subject.toolCalls, wanted, settings.explorationTolerance ?? 0.2)];
		return shareScore([...assertions, ...explored]);
	},
};

const lookingTools = /^(read|grep|glob|search|list|ls|find|view|cat|webfetch|websearch)/i;

function explorationFinding(calls: readonly ToolCall[], wanted: number, tolerance: number): Finding {
	const text = `share of tool calls that only look: ${wanted} ± ${tolerance}`;
	if (calls.length === 0) return { text, passed: false, evidence: "the target reports no tool calls" };
	const share = calls.filter(({ tool }) => lookingTools.test(tool)).length / calls.length;
	return {
		text,
		passed: Math.abs(share - wanted) <= tolerance + 1e-9,
		evidence: String(Math.round(share * 1000) / 1000),
	};
}
