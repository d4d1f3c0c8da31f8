import { z } from "zod";
import type { RubricCriterion } from "../format/eval-file.ts";
import { deepestJson, type FoundValue, findJsonValues, scanJson } from "../lib/json.ts";
import { known } from "../targets/contract.ts";
import {
	addCosts,
	type CouldNotRun,
	type Finding,
	type Grade,
	type GraderServices,
	type GraderUsage,
	reaches,
} from "./contract.ts";
import { judgeInstructions, rubricForm as rubricFormText } from "./judge-prompt.ts";
import { isObject, type JsonObject } from "./run-program.ts";

interface JudgeQuestion<Reply> {
	readonly target?: string | undefined;
	readonly prompt: string;
	readonly name: string;
	readonly form: z.ZodType;
	readonly reply: z.ZodType<Reply>;
	/** An object without any of these keys is not the reply. */
	readonly keys: readonly string[];
	readonly check?: (reply: Reply) => string | undefined;
}

type JudgeAnswer<Reply> = { readonly reply: Reply; readonly usage: GraderUsage } | CouldNotRun;

/** The second question reports what was wrong with the first reply. */
const tries = 2;

const cutShort = {
	length: "its reply was truncated at the length limit",
	content_filter: "its reply was stopped by a content filter",
	refusal: "it refused to grade",
	max_turns: "it ran out of turns before it replied",
};

/** Without a usable reply, the test is not graded. */
async function askJudge<Reply>(question: JudgeQuestion<Reply>, services: GraderServices): Promise<JudgeAnswer<Reply>> {
	const said = (role: "system" | "user" | "assistant", text: string) => ({
		role,
		content: [{ type: "text" as const, text }],
	});
	const { $schema: _, ...schema } = z.toJSONSchema(question.form);
	const opening = [said("system", judgeInstructions), said("user", question.prompt)];
	let usage: GraderUsage | undefined;
	let complaint = "";
	let text = "";
	let messages = opening;
	for (let round = 0; round < tries; round += 1) {
		const response = await services.askModel({
			messages,
			answerSchema: { name: question.name, schema },
			isUsable: (answer) => "reply" in readReply(answer.text, question),
			...(question.target === undefined ? {} : { target: question.target }),
		});
		usage = addUsage(usage, response.usage);
		// The runner has already retried transient errors.
		if (!response.ok) return failed("model", `the grader model failed: ${response.failure.message}`, usage);
		const { stopReason } = response.answer;
		if (stopReason)
			return failed(stopReason.replace("_", "-"), `the grader model gave no verdict: ${cutShort[stopReason]}`, usage);
		text = response.answer.text;
		const read = readReply(text, question);
		if ("reply" in read) return { reply: read.reply, usage: usage ?? response.usage };
		complaint = read.complaint;
		messages = [
			...opening,
			said("assistant", text || "(nothing)"),
			said("user", `That reply cannot be used: it ${complaint}. Reply again, with the JSON object only.`),
		];
	}
	const message = `the grader model gave no usable reply in ${tries} tries: the last one ${complaint}; it was ${excerpt(text)}`;
	return failed("bad-reply", message, usage);
}

const maxExcerptLength = 500;

function excerpt(text: string): string {
	return text.trim() === "" ? "empty" : JSON.stringify(text.trim().slice(-maxExcerptLength));
}

function readReply<Reply>(
	text: string,
	{ reply: schema, keys, check }: JudgeQuestion<Reply>,
): { readonly reply: Reply } | { readonly complaint: string } {
	const reply = judgeReply(text, keys);
	if ("complaint" in reply) return reply;
	const parsed = schema.safeParse(reply.object);
	if (!parsed.success) {
		const issue = parsed.error.issues[0];
		const path = issue?.path.join(".") || "the object";
		return { complaint: `does not have the requested form: ${path}: ${issue?.message ?? "has another form"}` };
	}
	const complaint = check?.(parsed.data);
	return complaint === undefined ? { reply: parsed.data } : { complaint };
}

function failed(code: string, message: string, usage: GraderUsage | undefined): CouldNotRun {
	return { couldNotRun: { code, message }, ...known({ usage }) };
}

/** The object, or a complaint that completes "the reply …". */
type JudgeReply = { readonly object: JsonObject } | { readonly complaint: string };

/**
 * Finds the last object with one of `keys`, outside thinking. An unparsable one counts, too: an
 * earlier one can be a quotation of the answer or a draft.
 */
export function judgeReply(text: string, keys: readonly string[]): JudgeReply {
	const said = withoutThinking(text);
	const last = findJsonValues(said, "is prose").findLast((value) => isVerdict(value, said, keys));
	if (!last) return { complaint: `holds no JSON object with ${keys.map((key) => JSON.stringify(key)).join(" or ")}` };
	if (last.kind === "unreadable") return { complaint: "ends with an object that is not valid JSON" };
	if (last.kind === "too deep") return { complaint: `nests values more than ${deepestJson} levels deep` };
	if (!isObject(last.value)) return { complaint: "is a list, not a JSON object" };
	const twice = (last.duplicates ?? []).find((key) => keys.includes(key));
	return twice === undefined ? { object: last.value } : { complaint: `has the key ${JSON.stringify(twice)} twice` };
}

function isVerdict({ kind, value, start, end }: FoundValue, text: string, keys: readonly string[]): boolean {
	if (kind === "object") return isObject(value) && keys.some((key) => Object.hasOwn(value, key));
	const names = keys.map((key) => key.replace(/\W/g, "\\$&")).join("|");
	return new RegExp(`["']?\\b(?:${names})\\b["']?\\s*[:=]`).test(text.slice(start, end));
}

const token = /\{|<\|?\/?[a-z][\w:-]*\|?(?:\s[^<>]*)?>(?:final\b)?|\[\/?think\]|◁\/?think▷/gi;
const words = "think|thinking|thoughts?|thought_process|reasoning|reflection|scratchpad|analysis|internal_monologue";
/** Names can have a prefix, as in `<seed:think>` and `<antThinking>`. */
const tag = new RegExp(`^[<[◁](/?)((?:[a-z]+:|ant)?(?:${words}))(?:\\s[^<>]*)?[>\\]▷]$`);

interface Edge {
	readonly block: string;
	/** With `closes if open`, an edge without an open block is only the end of a message. */
	readonly kind: "opens" | "closes" | "closes if open";
}

function edgeOf(text: string): Edge | undefined {
	const lower = text.toLowerCase();
	// In the gpt-oss format, only the channel `final` is the reply.
	if (lower.startsWith("<|channel|>")) return { block: "channel", kind: lower.endsWith("final") ? "closes" : "opens" };
	if (lower === "<|end|>") return { block: "channel", kind: "closes if open" };
	if (lower === "<|begin_of_thought|>") return { block: "thought", kind: "opens" };
	if (lower === "<|end_of_thought|>") return { block: "thought", kind: "closes" };
	const match = lower.endsWith("/>") ? null : tag.exec(lower);
	return match ? { block: match[2] ?? "", kind: match[1] === "/" ? "closes" : "opens" } : undefined;
}

/**
 * An unclosed block extends to the end. A closing tag alone also ends a block, because some servers
 * omit the opening tag. Tags inside an object are text.
 */
function withoutThinking(text: string): string {
	let visible = "";
	let from = 0;
	let depth = 0;
	let block = "";
	token.lastIndex = 0;
	for (let match = token.exec(text); match; match = token.exec(text)) {
		const { 0: whole, index } = match;
		if (whole === "{") {
			if (depth === 0) token.lastIndex = Math.max(scanEnd(text, index), index + 1);
			continue;
		}
		const edge = edgeOf(whole);
		if (!edge || (depth > 0 ? edge.block !== block : edge.kind === "closes if open")) continue;
		if (edge.kind === "opens") {
			if (depth === 0) visible += text.slice(from, index);
			block = edge.block;
			depth += 1;
		} else if (depth > 0) {
			depth -= 1;
			from = token.lastIndex;
		} else {
			visible = "";
			from = token.lastIndex;
		}
	}
	return depth > 0 ? visible : visible + text.slice(from);
}

/** Returns the offset at which the object ends or stops being JSON. */
function scanEnd(text: string, start: number): number {
	const scan = scanJson(text, start);
	if (scan.kind === "cut") return text.length;
	return scan.kind === "complete" ? scan.end : scan.at;
}

export async function judgeScore(prompt: string, target: string | undefined, services: GraderServices): Promise<Grade> {
	const answer = await askJudge(
		{ target, prompt, name: "grade", form: scoreForm, reply: scoreReply, keys: scoreReplyKeys },
		services,
	);
	if ("couldNotRun" in answer) return answer;
	const { score, assertions, reasoning, details } = answer.reply;
	const evidence = reasoning || undefined;
	const findings = (assertions ?? []).map((assertion) => ({ ...assertion, evidence: assertion.evidence || undefined }));
	const overall = { text: "the answer meets the criteria", passed: score >= 0.5, evidence };
	return {
		score,
		assertions: (findings.length > 0 ? findings : [overall]).map(known),
		usage: answer.usage,
		...(evidence || details ? { details: { ...known({ reasoning: evidence }), ...details } } : {}),
	};
}

interface Criterion {
	readonly id: string;
	readonly outcome: string;
	readonly weight: number;
	readonly required: boolean;
	readonly contradiction: boolean;
	/** Meanings of scores from 0 to 10; a criterion without them is satisfied or not. */
	readonly ranges: readonly string[];
	readonly minScore: number;
}

export function readCriteria(entries: readonly RubricCriterion[]): Criterion[] {
	return withOwnIds(entries.map(readCriterion));
}

export function criteriaToWire(criteria: readonly Criterion[]): object[] {
	return criteria.map(({ id, outcome, weight, required, contradiction, ranges }) => ({
		...{ id, outcome, weight, required },
		...(contradiction ? { operator: "contradiction" } : {}),
		...(ranges.length > 0 ? { score_ranges: ranges } : {}),
	}));
}

export function rubricText(criteria: readonly Criterion[]): string {
	return `The rubric:\n${criteria.map(asText).join("\n")}\n\n${rubricFormText}`;
}

/**
 * The score is the satisfied weight over the total; unsatisfied required criteria state a failure.
 */
export async function judgeRubric(
	criteria: readonly Criterion[],
	prompt: string,
	target: string | undefined,
	services: GraderServices,
): Promise<Grade> {
	const answer = await askJudge(
		{
			...{ target, prompt, name: "rubric", form: rubricForm, reply, keys: ["criteria", "checks"] },
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

/** Equal ids would be indistinguishable in a reply. */
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

const rubricForm = z.strictObject({
	criteria: z.array(z.strictObject({ id: z.string(), score: z.number(), evidence: z.string() })),
});

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

function scaled({ id, ranges }: Criterion, entries: readonly Check[]): number | undefined {
	const entry = entries.find((candidate) => candidate.id === id);
	const reported = entry?.score ?? undefined;
	if (ranges.length > 0) return reported === undefined ? undefined : reported / 10;
	if (typeof entry?.satisfied !== "boolean") return reported !== undefined && reported <= 1 ? reported : undefined;
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

/** Authors' prompts can also request `details`. */
const scoreReply = z.object({
	score: z.number().min(0).max(1),
	assertions: z.array(z.object({ text: z.string(), passed: z.boolean(), evidence: z.string().nullish() })).optional(),
	reasoning: z.string().nullish(),
	details: z.record(z.string(), z.unknown()).optional(),
});

const scoreForm = z.strictObject({
	score: z.number().describe("from 0 to 1"),
	assertions: z.array(z.strictObject({ text: z.string(), passed: z.boolean(), evidence: z.string() })),
	reasoning: z.string(),
});

/** An object without any of these is not the reply. */
const scoreReplyKeys: readonly string[] = Object.keys(scoreForm.shape);

export function addUsage(a: GraderUsage | undefined, b: GraderUsage | undefined): GraderUsage | undefined {
	if (!a || !b) return a ?? b;
	const { model, target } = b;
	return {
		target: a.target === target ? target : `${a.target}, ${target}`,
		...(model === undefined || a.model !== model ? {} : { model }),
		...addCosts(a, b),
	};
}
