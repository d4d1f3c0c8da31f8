import { z } from "zod";
import { amountSchema, dataSchema, fractionSchema, positiveSchema, strictWireObject } from "../../format/codec.ts";
import type { ToolCall } from "../../format/eval-file.ts";
import { valueAt } from "../../lib/yaml-document.ts";
import {
	binaryScore,
	boundsScore,
	defineGrader,
	type Finding,
	type Score,
	sameValue,
	shareScore,
} from "../contract.ts";

const argsMatchSchema = z.union([
	z.enum(["exact", "superset", "subset", "ignore"]),
	// Resolving a path takes time quadratic in its length.
	z.array(z.string().max(1000)),
]);

const stepSchema = strictWireObject({
	tool: z.string().min(1),
	args: z.union([dataSchema, z.literal("any")]).optional(),
	argsMatch: argsMatchSchema.optional(),
	maxDurationMs: positiveSchema.optional(),
});

const trajectory = {
	mode: z.enum(["any_order", "in_order", "exact", "superset", "subset"]),
	expected: z.array(stepSchema).optional(),
	minimums: z.record(z.string(), z.number().int().min(0)).optional(),
	argsMatch: argsMatchSchema.optional(),
};

type ArgsMatch = z.output<typeof argsMatchSchema>;
type Settings = z.output<z.ZodObject<typeof trajectory>>;
type Step = z.output<typeof stepSchema>;
type Matches = (call: ToolCall | undefined, step: Step) => boolean;

/** Checks which tools were called: how often, in which order, with which arguments. */
export const toolTrajectory = defineGrader({
	type: "tool-trajectory",
	score: "share of what was expected",
	options: trajectory,
	version: "2",
	reproducible: () => true,
	grade({ settings }, { toolCalls }) {
		const steps = settings.expected ?? [];
		const matches: Matches = (call, step) => call !== undefined && stepMatches(call, step, settings);
		const counts = minimumFindings(settings, toolCalls);
		if (counts.length > 0 && steps.length === 0) return shareScore(counts);
		switch (settings.mode) {
			case "in_order":
				return shareScore([...counts, ...inOrder(toolCalls, steps, matches)]);
			case "exact":
				return exact(toolCalls, steps, matches);
			case "subset":
				return subset(toolCalls, steps, matches);
			default:
				return shareScore([...counts, ...anywhere(toolCalls, steps, matches)]);
		}
	},
});

function stepMatches(call: ToolCall, step: Step, settings: Settings): boolean {
	if (call.tool !== step.tool) return false;
	// Without a reported time the limit is skipped: the call itself still counts.
	if (step.maxDurationMs !== undefined && call.durationMs !== undefined && call.durationMs > step.maxDurationMs)
		return false;
	if (step.args === undefined || step.args === "any") return true;
	return argsMatch(call.input ?? {}, step.args, step.argsMatch ?? settings.argsMatch ?? "exact");
}

function argsMatch(actual: unknown, expected: Readonly<Record<string, unknown>>, how: ArgsMatch): boolean {
	if (how === "ignore") return true;
	if (typeof how === "object") return how.every((path) => sameValue(valueAt(actual, path), valueAt(expected, path)));
	if (how === "exact") return sameValue(actual, expected);
	const held = typeof actual === "object" && actual !== null ? (actual as Record<string, unknown>) : {};
	if (how === "superset") return Object.entries(expected).every(([key, value]) => sameValue(held[key], value));
	return Object.entries(held).every(([key, value]) => Object.hasOwn(expected, key) && sameValue(value, expected[key]));
}

function minimumFindings({ minimums }: Settings, calls: readonly ToolCall[]): Finding[] {
	return Object.entries(minimums ?? {}).map(([tool, least]) => {
		const count = calls.filter((call) => call.tool === tool).length;
		return { text: `${tool} is called at least ${least}×`, passed: count >= least, evidence: `called ${count}×` };
	});
}

function describe(step: Step): string {
	return typeof step.args === "object" ? `${step.tool}(${JSON.stringify(step.args)})` : step.tool;
}

function timeNote({ maxDurationMs }: Step, call: ToolCall | undefined): Pick<Finding, "evidence"> {
	if (maxDurationMs === undefined || !call || call.durationMs !== undefined) return {};
	return { evidence: `the target does not report how long ${call.tool} took: its time limit is ignored` };
}

/** Requires the expected calls in this order; others may occur in between. */
function inOrder(calls: readonly ToolCall[], steps: readonly Step[], matches: Matches): Finding[] {
	let from = 0;
	return steps.map((step) => {
		const at = calls.findIndex((call, index) => index >= from && matches(call, step));
		if (at !== -1) from = at + 1;
		return { text: `${describe(step)} is called in order`, passed: at !== -1, ...timeNote(step, calls[at]) };
	});
}

function anywhere(calls: readonly ToolCall[], steps: readonly Step[], matches: Matches): Finding[] {
	const left = [...calls];
	return steps.map((step) => {
		const at = left.findIndex((call) => matches(call, step));
		const [call] = at === -1 ? [] : left.splice(at, 1);
		return { text: `${describe(step)} is called`, passed: at !== -1, ...timeNote(step, call) };
	});
}

function exact(calls: readonly ToolCall[], steps: readonly Step[], matches: Matches): Score {
	const findings = Array.from({ length: Math.max(calls.length, steps.length) }, (_, index): Finding => {
		const step = steps[index];
		const call = calls[index];
		const evidence = call ? `${call.tool} was called` : "nothing more was called";
		if (!step) return { text: `nothing is called as number ${index + 1}`, passed: false, evidence };
		const text = `call ${index + 1} is ${describe(step)}`;
		return { text, passed: matches(call, step), evidence, ...timeNote(step, call) };
	});
	return findings.length === 0 ? binaryScore(true, "no tool is called") : shareScore(findings);
}

/** Every actual call must match an expected one, which can match several. */
function subset(calls: readonly ToolCall[], steps: readonly Step[], matches: Matches): Score {
	if (calls.length === 0) return binaryScore(true, "only expected tools are called", "no tool was called");
	return shareScore(
		calls.map((call) => ({ text: `${call.tool} is allowed`, passed: steps.some((step) => matches(call, step)) })),
	);
}

/** Checks that the agent called its skill tool, or opened the skill's files. */
export const skillTrigger = defineGrader({
	type: "skill-trigger",
	score: "1 or 0",
	options: { skill: z.string().min(1), shouldTrigger: z.boolean().optional() },
	reproducible: () => true,
	grade({ settings: { skill, shouldTrigger = true } }, { toolCalls }) {
		const call = toolCalls.find((candidate) => triggers(candidate, skill));
		const text = shouldTrigger ? `the skill ${skill} is used` : `the skill ${skill} is not used`;
		const evidence = call ? `by the call of ${call.tool}` : `none of ${toolCalls.length} tool calls uses it`;
		return binaryScore((call !== undefined) === shouldTrigger, text, evidence);
	},
});

function triggers(call: ToolCall, skill: string): boolean {
	const isSkillTool = /(^|[_.-])skills?$/i.test(call.tool);
	return strings(call.input).some(
		(text) =>
			(isSkillTool && (text === skill || text.endsWith(`:${skill}`) || text.endsWith(`/${skill}`))) ||
			text.includes(`skills/${skill}/`) ||
			text.includes(`${skill}/SKILL.md`),
	);
}

function strings(value: unknown): string[] {
	if (typeof value === "string") return [value];
	return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}

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
