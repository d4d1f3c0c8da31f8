import { z } from "zod";
import type { RubricCriterion } from "../../schema/assertion-entry.ts";
import type { Finding, Grade, GraderServices } from "../contract.ts";
import { reaches } from "../verdict.ts";
import { askJudge } from "./ask-judge.ts";
import { rubricForm } from "./judge-prompts.ts";

/** A criterion with its defaults and a unique id. */
export interface Criterion {
	readonly id: string;
	readonly outcome: string;
	readonly weight: number;
	readonly required: boolean;
	readonly contradiction: boolean;
	/** Meanings of scores from 0 to 10; a criterion without them is satisfied or not. */
	readonly ranges: readonly string[];
	readonly minScore: number;
}

/** Returns the criteria of a `rubrics` grader, or of an `llm-grader` with `rubrics`. */
export function readCriteria(entries: readonly RubricCriterion[]): Criterion[] {
	return withOwnIds(entries.map(readCriterion));
}

/** Returns the criteria as shown in `{{ rubrics }}`. */
export function criteriaToWire(criteria: readonly Criterion[]): object[] {
	return criteria.map(({ id, outcome, weight, required, contradiction, ranges }) => ({
		...{ id, outcome, weight, required },
		...(contradiction ? { operator: "contradiction" } : {}),
		...(ranges.length > 0 ? { score_ranges: ranges } : {}),
	}));
}

/** Returns the rubric as a list, with the reply format. */
export function rubricText(criteria: readonly Criterion[]): string {
	return `The rubric:\n${criteria.map(asText).join("\n")}\n\n${rubricForm}`;
}

/**
 * Lets a model grade each criterion separately. The score is the satisfied weight over the total;
 * an unsatisfied required criterion states a failure.
 */
export async function judgeRubric(
	criteria: readonly Criterion[],
	prompt: string,
	target: string | undefined,
	services: GraderServices,
): Promise<Grade> {
	const answer = await askJudge(
		{
			...{ target, prompt, name: "rubric", jsonSchema: replySchema, reply, keys: ["criteria", "checks"] },
			check: (said) => complaintOf(said, criteria),
		},
		services,
	);
	if ("couldNotRun" in answer) return answer;
	const judged = criteria.map((criterion) => judge(criterion, answer.reply));
	const total = judged.reduce((sum, { weight }) => sum + weight, 0);
	const earned = judged.reduce((sum, { weight, share }) => sum + weight * share, 0);
	const failed = judged.some(({ required, finding }) => required && !finding.passed);
	return {
		score: total === 0 ? 0 : earned / total,
		assertions: judged.map(({ finding }) => finding),
		details: { criteria: judged.map(({ id, weight, share }) => ({ id, weight, score: share })) },
		usage: answer.usage,
		...(failed ? { stated: "fail" } : {}),
	};
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

/** Criteria with the same id would be indistinguishable in a reply. */
function withOwnIds(criteria: readonly Criterion[]): Criterion[] {
	const seen = new Set<string>();
	return criteria.map((criterion, index) => {
		const id = seen.has(criterion.id) ? `${criterion.id}-${index + 1}` : criterion.id;
		seen.add(id);
		return { ...criterion, id };
	});
}

/** Older evals have the minimum score on the scale of 0 to 10. */
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

const score = z.number().min(0).max(10);
/** The reply format of older prompts: `checks` with `satisfied`. */
const check = z.object({
	id: z.string(),
	score: score.nullish(),
	satisfied: z.boolean().nullish(),
	reasoning: z.string().nullish(),
	evidence: z.string().nullish(),
});
const reply = z
	.object({
		criteria: z.array(z.object({ id: z.string(), score, evidence: z.string().nullish() })).optional(),
		checks: z.array(check).optional(),
	})
	.refine(({ criteria, checks }) => criteria || checks, { path: ["criteria"], message: "is missing" });

type Reply = z.output<typeof reply>;

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

type Check = Partial<z.output<typeof check>>;

function entriesOf({ criteria, checks }: Reply): readonly Check[] {
	return criteria ?? checks ?? [];
}

function complaintOf(said: Reply, criteria: readonly Criterion[]): string | undefined {
	const entries = entriesOf(said);
	const unjudged = criteria
		.filter(({ id }) => entries.filter((entry) => entry.id === id).length !== 1)
		.map(({ id }) => JSON.stringify(id));
	if (unjudged.length > 0) return `must have exactly one entry for each id, but doesn't for ${unjudged.join(", ")}`;
	const wrong = criteria.find((criterion) => scaled(criterion, entries) === undefined);
	if (!wrong) return undefined;
	const wanted = wrong.ranges.length > 0 ? "a score from 0 to 10" : "a score of 0 or 1";
	return `must give ${JSON.stringify(wrong.id)} ${wanted}`;
}

/** Returns a score from 0 to 1; undefined if the reply's score is off the scale. */
function scaled({ id, ranges }: Criterion, entries: readonly Check[]): number | undefined {
	const entry = entries.find((candidate) => candidate.id === id);
	const given = entry?.score ?? undefined;
	if (ranges.length > 0) return given === undefined ? undefined : given / 10;
	if (typeof entry?.satisfied !== "boolean") return given !== undefined && given <= 1 ? given : undefined;
	return entry.satisfied ? 1 : 0;
}

function judge(criterion: Criterion, said: Reply) {
	const { id, weight, required, ranges, minScore, outcome } = criterion;
	const entries = entriesOf(said);
	const entry = entries.find((candidate) => candidate.id === id);
	const value = scaled(criterion, entries) ?? 0;
	const passed = reaches(value, minScore);
	const evidence = entry?.evidence || entry?.reasoning;
	const finding: Finding = { text: outcome, passed, ...(evidence ? { evidence } : {}) };
	return { id, weight, required, finding, share: ranges.length > 0 ? value : passed ? 1 : 0 };
}
