import { isUtf8 } from "node:buffer";
import { extname } from "node:path";
import type { CommandRunner } from "../eval/command.ts";
import type { Assertion, BuiltInAssertion, Preprocessor } from "../eval/eval-types.ts";
import { openDiskView } from "../eval/source.ts";
import { toWire } from "../format/codec.ts";
import { customAssertionSchema } from "../format/eval-file.ts";
import type { ExecutionStatus, GradedRecord } from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { lookUp } from "../lib/interpolate.ts";
import { readBytes } from "../machine/read-file.ts";
import type { RequestMessage } from "../targets/contract.ts";
import {
	barOf,
	type CouldNotRun,
	type Grade,
	type GradedAssertion,
	type GraderResult,
	type GraderServices,
	graderName,
	type InputFileText,
	isGraded,
	reaches,
	recordedResult,
	type Score,
	type Subject,
	sameScore,
	ungraded,
	unknownError,
	verdictOf,
	weightedMean,
} from "./contract.ts";
import { type AssertionType, graders, gradingOf } from "./graders/index.ts";
import { addUsage } from "./judge.ts";
import { notRun } from "./run-program.ts";

/** With `parts`, the grader runs again, with a choice for each part. */
export type RegradeChoice = "keep" | "parts" | "regrade";

export interface EarlierResults {
	readonly records: readonly GradedRecord[];
	readonly choose: (assertion: Assertion, record: GradedRecord) => RegradeChoice;
	readonly countsUsage: boolean;
	/** Why graders can't run again, if the recorded answer is not the original one. */
	readonly refusal?: CouldNotRun["couldNotRun"];
}

/**
 * Grades an answer sequentially. A grader that can't run gets a result without a score and doesn't
 * stop others. Stops early once `services.signal` is aborted.
 * @param earlier results to keep; by default every grader runs
 */
export async function gradeAnswer(
	assertions: readonly Assertion[],
	subject: Subject,
	services: GradingServices,
	earlier?: EarlierResults,
): Promise<GraderResult[]> {
	const records = [...(earlier?.records ?? [])];
	const results: GraderResult[] = [];
	for (const assertion of assertions) {
		results.push(await gradeOrKeep(assertion, takeRecord(records, assertion), subject, services, earlier));
		if (services.signal.aborted) break;
	}
	return results;
}

async function gradeOrKeep(
	assertion: Assertion,
	record: GradedRecord | undefined,
	subject: Subject,
	services: GradingServices,
	earlier: EarlierResults | undefined,
): Promise<GraderResult> {
	const choice = record && earlier ? earlier.choose(assertion, record) : "regrade";
	if (record && choice === "keep")
		return withUsage(recordedResult(assertion, record, subject.threshold), record, earlier);
	if (earlier?.refusal && choice === "regrade" && looksAtAnswer(assertion))
		return ungraded(assertion, { couldNotRun: earlier.refusal });
	const parts = choice === "parts" ? [...(record?.parts ?? [])] : [];
	const result = await gradeAssertion(assertion, subject, services, (part, of) =>
		gradeOrKeep(part, takeRecord(parts, part), of, services, earlier),
	);
	return record ? withUsage(result, record, earlier) : result;
}

export function gradersToRun(assertions: readonly Assertion[], earlier: EarlierResults): Assertion[] {
	const records = [...earlier.records];
	return assertions.flatMap((assertion) => toRun(assertion, takeRecord(records, assertion), earlier));
}

function toRun(assertion: Assertion, record: GradedRecord | undefined, earlier: EarlierResults): Assertion[] {
	const choice = record ? earlier.choose(assertion, record) : "regrade";
	if (choice === "keep" || (choice === "regrade" && earlier.refusal)) return [];
	const parts = choice === "parts" ? [...(record?.parts ?? [])] : [];
	return [assertion, ...(assertion.parts ?? []).flatMap((part) => toRun(part, takeRecord(parts, part), earlier))];
}

function looksAtAnswer({ type }: Assertion): boolean {
	return type === "custom" || !graders[type].measures;
}

function takeRecord(records: GradedRecord[], assertion: Assertion): GradedRecord | undefined {
	const { type } = graderName(assertion);
	const index = records.findIndex((record) => record.name === assertion.name && record.type === type);
	return index === -1 ? undefined : records.splice(index, 1)[0];
}

function withUsage(result: GraderResult, record: GradedRecord, earlier: EarlierResults | undefined): GraderResult {
	// A composite's usage includes that of its parts, whose records are added separately.
	if (!earlier?.countsUsage || !record.usage || (record.parts && isGraded(result) && result.usage)) return result;
	const usage = addUsage(record.usage as GraderResult["usage"], result.usage);
	return usage ? { ...result, usage } : result;
}

export type GradingServices = Omit<GraderServices, "gradePart">;

/** Never rejects. @param gradePart grades the parts of a composite */
export async function gradeAssertion(
	assertion: Assertion,
	subject: Subject,
	services: GradingServices,
	gradePart: GraderServices["gradePart"] = (part, of) => gradeAssertion(part, of, services),
): Promise<GraderResult> {
	const grade = await rawGrade(assertion, subject, { ...services, gradePart });
	if ("couldNotRun" in grade) return ungraded(assertion, grade);
	const score = assertion.negate ? negated(grade) : grade;
	return { ...score, ...graderName(assertion), ...verdictOf(score, barOf(assertion, subject)) };
}

async function rawGrade(assertion: Assertion, subject: Subject, services: GraderServices): Promise<Grade> {
	try {
		return await gradingOf(assertion).grade(assertion, subject, services);
	} catch (error) {
		// A crash must not become a low score: the test was not graded.
		const reason = error instanceof Error ? error.message : String(error);
		const code = error instanceof AgentvError ? error.code : "crashed";
		return { couldNotRun: { code, message: `the grader ${assertion.name} failed: ${reason}` } };
	}
}

function negated(score: Score): Score {
	const { stated } = score;
	return {
		...score,
		...(stated ? { stated: stated === "pass" ? "fail" : "pass" } : {}),
		score: 1 - score.score,
		assertions: score.assertions.map((finding) => ({
			...finding,
			text: `not: ${finding.text}`,
			passed: !finding.passed,
		})),
	};
}

/** Returns the weighted mean, or 0 if a required grader fails. */
export function combineScores(graded: readonly GradedAssertion[]): number {
	if (graded.some(({ required, verdict }) => required && verdict === "fail")) return 0;
	return weightedMean(graded);
}

type TurnAggregation = "mean" | "min" | "max";

interface TurnScores {
	/** Of turns with their own graders, except skipped ones. */
	readonly scores: readonly number[];
	/** Turns with graders that count as failed, because an earlier failure skipped them. */
	readonly unheld: number;
	readonly aggregation: TurnAggregation;
}

/** @param whole score of the graders for the whole answer; absent if there are none */
export function attemptScore(turns: TurnScores | undefined, whole: number | undefined): number {
	if (!turns || (turns.scores.length === 0 && whole !== undefined)) return whole ?? 0;
	const score = aggregate([...turns.scores, ...new Array<number>(turns.unheld).fill(0)], turns.aggregation);
	// All turns together weigh as much as the graders of the whole conversation.
	return whole === undefined ? score : (score + whole) / 2;
}

/**
 * A failed required grader removes the score and a veto fails it, even if other graders could not
 * run. Otherwise an attempt is graded only if every grader gave a score.
 */
export function attemptVerdict(
	score: number,
	threshold: number,
	results: readonly GraderResult[],
): { readonly score: number; readonly status: ExecutionStatus } {
	const graded = results.filter(isGraded);
	if (graded.some(({ required, verdict }) => required && verdict === "fail"))
		return { score: 0, status: "quality_failure" };
	if (graded.some(({ veto }) => veto)) return { score, status: "quality_failure" };
	if (graded.length < results.length) return { score: 0, status: "execution_error" };
	return { score, status: reaches(score, threshold) ? "ok" : "quality_failure" };
}

function aggregate(scores: readonly number[], how: TurnAggregation): number {
	if (scores.length === 0) return 0;
	if (how === "min") return Math.min(...scores);
	if (how === "max") return Math.max(...scores);
	return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

export function isReproducible(assertion: Assertion): boolean {
	return gradingOf(assertion).reproducible(assertion);
}

/** Writes an assertion as in evals, without defaults, for an attempt's file. */
export function assertionRecord(assertion: Assertion): Record<string, unknown> {
	const { name, weight, required, minScore, negate, parts } = assertion;
	const { type } = graderName(assertion);
	return {
		type,
		...(name === type ? {} : { name }),
		...(weight === 1 ? {} : { weight }),
		...(required ? { required } : {}),
		...(minScore === undefined ? {} : { min_score: minScore }),
		...(negate ? { negate } : {}),
		...(isReproducible(assertion) ? settingsRecord(assertion) : {}),
		...(parts ? { assertions: parts.map(assertionRecord) } : {}),
	};
}

const common = new Set(["type", "name", "weight", "required", "minScore", "negate", "assertions", "evaluators"]);

function settingsRecord(assertion: Assertion): Record<string, unknown> {
	const own = Object.fromEntries(Object.entries(assertion.settings).filter(([key]) => !common.has(key)));
	// These are the only steps inside settings that AgentV parses; deeper values are the author's.
	if (assertion.type === "tool-trajectory" && assertion.settings.expected)
		own.expected = assertion.settings.expected.map(toWire);
	return toWire(own);
}

/**
 * Returns undefined if invalid. Types that can't be graded again become a custom, irreproducible
 * type.
 */
export function readAssertionRecord(record: unknown): Assertion | undefined {
	const read = customAssertionSchema.safeParse(record);
	if (!read.success) return undefined;
	const { assertions } = record as { readonly assertions?: unknown };
	const parts = assertions === undefined ? undefined : readAssertionRecords(assertions);
	if (assertions !== undefined && !parts) return undefined;
	const { type, name = type, weight = 1, required = false, minScore, negate = false } = read.data;
	const base = {
		...{ name, weight, negate, required: required !== false, at: { file: "", path: [] }, base: "", rest: {} },
		...(minScore === undefined ? {} : { minScore }),
		...(parts ? { parts } : {}),
	};
	const settings = Object.hasOwn(graders, type) ? graders[type as AssertionType].schema.safeParse(record) : undefined;
	const builtIn = settings?.success
		? ({ ...base, type, settings: settings.data } as unknown as BuiltInAssertion)
		: undefined;
	if (builtIn && isReproducible(builtIn)) return builtIn;
	return { ...base, type: "custom", customType: type, program: "", settings: {} };
}

export function readAssertionRecords(records: unknown): Assertion[] | undefined {
	if (!Array.isArray(records)) return undefined;
	const read = records.map(readAssertionRecord);
	const known = read.flatMap((assertion) => assertion ?? []);
	return known.length === read.length ? known : undefined;
}

type TakenOver = "not-reproducible" | "masked" | "timeout";

export interface Regraded {
	/** Names, from the outermost composite to the grader. */
	readonly path: readonly string[];
	readonly type: string;
	readonly recorded: GradedRecord | undefined;
	readonly now: GraderResult | undefined;
	/** Why the recorded score is kept; absent if the answer was graded again. */
	readonly takenOver?: TakenOver;
}

interface RegradeOptions {
	/** Whether secrets were redacted, so that a different score proves nothing. */
	readonly isRedacted: boolean;
	/** Called for every grader; for the parts of a composite before the composite. */
	readonly seen: (regraded: Regraded) => void;
}

/** @returns what counts for the test's score; undefined if unknown */
export async function regrade(
	assertion: Assertion,
	recorded: GradedRecord | undefined,
	subject: Subject,
	options: RegradeOptions,
	around: readonly string[] = [],
): Promise<GraderResult | undefined> {
	const path = [...around, assertion.name];
	const { type } = graderName(assertion);
	const parts = new Map<Assertion, GraderResult | undefined>();
	for (const [index, part] of (assertion.parts ?? []).entries())
		parts.set(part, await regrade(part, recorded?.parts?.[index], subject, options, path));
	const again = isReproducible(assertion)
		? await gradeAssertion(
				assertion,
				subject,
				noServices,
				async (part) => parts.get(part) ?? ungraded(part, { couldNotRun: unknownError }),
			)
		: undefined;
	const takenOver = whyTakenOver(again, recorded, options);
	const now = takenOver ? recorded && recordedResult(assertion, recorded, subject.threshold) : again;
	options.seen({ path, type, recorded, now, ...(takenOver ? { takenOver } : {}) });
	return now;
}

function whyTakenOver(
	again: GraderResult | undefined,
	recorded: GradedRecord | undefined,
	{ isRedacted }: RegradeOptions,
): TakenOver | undefined {
	if (!again) return "not-reproducible";
	// A slow machine can hit a time limit that the run did not.
	if (!isGraded(again) && again.error.code === "timeout" && recorded?.error?.code !== "timeout") return "timeout";
	const agrees = recorded && isGraded(again) && recorded.score !== null && sameScore(again.score, recorded.score);
	return isRedacted && !agrees ? "masked" : undefined;
}

function refuse(): never {
	throw new AgentvError("failed", "a reproducible grader asked for a service");
}

/** Reproducible graders use none of these. */
const noServices: GradingServices = {
	env: {},
	scope: { directory: "/", root: "/", rootKind: "eval-directory" },
	view: openDiskView(),
	runCommand: refuse,
	programEnv: {},
	scratch: { path: "", make: refuse },
	signal: new AbortController().signal,
	askModel: refuse,
};

interface InputTextOptions {
	readonly preprocessors: readonly Preprocessor[];
	readonly runCommand: CommandRunner;
	readonly signal: AbortSignal;
}

/**
 * Uses the preprocessor of the extension or media type; without one, text stays unchanged.
 * @throws AgentvError
 */
export async function inputTexts(
	messages: readonly RequestMessage[],
	options: InputTextOptions,
): Promise<InputFileText[]> {
	const texts: InputFileText[] = [];
	for (const { content } of messages) {
		for (const piece of content) {
			if (piece.type === "text") continue;
			const text = await textOf(piece.path, piece.name, piece.mediaType, options);
			texts.push({ path: piece.name, file: piece.path, ...(text === undefined ? {} : { text }) });
		}
	}
	return texts;
}

const mediaTypes: Readonly<Record<string, string>> = {
	pdf: "application/pdf",
	docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	csv: "text/csv",
	html: "text/html",
	json: "application/json",
	md: "text/markdown",
	txt: "text/plain",
	png: "image/png",
	jpg: "image/jpeg",
	jpeg: "image/jpeg",
};

/** Returns undefined for a binary file without a preprocessor. @throws AgentvError */
export async function textOf(
	file: string,
	name: string,
	declared: string | undefined,
	{ preprocessors, runCommand, signal }: InputTextOptions,
): Promise<string | undefined> {
	const ending = extname(file).slice(1).toLowerCase();
	const mediaType = declared ?? lookUp(mediaTypes, ending) ?? "application/octet-stream";
	const preprocessor = preprocessors.find(
		({ type }) => type === mediaType || type.replace(/^\./, "").toLowerCase() === ending,
	);
	if (!preprocessor) {
		const bytes = readBytes(file);
		return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
	}
	const result = await runCommand(preprocessor.command, {
		input: JSON.stringify({ path: file, original_path: name, media_type: mediaType }),
		timeoutMs: (preprocessor.timeoutSeconds ?? 60) * 1000,
		signal,
	});
	const what = `the preprocessor of ${name}`;
	const failed = notRun(what, result)?.couldNotRun.message;
	if (failed !== undefined) throw new AgentvError("not-runnable", failed);
	if (result.truncated) throw new AgentvError("not-runnable", `${what} printed too much, so its output was truncated`);
	if (result.exitCode === 0) return result.stdout;
	throw new AgentvError("not-runnable", `${what} exited with ${result.exitCode}: ${result.stderr.trim().slice(-1000)}`);
}
