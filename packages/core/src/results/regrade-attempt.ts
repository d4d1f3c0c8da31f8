import type { Assertion } from "../eval/eval-types.ts";
import type { ToolCall } from "../format/eval-file.ts";
import type { AttemptFile, AttemptTurn, ExecutionStatus, GradedRecord } from "../format/run-file.ts";
import {
	addMeasures,
	type GraderResult,
	isGraded,
	type Measures,
	measuresOf,
	type Subject,
} from "../grading/contract.ts";
import {
	attemptScore,
	attemptVerdict,
	combineScores,
	type Regraded,
	readAssertionRecords,
	regrade,
} from "../grading/grade-answer.ts";

/** The result of grading a recorded answer again. */
interface RegradedAttempt {
	readonly graders: readonly Regraded[];
	/** Expected number of results, if the record has another one. */
	readonly expectedScores?: number;
	/** Absent if a grader neither runs again nor has a recorded result. */
	readonly score?: number;
	readonly status?: ExecutionStatus;
}

/**
 * Grades an attempt again by its file.
 * @param fileOf resolves a path in the file
 * @returns undefined if the file has no graders
 */
export async function regradeAttempt(
	file: AttemptFile,
	fileOf: (path: string) => string,
): Promise<RegradedAttempt | undefined> {
	const whole = readAssertionRecords(file.assertions);
	const turns = file.turns?.map((turn) => readAssertionRecords(turn.assertions));
	if (!whole || turns?.includes(undefined)) return undefined;
	const regrader = new Regrader(file, fileOf);
	const turnScores: (number | undefined)[] = [];
	for (const [index, turn] of (file.turns ?? []).entries()) {
		const assertions = (turns?.[index] ?? []).map((one) => ({ ...one, name: `turn ${index + 1}: ${one.name}` }));
		const subject = regrader.turnSubject(turn);
		if (assertions.length > 0) turnScores.push(await regrader.grade(assertions, subject));
	}
	const wholeScore =
		whole.length === 0 && file.turns ? undefined : await regrader.grade(whole, regrader.wholeSubject());
	const { graders, results, expected } = regrader;
	const count = expected === file.scores.length ? {} : { expectedScores: expected };
	if (results.length < expected) return { graders, ...count };
	const held = file.turns && {
		scores: turnScores.flatMap((score) => score ?? []),
		unheld: file.unheldTurns ?? 0,
		aggregation: file.aggregation ?? "mean",
	};
	return { graders, ...count, ...attemptVerdict(attemptScore(held, wholeScore), file.threshold, results) };
}

/** Visits the graders of an attempt in recorded order. */
class Regrader {
	readonly graders: Regraded[] = [];
	/** Results of the graders that count. */
	readonly results: GraderResult[] = [];
	/** Number of graders that count. */
	expected = 0;
	readonly #file: AttemptFile;
	readonly #fileOf: (path: string) => string;
	readonly #scores: readonly GradedRecord[];
	readonly #toolCalls: readonly (readonly ToolCall[])[];
	#message = 0;

	constructor(file: AttemptFile, fileOf: (path: string) => string) {
		this.#file = file;
		this.#fileOf = fileOf;
		this.#scores = file.scores;
		this.#toolCalls = (file.messages ?? []).map(({ toolCalls }) => toolCalls ?? []);
	}

	/** @returns the score; undefined if one of the graders has none */
	async grade(assertions: readonly Assertion[], subject: Subject): Promise<number | undefined> {
		const results: GraderResult[] = [];
		for (const assertion of assertions) {
			const recorded = this.#scores[this.expected];
			this.expected += 1;
			const one = await regrade(assertion, recorded, subject, {
				isRedacted: this.#file.masked === true,
				seen: (regraded) => this.graders.push(regraded),
			});
			if (one) results.push(one);
		}
		this.results.push(...results);
		const graded = results.filter(isGraded);
		return graded.length < assertions.length ? undefined : combineScores(graded);
	}

	wholeSubject(): Subject {
		const { turns } = this.#file;
		const [first, ...more] = (turns ?? [this.#file]).map(measuresOf);
		const measures = more.reduce((sum, turn) => addMeasures(sum, turn), first ?? {});
		return this.#subject(this.#file, measures, this.#toolCalls.flat());
	}

	/** Returns the subject of the next turn, with the tool calls of the next messages. */
	turnSubject(turn: AttemptTurn): Subject {
		const from = this.#message;
		this.#message += turn.messageCount;
		return this.#subject(turn, measuresOf(turn), this.#toolCalls.slice(from, this.#message).flat());
	}

	#subject(answer: AttemptFile | AttemptTurn, measures: Measures, toolCalls: readonly ToolCall[]): Subject {
		const { output, outputPath, expectedOutput } = answer;
		const { durationMs, tokenUsage, costUsd, llmCalls } = measures;
		const { testId, attempt, threshold, metadata } = this.#file;
		return {
			...{ testId, attempt, threshold, metadata, toolCalls },
			output: output ?? "",
			// Reproducible graders use none of these.
			...{ input: [], prompt: "", messages: [], inputFiles: async () => [] },
			...(outputPath === undefined ? {} : { outputFile: this.#fileOf(outputPath) }),
			...(durationMs === undefined ? {} : { durationMs }),
			...(tokenUsage === undefined ? {} : { tokenUsage }),
			...(costUsd === undefined ? {} : { costUsd }),
			...(llmCalls === undefined ? {} : { llmCalls }),
			...(expectedOutput === undefined ? {} : { expectedOutput }),
		};
	}
}
