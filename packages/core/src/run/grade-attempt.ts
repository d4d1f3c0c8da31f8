import type { GraderResult, Subject } from "../grading/contract.ts";
import { type EarlierResults, gradeAnswer } from "../grading/grade-answer.ts";
import { combineScores, type GradingServices } from "../grading/grade-assertion.ts";
import { isGraded } from "../grading/grader-result.ts";
import { inputTexts } from "../grading/input-texts.ts";
import type { Scratch } from "../io/files/scratch.ts";
import { shownCommand } from "../model/command.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { RequestMessage } from "../targets/contract.ts";
import { askGraderModel } from "./ask-grader-model.ts";
import type { RunContext } from "./attempt-context.ts";
import { interrupted } from "./attempt-error.ts";
import type { AttemptOutcome, GivenAnswer } from "./attempt-outcome.ts";
import type { AttemptName } from "./run-events.ts";
import type { PlannedCase } from "./run-plan.ts";
import type { StageLogs } from "./stage-logs.ts";
import type { StageTimer } from "./stage-timer.ts";
import { promptText } from "./test-input.ts";

/** An answer, and the graders that it gets. */
export interface GradingTask {
	readonly assertions: readonly Assertion[];
	readonly input: readonly RequestMessage[];
	readonly answer: GivenAnswer;
	readonly expectedOutput: string | undefined;
	readonly fileChanges: string | undefined;
	/** Results from an earlier grading of the same answer. */
	readonly earlier: EarlierResults | undefined;
}

/** What an attempt has while it is graded. */
export interface GradingPlace extends Pick<AttemptOutcome, "workspacePath" | "metadata"> {
	readonly scratch: Scratch;
	readonly timer: StageTimer;
	readonly logs: StageLogs;
}

export interface AttemptGrades {
	/** Undefined if one of the graders could not run. */
	readonly score: number | undefined;
	readonly scores: readonly GraderResult[];
}

/** Grades an answer by all its assertions. @throws an interruption; never for a grader that could not run */
export function gradeAttempt(
	task: GradingTask,
	planned: PlannedCase,
	name: AttemptName,
	place: GradingPlace,
	context: RunContext,
): Promise<AttemptGrades> {
	return place.timer.time("grade", async () => {
		const services = servicesFor(planned, name, place, context);
		const subject = subjectOf(task, planned, name, place, services);
		const scores = await gradeAnswer(task.assertions, subject, services, task.earlier);
		if (context.signal.aborted) throw interrupted();
		return { score: scores.every(isGraded) ? combineScores(scores) : undefined, scores };
	});
}

function servicesFor(
	planned: PlannedCase,
	{ attempt }: AttemptName,
	{ workspacePath, scratch, timer, logs }: GradingPlace,
	context: RunContext,
): GradingServices {
	const { plan, signal, startedAt } = context;
	return {
		env: planned.eval.env,
		scope: planned.test.suite.scope,
		view: plan.view,
		runCommand: logged(context.commands(planned), logs),
		programEnv: {
			...(workspacePath === undefined ? {} : { AGENTV_WORKSPACE_PATH: workspacePath }),
			AGENTV_EXPERIMENT: plan.experiment,
			AGENTV_RUN_TIMESTAMP: startedAt,
		},
		scratch,
		signal,
		askModel: (question) => timer.time("judge", () => askGraderModel(question, planned, attempt, context, scratch)),
	};
}

/** Keeps what grader programs print: stdout is their reply, and shown when it can't be read. */
function logged(runCommand: CommandRunner, logs: StageLogs): CommandRunner {
	return async (command, run) => {
		const result = await runCommand(command, run);
		logs.add("grade", shownCommand(command), result.stderr + result.stdout);
		return result;
	};
}

function subjectOf(
	{ input, answer, expectedOutput, fileChanges }: GradingTask,
	{ test, threshold }: PlannedCase,
	{ attempt }: AttemptName,
	{ workspacePath, metadata }: GradingPlace,
	services: GradingServices,
): Subject {
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
		...given("tokenUsage", answer.measures.tokenUsage),
		...given("costUsd", answer.measures.costUsd),
		...given("durationMs", answer.measures.durationMs),
		...given("llmCalls", answer.measures.llmCalls),
		...given("fileChanges", fileChanges),
		...given("workspacePath", workspacePath),
	};
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
	return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}
