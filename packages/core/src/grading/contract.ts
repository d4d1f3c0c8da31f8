import type { z } from "zod";
import type { CommandRunner } from "../eval/command.ts";
import type { EvalScope } from "../eval/discover-evals.ts";
import type { Assertion, AssertionWith } from "../eval/eval-types.ts";
import type { DiskView } from "../eval/source.ts";
import { strictWireObject, wireObject } from "../format/codec.ts";
import { commonFields, type ToolCall } from "../format/eval-file.ts";
import type { GradedRecord } from "../format/run-file.ts";
import type { Scratch } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import {
	type AnswerMessage,
	known,
	type RequestMessage,
	type TargetAnswer,
	type TargetFailure,
	type TokenUsage,
} from "../targets/contract.ts";

export type Grade = Score | CouldNotRun;

export interface Finding {
	readonly text: string;
	readonly passed: boolean;
	readonly evidence?: string | undefined;
}

export interface Score {
	/** From 0 to 1. */
	readonly score: number;
	readonly assertions: readonly Finding[];
	/** A stated failure fails the grader and the test, regardless of the score. */
	readonly stated?: "pass" | "fail";
	/** Recorded unchanged, except for redacted secrets. */
	readonly details?: Readonly<Record<string, unknown>>;
	/** Of grading itself; excludes the tested target. */
	readonly usage?: GraderUsage;
	/** Of a composite's graders. */
	readonly parts?: readonly GraderResult[];
}

export interface GraderUsage {
	readonly target: string;
	readonly model?: string;
	readonly tokenUsage?: TokenUsage;
	readonly costUsd?: number;
}

/** The grader gave no result: the test becomes an execution error, never a low score. */
export interface CouldNotRun {
	readonly couldNotRun: {
		/**
		 * Stable: `not-found`, `timeout`, `signal`, `exit-code`, `model`, `bad-reply`, `no-data`,
		 * `crashed`.
		 */
		readonly code: string;
		/** A sentence without a full stop. */
		readonly message: string;
	};
	readonly usage?: GraderUsage;
	/** Of a composite's graders, including those that could not run. */
	readonly parts?: readonly GraderResult[];
}

/** After the assertion's `negate` and `min_score`. */
export interface GradedAssertion extends Omit<Score, "parts"> {
	readonly name: string;
	readonly type: string;
	readonly weight: number;
	readonly required: boolean;
	readonly verdict: "pass" | "fail";
	/** The grader itself fails the answer, and with it the test, despite a passing score. */
	readonly veto?: true;
	readonly parts?: readonly GraderResult[];
}

interface UngradedAssertion extends Pick<GradedAssertion, "name" | "type" | "weight" | "required" | "usage" | "parts"> {
	readonly verdict: "not_judged";
	readonly score: null;
	readonly assertions: readonly Finding[];
	readonly error: CouldNotRun["couldNotRun"];
}

export type GraderResult = GradedAssertion | UngradedAssertion;

export interface Subject {
	readonly testId: string;
	readonly attempt: number;
	readonly input: readonly RequestMessage[];
	/** As one text, as the target received it. */
	readonly prompt: string;
	/** Applies `preprocessors`; read on first use. */
	readonly inputFiles: () => Promise<readonly InputFileText[]>;
	readonly criteria?: string;
	readonly expectedOutput?: string;
	/** The final answer, or its beginning if there is an `outputFile`. */
	readonly output: string;
	/** The whole answer, if it is too large for memory. */
	readonly outputFile?: string;
	readonly messages: readonly AnswerMessage[];
	readonly toolCalls: readonly ToolCall[];
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly tokenUsage?: TokenUsage;
	readonly costUsd?: number;
	readonly durationMs?: number;
	readonly llmCalls?: number;
	/** Unified diff of the target's workspace changes. */
	readonly fileChanges?: string;
	readonly workspacePath?: string;
	/** A `required` grader without `min_score` must reach it. */
	readonly threshold: number;
}

export interface InputFileText {
	readonly path: string;
	/** Absolute. */
	readonly file: string;
	readonly text?: string;
}

export interface GraderServices {
	readonly env: Environment;
	readonly scope: EvalScope;
	readonly view: DiskView;
	readonly runCommand: CommandRunner;
	/** Describe the attempt to programs, for example `AGENTV_WORKSPACE_PATH`. */
	readonly programEnv: Readonly<Record<string, string>>;
	/** Created on first use, and removed once the attempt is recorded. */
	readonly scratch: Scratch;
	readonly signal: AbortSignal;
	readonly gradePart: (assertion: Assertion, subject: Subject) => Promise<GraderResult>;
	/**
	 * Calls `target`, else the tested target's `grader_target`, else the tested target if it is an
	 * LLM. The runner retries transient errors, and the grader retries bad replies.
	 */
	readonly askModel: (question: GraderQuestion) => Promise<GraderReply>;
}

export interface GraderQuestion {
	readonly target?: string;
	readonly messages: readonly RequestMessage[];
	readonly answerSchema?: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> };
	readonly isUsable?: (answer: TargetAnswer) => boolean;
}

export type GraderReply =
	| { readonly ok: true; readonly answer: TargetAnswer; readonly usage: GraderUsage }
	| { readonly ok: false; readonly failure: TargetFailure; readonly usage?: GraderUsage };

export function graderName(assertion: Assertion): Pick<GraderResult, "name" | "type" | "weight" | "required"> {
	const { name, weight, required } = assertion;
	return { name, type: assertion.type === "custom" ? assertion.customType : assertion.type, weight, required };
}

export function isGraded(result: GraderResult): result is GradedAssertion {
	return result.verdict !== "not_judged";
}

export function ungraded(assertion: Assertion, { couldNotRun, usage, parts }: CouldNotRun): UngradedAssertion {
	return {
		...{ ...graderName(assertion), verdict: "not_judged", score: null, assertions: [], error: couldNotRun },
		...(usage ? { usage } : {}),
		...(parts ? { parts } : {}),
	};
}

/**
 * Compares the recorded score with the current `min_score` or threshold. Excludes usage, which was
 * counted when the result was made.
 */
export function recordedResult(assertion: Assertion, record: GradedRecord, threshold: number): GraderResult {
	const { score, assertions, details, veto, stated = veto ? "fail" : undefined, error = unknownError } = record;
	const parts = record.parts?.flatMap((part, index) => {
		const inner = assertion.parts?.[index];
		return inner ? [recordedResult(inner, part, threshold)] : [];
	});
	if (score === null) return ungraded(assertion, { couldNotRun: error, ...(parts ? { parts } : {}) });
	const said = stated ? { stated } : {};
	return {
		...{ ...graderName(assertion), score, assertions, ...said },
		...verdictOf({ score, ...said }, barOf(assertion, { threshold })),
		...(details ? { details } : {}),
		...(parts ? { parts } : {}),
	};
}

export const unknownError = { code: "unknown", message: "its recorded score is missing" };

interface Bound {
	readonly what: string;
	readonly unit: string;
	/** Undefined if the target did not report it. */
	readonly actual: number | undefined;
	readonly most: number | undefined;
}

/** Skips unknown amounts; `more` findings count like bounds. */
export function boundsScore(
	bounds: readonly Bound[],
	more: readonly Finding[] = [],
	alsoUnknown: readonly string[] = [],
): Score | CouldNotRun {
	const findings: Finding[] = [];
	const unknown: string[] = [];
	for (const { what, unit, actual, most } of bounds) {
		if (most === undefined) continue;
		const amount = (value: number) => `${Math.round(value * 1e6) / 1e6}${unit === "" ? "" : ` ${unit}`}`;
		if (actual === undefined || !Number.isFinite(actual)) unknown.push(what);
		else findings.push({ text: `${what}: at most ${amount(most)}`, passed: actual <= most, evidence: amount(actual) });
	}
	findings.push(...more);
	unknown.push(...alsoUnknown);
	if (findings.length === 0) return noData(unknown);
	return shareScore(findings, unknown.length > 0 ? { not_reported: unknown } : undefined);
}

function noData(unknown: readonly string[]): CouldNotRun {
	if (unknown.length === 0) return { couldNotRun: { code: "no-data", message: "the grader sets no limit" } };
	const list = unknown.length === 1 ? unknown[0] : `${unknown.slice(0, -1).join(", ")} and ${unknown.at(-1)}`;
	return { couldNotRun: { code: "no-data", message: `the target does not report ${list}` } };
}

/** Sums of fractions have errors of about 1e-16: scores this close are equal. */
const closeEnough = 1e-9;

export function reaches(score: number, bar: number): boolean {
	return score >= bar - closeEnough;
}

export function barOf(
	assertion: { readonly minScore?: number | undefined },
	subject: { readonly threshold: number },
): number {
	return assertion.minScore ?? subject.threshold;
}

/** A grader's own score doesn't outvote a stated failure: that is a veto. */
export function verdictOf(
	{ score, stated }: Pick<Score, "score" | "stated">,
	bar: number,
): { readonly verdict: "pass" | "fail"; readonly veto?: true } {
	if (!reaches(score, bar)) return { verdict: "fail" };
	return stated === "fail" ? { verdict: "fail", veto: true } : { verdict: "pass" };
}

export function sameScore(a: number, b: number): boolean {
	return Math.abs(a - b) <= closeEnough;
}

export function binaryScore(passed: boolean, text: string, evidence?: string): Score {
	return { score: passed ? 1 : 0, assertions: [{ text, passed, ...known({ evidence }) }] };
}

export function shareScore(assertions: readonly Finding[], details?: Readonly<Record<string, unknown>>): Score {
	const passed = assertions.filter((assertion) => assertion.passed).length;
	return {
		score: assertions.length === 0 ? 0 : passed / assertions.length,
		assertions,
		...(details ? { details } : {}),
	};
}

/** Returns the plain mean if all weights are 0, and 0 for an empty list. */
export function weightedMean(scores: readonly { readonly score: number; readonly weight: number }[]): number {
	if (scores.length === 0) return 0;
	const total = scores.reduce((sum, { weight }) => sum + weight, 0);
	if (total === 0) return scores.reduce((sum, { score }) => sum + score, 0) / scores.length;
	return scores.reduce((sum, { score, weight }) => sum + score * weight, 0) / total;
}

/** For a cached answer, the original figures. */
export interface Measures {
	readonly durationMs?: number | undefined;
	readonly tokenUsage?: TokenUsage | undefined;
	readonly costUsd?: number | undefined;
	readonly llmCalls?: number | undefined;
}

interface RecordedFigures extends Measures {
	readonly cached?: Omit<Measures, "llmCalls"> | undefined;
}

export function measuresOf({ durationMs, tokenUsage, costUsd, llmCalls, cached }: RecordedFigures): Measures {
	return { ...(cached ?? { durationMs, tokenUsage, costUsd }), llmCalls };
}

/** A figure that one turn lacks is unknown for the total. */
export function addMeasures(a: Measures, b: Measures): Measures {
	return {
		durationMs: add(a.durationMs, b.durationMs),
		tokenUsage: a.tokenUsage && b.tokenUsage && addTokens(a.tokenUsage, b.tokenUsage, add),
		costUsd: add(a.costUsd, b.costUsd),
		llmCalls: add(a.llmCalls, b.llmCalls),
	};
}

function add(a: number | undefined, b: number | undefined): number | undefined {
	return a === undefined || b === undefined ? undefined : a + b;
}

export interface Costs {
	readonly tokenUsage?: TokenUsage;
	/** US dollars. */
	readonly costUsd?: number;
}

interface KnownCosts {
	readonly tokenUsage?: TokenUsage | undefined;
	readonly costUsd?: number | undefined;
}

/** Unknown if neither call reports a figure. */
export function addCosts(a: KnownCosts | undefined, b: KnownCosts | undefined): Costs {
	const [first, second] = [a?.tokenUsage, b?.tokenUsage];
	const tokenUsage = first && second ? addTokens(first, second, addAmounts) : (first ?? second);
	const costUsd = addAmounts(a?.costUsd, b?.costUsd);
	return known({ tokenUsage, costUsd });
}

export function addAmounts(a: number | undefined, b: number | undefined): number | undefined {
	return a === undefined ? b : a + (b ?? 0);
}

/** Adds up the costs of any number of calls; a figure that none reports stays unknown. */
export function sumCosts(usages: Iterable<KnownCosts>): Costs {
	let sum: Costs = {};
	for (const usage of usages) sum = addCosts(sum, usage);
	return sum;
}

/** @param add returns the sum of two counts if one of them is unknown */
function addTokens(
	a: TokenUsage,
	b: TokenUsage,
	add: (a: number | undefined, b: number | undefined) => number | undefined,
): TokenUsage {
	const cached = add(a.cached, b.cached);
	const reasoning = add(a.reasoning, b.reasoning);
	return { input: a.input + b.input, output: a.output + b.output, ...known({ cached, reasoning }) };
}

/** Compares JSON values deeply, ignoring the order of keys. */
export function sameValue(a: unknown, b: unknown): boolean {
	if (a === b) return true;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
	if (Array.isArray(a) !== Array.isArray(b)) return false;
	const keys = Object.keys(a);
	return (
		keys.length === Object.keys(b).length &&
		keys.every(
			(key) =>
				Object.hasOwn(b, key) && sameValue((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
		)
	);
}

export interface Grading<Graded> {
	/** Increment when the same answer may get another result; part of the row's fingerprint. */
	readonly version?: string;
	/**
	 * Whether a recorded answer suffices for the same score everywhere, without a program, model,
	 * file or service. `results verify` grades such answers again.
	 */
	reproducible(assertion: Graded): boolean;
	/**
	 * Returns a raw score before `negate`, `min_score`, `required` and `weight`. Returns
	 * `CouldNotRun` instead of rejecting if a program or model fails.
	 */
	grade(assertion: Graded, subject: Subject, services: GraderServices): Grade | Promise<Grade>;
}

type Settings<Options extends z.ZodRawShape> = z.output<z.ZodObject<typeof commonFields & Options>>;

interface GraderDefinition<Type extends string, Options extends z.ZodRawShape>
	extends Grading<AssertionWith<Type, Settings<Options>>> {
	readonly type: Type;
	/** Deprecated spellings; the `snake_case` form of every type is always accepted. */
	readonly aliases?: readonly string[];
	/** Describes the score for the table in docs/evals.md. */
	readonly score: string;
	/** Excludes the fields of every grader. */
	readonly options: Options;
	/** Keys other than its fields are its program's `config`. */
	readonly takesConfig?: true;
	/** What is read from its `command`, `prompt` or `assertions`. */
	readonly holds?: "command" | "prompt" | "assertions";
	/** Uses only the answer's duration, tokens and cost. */
	readonly measures?: true;
	model?(settings: Settings<Options>): GraderModel | undefined;
}

export interface GraderModel {
	readonly target: string | undefined;
	readonly path: readonly string[];
}

/** A type of assertion: one file for each topic in `graders/`, one line for each in the list. */
export interface Grader<Type extends string, Options extends z.ZodRawShape> extends GraderDefinition<Type, Options> {
	readonly schema: ReturnType<typeof strictWireObject<typeof commonFields & Options>>;
}

export function defineGrader<const Type extends string, Options extends z.ZodRawShape>(
	definition: GraderDefinition<Type, Options>,
): Grader<Type, Options> {
	const fields = { ...commonFields, ...definition.options };
	return { ...definition, schema: definition.takesConfig ? wireObject(fields) : strictWireObject(fields) };
}

export type AnyGrader = Grader<string, z.ZodRawShape>;
