import { resolvePath } from "../../model/path-text.ts";
import type {
	AssertionOf,
	CouldNotRun,
	Grade,
	GradedAssertion,
	Grader,
	GraderServices,
	GraderUsage,
	Subject,
} from "../contract.ts";
import { addUsage } from "../judge/add-usage.ts";
import { fence, fillPrompt } from "../judge/fill-prompt.ts";
import { judgeVersion, scoreForm } from "../judge/judge-prompts.ts";
import { judgeScore } from "../judge/judge-score.ts";
import { programPayload } from "../program-payload.ts";
import { programReply } from "../program-reply.ts";
import { runProgram } from "../run-program.ts";
import { reaches, weightedMean } from "../verdict.ts";

type Composite = AssertionOf<"composite">;

/** Several graders whose scores are put together: by weight, by how many pass, or by a program or model that sees them all. */
export const composite: Grader<"composite"> = {
	types: ["composite"],
	version: judgeVersion,
	reproducible: ({ settings: { aggregator } }) =>
		aggregator.type === "weighted_average" || aggregator.type === "threshold",
	async grade(assertion, subject, services) {
		const parts: GradedAssertion[] = [];
		let usage: GraderUsage | undefined;
		for (const part of assertion.parts ?? []) {
			const graded = await services.gradePart(part, subject);
			usage = addUsage(usage, graded.usage);
			if ("couldNotRun" in graded) return named(part.name, { ...graded, ...(usage ? { usage } : {}) });
			parts.push(graded);
		}
		const failed = parts.find((part) => part.required && part.verdict === "fail");
		const assertions = [{ text: `the required ${failed?.name} passes`, passed: false }];
		const grade: Grade = failed ? { score: 0, assertions } : await aggregate(assertion, parts, subject, services);
		usage = addUsage(usage, grade.usage);
		const spent = usage ? { usage } : {};
		return "couldNotRun" in grade ? { ...grade, ...spent } : { ...grade, parts, ...spent };
	},
};

function named(name: string, { couldNotRun, usage }: CouldNotRun): CouldNotRun {
	const message = `${name}: ${couldNotRun.message}`;
	return { couldNotRun: { ...couldNotRun, message }, ...(usage ? { usage } : {}) };
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
			return { score: weightedMean(weighted), assertions: weighted.map(asFinding) };
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

/** A model weighs the parts' results by the author's prompt. */
async function byModel(
	assertion: Composite,
	parts: readonly GradedAssertion[],
	subject: Subject,
	services: GraderServices,
): Promise<Grade> {
	const { aggregator } = assertion.settings;
	const file = assertion.promptFile;
	const own = file
		? services.view.readText(resolvePath(file, services.scope, services.view).path)
		: (aggregator.prompt ?? "");
	const results = fence(
		JSON.stringify(
			parts.map(({ name, type, score, weight, verdict, assertions }) => ({
				name,
				type,
				score,
				weight,
				verdict,
				assertions,
			})),
			null,
			2,
		),
	);
	const named = /\{\{\s*(evaluator|grader)_results_json\s*\}\}/i.test(own);
	const prompt = `${own}${named ? "" : "\n\nThe results of the graders:\n{{ grader_results_json }}"}\n\n${scoreForm}`;
	return judgeScore(
		await fillPrompt(prompt, subject, { evaluator_results_json: results, grader_results_json: results }),
		aggregator.target,
		services,
	);
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
	return programReply(`the aggregator of ${name}`, await runProgram({ command, payload }, subject, services));
}
