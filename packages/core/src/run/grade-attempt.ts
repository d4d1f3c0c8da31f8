import { type CommandRunner, shownCommand } from "../eval/command.ts";
import type { Assertion } from "../eval/eval-types.ts";
import {
	addCosts,
	addMeasures,
	type GraderQuestion,
	type GraderReply,
	type GraderResult,
	isGraded,
	measuresOf,
	type Subject,
} from "../grading/contract.ts";
import {
	combineScores,
	type EarlierResults,
	type GradingServices,
	gradeAnswer,
	inputTexts,
} from "../grading/grade-answer.ts";
import { omitUndefined } from "../lib/json.ts";
import type { RequestMessage } from "../targets/contract.ts";
import { providers } from "../targets/providers/index.ts";
import { askTarget } from "./ask-target.ts";
import { type Answer, interrupted } from "./attempt.ts";
import { promptText, requestOf } from "./messages.ts";
import { countCall, type LiveAttempt } from "./run-context.ts";

interface GradingTask {
	readonly assertions: readonly Assertion[];
	readonly input: readonly RequestMessage[];
	readonly answer: Answer;
	/** The answers whose figures are graded; several for a whole conversation. */
	readonly parts: readonly Answer[];
	readonly expectedOutput: string | undefined;
	/** Results of an earlier grading of the same answer. */
	readonly earlier: EarlierResults | undefined;
}

export interface Grades {
	/** Undefined if one of the graders could not run. */
	readonly score: number | undefined;
	readonly scores: readonly GraderResult[];
}

/**
 * Grades an answer by all its assertions. @throws an interruption; never because a grader could not
 * run
 */
export function gradeAttempt(task: GradingTask, live: LiveAttempt): Promise<Grades> {
	return live.timer.time("grade", async () => {
		const services = servicesFor(live);
		const scores = await gradeAnswer(task.assertions, subjectOf(task, live, services), services, task.earlier);
		if (live.context.signal.aborted) throw interrupted();
		return { score: scores.every(isGraded) ? combineScores(scores) : undefined, scores };
	});
}

function servicesFor(live: LiveAttempt): GradingServices {
	const { attempt, context, workspace, scratch, timer, logs } = live;
	const { planned } = attempt;
	const { plan, signal, startedAt } = context;
	return {
		env: planned.eval.env,
		scope: planned.test.suite.scope,
		view: plan.view,
		runCommand: logged(context.commands(planned), logs),
		programEnv: {
			...(workspace ? { AGENTV_WORKSPACE_PATH: workspace.path } : {}),
			AGENTV_EXPERIMENT: plan.experiment,
			AGENTV_RUN_TIMESTAMP: startedAt,
		},
		scratch,
		signal,
		askModel: (question) => timer.time("judge", () => askGraderModel(question, live)),
	};
}

/** Records the output of grader programs: stdout is their reply, and shown if it is unreadable. */
function logged(runCommand: CommandRunner, logs: LiveAttempt["logs"]): CommandRunner {
	return async (command, run) => {
		const result = await runCommand(command, run);
		logs.add("grade", shownCommand(command), result.stderr + result.stdout);
		return result;
	};
}

function subjectOf(
	{ input, answer, parts, expectedOutput }: GradingTask,
	{ attempt, workspace }: LiveAttempt,
	services: GradingServices,
): Subject {
	let texts: ReturnType<Subject["inputFiles"]> | undefined;
	const { test, threshold } = attempt.planned;
	const { preprocessors } = test.suite;
	const { messages, text: output, textFile: outputFile } = answer;
	return omitUndefined({
		...{ testId: test.id, attempt: attempt.name.attempt, input, threshold, metadata: attempt.metadata },
		prompt: promptText(input),
		inputFiles: () => {
			texts ??= inputTexts(input, { ...services, preprocessors });
			return texts;
		},
		...{ output, outputFile, messages, criteria: test.criteria, expectedOutput },
		toolCalls: messages.flatMap(({ toolCalls }) => toolCalls ?? []),
		...parts.map(measuresOf).reduce(addMeasures),
		fileChanges: attempt.fileChanges?.shown,
		workspacePath: workspace?.path,
	});
}

const graderTimeoutMs = 120_000;
async function askGraderModel(question: GraderQuestion, live: LiveAttempt): Promise<GraderReply> {
	const { context, attempt, scratch } = live;
	const { planned, name } = attempt;
	const { target: requested, messages, answerSchema, isUsable } = question;
	const target = context.plan.graderTarget(planned.eval.label, requested, planned.target.target);
	if (!target) {
		const message = `no target to grade with: ${requested ?? "neither the grader nor the target specifies one"}`;
		return { ok: false, failure: { code: "no-grader-target", message, retryable: false } };
	}
	const grader = await context.targets.live(target, planned.eval);
	if (grader.problem)
		return { ok: false, failure: { code: "not-usable", message: grader.problem.message, retryable: false } };
	const request = omitUndefined({
		...{ testId: planned.test.id, attempt: name.attempt, ...requestOf(messages), providerContext: {}, scratch },
		// A grading agent works in its own directory, not next to the eval.
		workspacePath: providers[target.provider].kind === "agent" ? scratch.make() : undefined,
		answerSchema,
	});
	const { settings } = target;
	const options = omitUndefined({ signal: context.signal, isUsable });
	const { outcome, failedCalls } = await askTarget([grader], request, {
		...options,
		timeoutMs: settings.timeoutSeconds === undefined ? graderTimeoutMs : settings.timeoutSeconds * 1000,
		onCall: (called, costUsd) => countCall(context, planned, called, costUsd),
	});
	const model = "model" in settings ? settings.model : undefined;
	const last = outcome.ok ? outcome.answer : outcome.failure.partial;
	const usage = { ...omitUndefined({ target: target.name, model }), ...addCosts(failedCalls, last) };
	if (!outcome.ok) return { ok: false, failure: outcome.failure, usage };
	return { ok: true, answer: outcome.answer, usage };
}
