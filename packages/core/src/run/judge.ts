import type { GradedAssertion, Subject } from "../grading/contract.ts";
import { combineScores, type GradingServices, gradeAssertion } from "../grading/grade-assertion.ts";
import { inputTexts } from "../grading/input-texts.ts";
import type { Scratch } from "../io/files/scratch.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { RequestMessage } from "../targets/contract.ts";
import { askGraderModel } from "./ask-grader-model.ts";
import type { RunContext } from "./attempt-context.ts";
import { AttemptError, interrupted } from "./attempt-error.ts";
import type { AttemptOutcome, GivenAnswer } from "./attempt-outcome.ts";
import type { AttemptName } from "./run-events.ts";
import type { PlannedCase } from "./run-plan.ts";
import { promptText } from "./test-input.ts";

/** What is judged, and by what. */
export interface Judgement {
	readonly assertions: readonly Assertion[];
	readonly input: readonly RequestMessage[];
	readonly answer: GivenAnswer;
	readonly expectedOutput: string | undefined;
	readonly fileChanges: string | undefined;
}

export interface JudgePlace extends Pick<AttemptOutcome, "workspacePath" | "metadata"> {
	readonly scratch: Scratch;
}

export interface Judged {
	readonly score: number;
	readonly scores: readonly GradedAssertion[];
}

/** Grades an answer by all its assertions. @throws AttemptError where a grader could not run; an interruption */
export async function judge(
	judgement: Judgement,
	one: PlannedCase,
	name: AttemptName,
	place: JudgePlace,
	context: RunContext,
): Promise<Judged> {
	const services = servicesFor(one, name, place, context);
	const subject = subjectOf(judgement, one, name, place, services);
	const scores: GradedAssertion[] = [];
	for (const assertion of judgement.assertions) {
		const graded = await gradeAssertion(assertion, subject, services);
		if (context.signal.aborted) throw interrupted();
		if ("couldNotRun" in graded)
			throw new AttemptError("grader", graded.couldNotRun.code, `${assertion.name}: ${graded.couldNotRun.message}`);
		scores.push(graded);
	}
	return { score: combineScores(scores), scores };
}

function servicesFor(
	one: PlannedCase,
	{ attempt }: AttemptName,
	place: JudgePlace,
	context: RunContext,
): GradingServices {
	const { plan, signal, startedAt } = context;
	const { scratch } = place;
	return {
		env: one.eval.env,
		scope: one.test.suite.scope,
		view: plan.view,
		runCommand: context.commands(one),
		programEnv: {
			...(place.workspacePath === undefined ? {} : { AGENTV_WORKSPACE_PATH: place.workspacePath }),
			AGENTV_EXPERIMENT: plan.experiment,
			AGENTV_RUN_TIMESTAMP: startedAt,
		},
		scratch,
		signal,
		askModel: (question) => askGraderModel(question, one, attempt, context, scratch),
	};
}

function subjectOf(
	{ input, answer, expectedOutput, fileChanges }: Judgement,
	one: PlannedCase,
	{ attempt }: AttemptName,
	{ workspacePath, metadata }: JudgePlace,
	services: GradingServices,
): Subject {
	const { test, threshold } = one;
	let texts: ReturnType<Subject["inputFiles"]> | undefined;
	const { preprocessors } = test.suite;
	return {
		...{ testId: test.id, attempt, input, threshold, metadata },
		prompt: promptText(input),
		inputFiles: () => {
			texts ??= inputTexts(input, { ...services, preprocessors });
			return texts;
		},
		output: answer.text,
		messages: answer.messages,
		toolCalls: answer.messages.flatMap(({ toolCalls }) => toolCalls ?? []),
		...given("outputFile", answer.textFile),
		...given("criteria", test.criteria),
		...given("expectedOutput", expectedOutput),
		...given("tokenUsage", answer.tokenUsage),
		...given("costUsd", answer.costUsd),
		...given("durationMs", answer.durationMs),
		...given("llmCalls", answer.llmCalls),
		...given("fileChanges", fileChanges),
		...given("workspacePath", workspacePath),
	};
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
	return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}
