import { z } from "zod";
import type { AssertionWith } from "../../eval/eval-types.ts";
import { amountSchema, commandSchema, fractionSchema, older, strictWireObject } from "../../format/codec.ts";
import {
	barOf,
	defineGrader,
	type Grade,
	type GradedAssertion,
	type GraderResult,
	type GraderServices,
	type GraderUsage,
	isGraded,
	reaches,
	type Subject,
	weightedMean,
} from "../contract.ts";
import { addUsage, judgeScore } from "../judge.ts";
import { fillPrompt, hasPlaceholder, judgeVersion, promptFileText, scoreForm } from "../judge-prompt.ts";
import { programPayload, programReply, runProgram } from "../run-program.ts";

const aggregatorSchema = strictWireObject({
	type: z.enum(["weighted_average", "threshold", "code-grader", "code_grader", "llm-grader", "llm_grader"]),
	weights: z.record(z.string(), amountSchema).optional(),
	threshold: fractionSchema.optional(),
	command: commandSchema.optional(),
	path: older(commandSchema, "command"),
	cwd: z.string().optional(),
	prompt: z.string().optional(),
	target: z.string().optional(),
});

type Composite = AssertionWith<string, { readonly aggregator: z.output<typeof aggregatorSchema> }>;

export const composite = defineGrader({
	type: "composite",
	score: "as the aggregator says",
	options: {
		assertions: z.array(z.unknown()).min(1).optional(),
		evaluators: older(z.array(z.unknown()), "assertions"),
		aggregator: aggregatorSchema,
	},
	holds: "assertions",
	model: ({ aggregator: { type, target } }) =>
		type.startsWith("llm") ? { target, path: ["aggregator", "target"] } : undefined,
	version: judgeVersion,
	reproducible: ({ settings: { aggregator } }) =>
		aggregator.type === "weighted_average" || aggregator.type === "threshold",
	grade: (assertion, subject, services) => gradeParts(assertion, subject, services),
});

async function gradeParts(assertion: Composite, subject: Subject, services: GraderServices): Promise<Grade> {
	const parts: GraderResult[] = [];
	let usage: GraderUsage | undefined;
	// A part that can't run fails the composite, but keeps the other parts' results.
	for (const part of assertion.parts ?? []) {
		const result = await services.gradePart(part, subject);
		usage = addUsage(usage, result.usage);
		parts.push(result);
	}
	const grade = await combine(parts, { assertion, parts: parts.filter(isGraded), subject, services });
	usage = addUsage(usage, grade.usage);
	return { ...grade, parts, ...(usage ? { usage } : {}) };
}

interface Combined {
	readonly assertion: Composite;
	readonly parts: readonly GradedAssertion[];
	readonly subject: Subject;
	readonly services: GraderServices;
}

/** A failed required part decides; otherwise every part must have a score. */
async function combine(results: readonly GraderResult[], combined: Combined): Promise<Grade> {
	const failed = results.find((part) => part.required && part.verdict === "fail");
	if (failed) return { score: 0, assertions: [{ text: `the required ${failed.name} passes`, passed: false }] };
	for (const part of results)
		if (!isGraded(part)) return { couldNotRun: { ...part.error, message: `${part.name}: ${part.error.message}` } };
	const { parts } = combined;
	const { aggregator } = combined.assertion.settings;
	switch (aggregator.type) {
		case "weighted_average": {
			const weighted = parts.map((part) => ({ ...part, weight: aggregator.weights?.[part.name] ?? part.weight }));
			// A mean would outvote a part that states a failure and has a passing score.
			const stated = parts.some(({ veto }) => veto) ? { stated: "fail" as const } : {};
			return { score: weightedMean(weighted), assertions: weighted.map(asFinding), ...stated };
		}
		case "threshold": {
			const share = weightedMean(
				parts.map((part) => ({ score: part.verdict === "pass" ? 1 : 0, weight: part.weight })),
			);
			const bar = aggregator.threshold ?? 1;
			return {
				score: reaches(share, bar) ? 1 : 0,
				assertions: parts.map(asFinding),
				details: { share, threshold: bar },
			};
		}
		case "code-grader":
		case "code_grader":
			return byProgram(combined);
		case "llm-grader":
		case "llm_grader":
			return byModel(combined);
	}
}

function asFinding(part: GradedAssertion) {
	return { text: `${part.name} passes`, passed: part.verdict === "pass", evidence: `score ${round(part.score)}` };
}

function round(score: number): number {
	return Math.round(score * 1000) / 1000;
}

async function byModel({ assertion, parts, subject, services }: Combined): Promise<Grade> {
	const { aggregator } = assertion.settings;
	const own = promptFileText(assertion, services) ?? aggregator.prompt ?? "";
	const results = parts.map(({ name, type, score, weight, verdict, assertions }) => ({
		...{ name, type, score, weight, verdict, assertions },
	}));
	const prompt = hasPlaceholder(own, "results")
		? own
		: `${own}\n\nThe results of the graders:\n{{ grader_results_json }}`;
	const filled = await fillPrompt(prompt, subject, { results: JSON.stringify(results, null, 2) });
	return judgeScore(`${filled}\n\n${scoreForm}`, aggregator.target, services);
}

async function byProgram({ assertion, parts, subject, services }: Combined): Promise<Grade> {
	const { command, name } = assertion;
	if (!command) return { couldNotRun: { code: "not-found", message: `the aggregator of ${name} has no command` } };
	const results = Object.fromEntries(
		parts.map(({ name: part, type, score, weight, verdict, assertions }) => [
			part,
			{ type, score, weight, verdict, assertions },
		]),
	);
	const payload = { ...programPayload(subject, {}, services), results };
	const result = await runProgram({ command, payload }, subject, services);
	return programReply(`the aggregator of ${name}`, result, barOf(assertion, subject));
}
