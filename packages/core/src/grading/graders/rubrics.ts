import { z } from "zod";
import type { RubricCriterion } from "../../schema/assertion-entry.ts";
import type { Finding, Grader } from "../contract.ts";
import { askJudge } from "../judge/ask-judge.ts";
import { fillPrompt } from "../judge/fill-prompt.ts";
import { judgeVersion, rubricsPrompt } from "../judge/judge-prompts.ts";
import { reaches } from "../verdict.ts";

/** A language model judges each criterion on its own; the score is the satisfied weight over the whole. */
export const rubrics: Grader<"rubrics"> = {
	types: ["rubrics"],
	version: judgeVersion,
	reproducible: () => false,
	async grade({ settings }, subject, services) {
		const criteria = withOwnIds(settings.criteria.map(readCriterion));
		const prompt = await fillPrompt(rubricsPrompt, subject, { rubric: criteria.map(asText).join("\n") });
		const answer = await askJudge(
			{
				target: settings.target,
				prompt,
				name: "rubric",
				jsonSchema: replySchema,
				reply,
				check: (said) => missing(said, criteria),
			},
			services,
		);
		if ("couldNotRun" in answer) return answer;
		const judged = criteria.map((criterion) => judge(criterion, answer.reply));
		const total = judged.reduce((sum, { weight }) => sum + weight, 0);
		const earned = judged.reduce((sum, { weight, share }) => sum + weight * share, 0);
		const failed = judged.some(({ required, finding }) => required && !finding.passed);
		return {
			score: failed || total === 0 ? 0 : earned / total,
			assertions: judged.map(({ finding }) => finding),
			details: { criteria: judged.map(({ id, weight, share }) => ({ id, weight, score: share })) },
			usage: answer.usage,
		};
	},
};

interface Criterion {
	readonly id: string;
	readonly outcome: string;
	readonly weight: number;
	readonly required: boolean;
	readonly contradiction: boolean;
	/** What earns which score from 0 to 10; a criterion without them is satisfied or not. */
	readonly ranges: readonly string[];
	readonly minScore: number;
}

function readCriterion(entry: RubricCriterion, index: number): Criterion {
	const id = `criterion-${index + 1}`;
	if (typeof entry === "string")
		return { id, outcome: entry, weight: 1, required: false, contradiction: false, ranges: [], minScore: 1 };
	const ranges = rangesOf(entry.scoreRanges);
	return {
		id: entry.id ?? id,
		outcome: entry.outcome ?? entry.id ?? id,
		weight: entry.weight ?? 1,
		required:
			entry.required ?? (entry.requiredMinScore !== undefined || (entry.minScore !== undefined && ranges.length > 0)),
		contradiction: entry.operator === "contradiction",
		ranges,
		minScore: fraction(entry.minScore ?? entry.requiredMinScore) ?? (ranges.length > 0 ? 0.5 : 1),
	};
}

/** Criteria that share an id could not be told apart in a reply. */
function withOwnIds(criteria: readonly Criterion[]): Criterion[] {
	const seen = new Set<string>();
	return criteria.map((criterion, index) => {
		const id = seen.has(criterion.id) ? `${criterion.id}-${index + 1}` : criterion.id;
		seen.add(id);
		return { ...criterion, id };
	});
}

/** Older evals give the least score on the scale of 0 to 10. */
function fraction(score: number | undefined): number | undefined {
	return score !== undefined && score > 1 ? score / 10 : score;
}

type Ranges = Exclude<RubricCriterion, string>["scoreRanges"];

function rangesOf(ranges: Ranges): string[] {
	if (ranges === undefined) return [];
	if (Array.isArray(ranges)) return ranges.map(({ scoreRange, outcome }) => `${scoreRange.join("–")}: ${outcome}`);
	return Object.entries(ranges).map(([score, outcome]) => `${score}: ${outcome}`);
}

function asText({ id, outcome, contradiction, ranges }: Criterion): string {
	const scale = ranges.map((range) => `\n    ${range}`).join("");
	return `- ${JSON.stringify(id)}${contradiction ? " (contradiction)" : ""}: ${outcome}${scale}`;
}

const reply = z.object({
	criteria: z.array(z.object({ id: z.string(), score: z.number().min(0).max(10), evidence: z.string().nullish() })),
});

const replySchema = {
	type: "object",
	properties: {
		criteria: {
			type: "array",
			items: {
				type: "object",
				properties: { id: { type: "string" }, score: { type: "number" }, evidence: { type: "string" } },
				required: ["id", "score", "evidence"],
				additionalProperties: false,
			},
		},
	},
	required: ["criteria"],
	additionalProperties: false,
} as const;

type Reply = z.output<typeof reply>;

function missing({ criteria: judged }: Reply, criteria: readonly Criterion[]): string | undefined {
	const unjudged = criteria
		.filter(({ id }) => judged.filter((entry) => entry.id === id).length !== 1)
		.map(({ id }) => JSON.stringify(id));
	return unjudged.length === 0
		? undefined
		: `it must have exactly one entry for each id, and has not for ${unjudged.join(", ")}`;
}

function judge(criterion: Criterion, { criteria }: Reply) {
	const { id, weight, required, ranges, minScore, outcome } = criterion;
	const entry = criteria.find((candidate) => candidate.id === id);
	const score = entry?.score ?? 0;
	const scaled = ranges.length > 0 ? score / 10 : Math.min(score, 1);
	const passed = reaches(scaled, minScore);
	const finding: Finding = { text: outcome, passed, ...(entry?.evidence ? { evidence: entry.evidence } : {}) };
	return { id, weight, required, finding, share: ranges.length > 0 ? scaled : passed ? 1 : 0 };
}
