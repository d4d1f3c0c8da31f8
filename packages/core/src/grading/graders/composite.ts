import {
	type AssertionOf,
	barOf,
	type Grade,
	type GradedAssertion,
	type Grader,
	type GraderResult,
	type GraderServices,
	type GraderUsage,
	isGraded,
	reaches,
	type Subject,
	weightedMean,
} from "../contract.ts";
import { addUsage, judgeScore } from "../judge.ts";
import { fillPrompt, holdsResults, judgeVersion, promptFileText, scoreForm } from "../judge-prompt.ts";
import { programPayload, programReply, runProgram } from "../run-program.ts";

type Composite = AssertionOf<"composite">;

/** Combines several graders: by weight, by count, or by a program or model. */
export const composite: Grader<"composite"> = {
	types: ["composite"],
	version: judgeVersion,
	reproducible: ({ settings: { aggregator } }) =>
		aggregator.type === "weighted_average" || aggregator.type === "threshold",
	async grade(assertion, subject, services) {
		const parts: GraderResult[] = [];
		let usage: GraderUsage | undefined;
		// A part that can't run fails the composite, but keeps the other parts' results.
		for (const part of assertion.parts ?? []) {
			const result = await services.gradePart(part, subject);
			usage = addUsage(usage, result.usage);
			parts.push(result);
		}
		const grade = await combine(assertion, parts, subject, services);
		usage = addUsage(usage, grade.usage);
		return { ...grade, parts, ...(usage ? { usage } : {}) };
	},
};

/** A failed required part decides; if none fails, each must have a score. */
async function combine(
	assertion: Composite,
	parts: readonly GraderResult[],
	subject: Subject,
	services: GraderServices,
): Promise<Grade> {
	const failed = parts.find((part) => part.required && part.verdict === "fail");
	if (failed) return { score: 0, assertions: [{ text: `the required ${failed.name} passes`, passed: false }] };
	for (const part of parts)
		if (!isGraded(part)) return { couldNotRun: { ...part.error, message: `${part.name}: ${part.error.message}` } };
	return aggregate(assertion, parts.filter(isGraded), subject, services);
}

async function aggregate(
	assertion: Composite,
	parts: readonly GradedAssertion[],
	subject: Subject,
	services: GraderServices,
): Promise<Grade> {
	const { aggregator } = assertion.settings;
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
			return byProgram(assertion, parts, subject, services);
		case "llm-grader":
		case "llm_grader":
			return byModel(assertion, parts, subject, services);
	}
}

function asFinding(part: GradedAssertion) {
	return { text: `${part.name} passes`, passed: part.verdict === "pass", evidence: `score ${round(part.score)}` };
}

function round(score: number): number {
	return Math.round(score * 1000) / 1000;
}

/** Lets a model weigh the parts' results by the author's prompt. */
async function byModel(
	assertion: Composite,
	parts: readonly GradedAssertion[],
	subject: Subject,
	services: GraderServices,
): Promise<Grade> {
	const { aggregator } = assertion.settings;
	const own = promptFileText(assertion, services) ?? aggregator.prompt ?? "";
	const results = parts.map(({ name, type, score, weight, verdict, assertions }) => ({
		...{ name, type, score, weight, verdict, assertions },
	}));
	const prompt = holdsResults(own) ? own : `${own}\n\nThe results of the graders:\n{{ grader_results_json }}`;
	const filled = await fillPrompt(prompt, subject, { results: JSON.stringify(results, null, 2) });
	return judgeScore(`${filled}\n\n${scoreForm}`, aggregator.target, services);
}

async function byProgram(
	assertion: Composite,
	parts: readonly GradedAssertion[],
	subject: Subject,
	services: GraderServices,
): Promise<Grade> {
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
