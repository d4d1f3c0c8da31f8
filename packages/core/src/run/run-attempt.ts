import { type CommandRunner, shownCommand } from "../eval/command.ts";
import type { Assertion } from "../eval/eval-types.ts";
import { graderStage, type ResultRow, type RowError } from "../format/run-file.ts";
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
	attemptScore,
	attemptVerdict,
	combineScores,
	type EarlierResults,
	type GradingServices,
	gradeAnswer,
	inputTexts,
} from "../grading/grade-answer.ts";
import { omitUndefined } from "../lib/json.ts";
import type { Scratch } from "../machine/directories.ts";
import { describeLeft, ProcessScope } from "../machine/process-scope.ts";
import { cutShort, type RequestMessage, type TargetAnswer } from "../targets/contract.ts";
import { providers } from "../targets/providers/index.ts";
import { WorkspaceError } from "../workspace/contract.ts";
import { withFileTexts } from "./answer-files.ts";
import { type Asked, askTarget } from "./ask-target.ts";
import {
	type Answer,
	type Attempt,
	AttemptError,
	answerAsRequest,
	attemptName,
	inputToWire,
	interrupted,
	isGradedTurn,
	mergeAnswers,
	newAttempt,
	promptText,
	refuseFilesOutOfReach,
	requestMessages,
	requestOf,
	rowError,
	StageLogs,
	StageTimer,
	skippedTurns,
} from "./attempt.ts";
import { madeOf } from "./fingerprints.ts";
import { countCall, type LiveAttempt, type RunContext } from "./run-context.ts";
import type { PlannedCase } from "./run-plan.ts";

/**
 * Runs an attempt: prepares the workspace, asks the target or reads its recorded answer, grades and
 * records.
 * @param isRerun whether it ran before, with other inputs
 * @throws an interruption; errors that don't belong to the test
 */
export async function runAttempt(
	planned: PlannedCase,
	number: number,
	isRerun: boolean,
	context: RunContext,
): Promise<ResultRow> {
	const { fingerprints, workspaces, scratch: space } = context;
	const attempt = newAttempt(planned, attemptName(planned, number), context.plan);
	if (isRerun) attempt.rerun = "changed";
	const recorded = context.recorded(planned, number);
	const { files } = fingerprints.begin(planned);
	let scratch: Scratch | undefined;
	try {
		try {
			scratch = space.next();
			const repositories = recorded && (await workspaces.repositories(planned));
			if (repositories) recorded.refuseOtherWorkspace(fingerprints.of(planned, repositories).fingerprint);
			const tools = { timer: new StageTimer(), logs: new StageLogs(), session: undefined, workspace: undefined };
			await fill({ attempt, context, scratch, recorded, messages: [], ...tools });
		} catch (error) {
			fail(attempt, error);
		}
		return await recordAttempt(attempt, context, { files, recorded });
	} finally {
		if (scratch) await space.remove(scratch);
	}
}

async function fill(live: LiveAttempt): Promise<void> {
	const { attempt, context, recorded, timer } = live;
	let isSettled = false;
	try {
		try {
			await prepare(live);
			const whole = attempt.planned.test.turns.length === 0 ? await askOnce(live) : await holdConversation(live);
			settle(attempt, whole);
		} catch (error) {
			fail(attempt, error);
		}
		isSettled = true;
	} finally {
		const { workspace } = live;
		if (workspace) attempt.warnings.push(...(await timer.time("hooks", () => workspace.after())));
		const keep = context.plan.request.keepWorkspaces === true || (isSettled && attempt.executionStatus !== "ok");
		const path = await workspace?.close({ keep: keep && !context.signal.aborted });
		if (path !== undefined) attempt.workspacePath = path;
	}
	for (const message of attempt.answer?.warnings ?? [])
		attempt.warnings.push({ stage: "target", code: "figures", message });
	attempt.timingsMs = timer.timings;
	attempt.durationMs = attempt.answer?.durationMs ?? timer.timings.target;
	attempt.metadata = metadataOf(live);
	attempt.isRedacted = recorded?.isRedacted ?? false;
	const prepared = context.workspaces.takeLogs(attempt.planned);
	attempt.logs = [...(recorded?.logs ?? []), ...prepared, ...live.logs.records()];
}

async function prepare(live: LiveAttempt): Promise<void> {
	const { attempt, context, recorded, scratch, timer } = live;
	const { planned, name, input } = attempt;
	const { test, target } = planned;
	refuseFilesOutOfReach(test, context.plan);
	recorded?.refuse(attempt, context.plan);
	attempt.metadata = metadataOf(live);
	if (recorded && !recorded.needsWorkspace(planned)) return;
	const base = context.workspaces.base(planned);
	if (!base) return;
	const workspace = await timer.time("prepare", async () =>
		(await base).open({
			...{ id: test.id, attempt: name.attempt, target: target.target.name, metadata: test.metadata },
			...{ input: inputToWire(input), scratch, signal: context.signal },
			log: (stage, program, text) => live.logs.add(stage, program, text),
		}),
	);
	live.workspace = workspace;
	await timer.time("hooks", () => workspace.before());
	attempt.metadata = metadataOf(live);
}

function metadataOf({ attempt, workspace, recorded }: LiveAttempt): Attempt["metadata"] {
	const { metadata } = attempt.planned.test;
	if (workspace) return { ...metadata, ...workspace.metadata };
	// Extensions don't run again, so keep what they added to the recorded answer.
	return recorded ? { ...recorded.metadata, ...metadata } : { ...metadata };
}

async function askOnce(live: LiveAttempt): Promise<Grades> {
	const { attempt, recorded } = live;
	const { test, assertions } = attempt.planned;
	attempt.answer = await ask(live, attempt.input);
	await freeze(live, attempt.answer);
	const answer = await withFiles(live, attempt.answer);
	attempt.answer = answer;
	const { expectedOutput } = test;
	return grade(live, {
		assertions,
		input: attempt.input,
		answer,
		parts: [answer],
		expectedOutput,
		earlier: recorded?.earlier(),
	});
}

async function holdConversation(live: LiveAttempt): Promise<Grades | undefined> {
	const { attempt, context, recorded } = live;
	const { test, threshold, assertions } = attempt.planned;
	for (const [index, turn] of test.turns.entries()) {
		recorded?.refuseTurn(index);
		const input = requestMessages(turn.input, test, context.plan);
		const before = attempt.answer;
		const reply = await ask(live, index === 0 ? [...attempt.input, ...input] : input, index);
		attempt.answer = mergeAnswers(before, reply);
		await freeze(live, reply, index);
		const answer = await withFiles(live, reply);
		attempt.answer = mergeAnswers(before, answer);
		const { expectedOutput } = turn;
		const task = { assertions: turn.assertions, input, answer, parts: [answer], expectedOutput };
		const graded = isGradedTurn(turn) ? await grade(live, { ...task, earlier: recorded?.earlier(index) }) : undefined;
		const scores = (graded?.scores ?? []).map((score) => ({ ...score, name: `turn ${index + 1}: ${score.name}` }));
		attempt.scores.push(...scores);
		const fileChanges = graded ? attempt.fileChanges : undefined;
		attempt.turns.push({ turn, input, answer, score: graded?.score, scores, fileChanges });
		// A turn with graders that could not run has not failed: the conversation continues.
		const failed = graded && attemptVerdict(graded.score ?? 0, threshold, graded.scores).status === "quality_failure";
		if (failed && test.onTurnFailure === "stop") break;
	}
	const { answer } = attempt;
	if (assertions.length === 0 || !answer) return undefined;
	const parts = attempt.turns.map((turn) => turn.answer);
	const { expectedOutput } = test;
	return grade(live, { assertions, input: live.messages, answer, parts, expectedOutput, earlier: recorded?.earlier() });
}

async function ask(live: LiveAttempt, messages: readonly RequestMessage[], turn?: number): Promise<Answer> {
	const { recorded, timer } = live;
	live.messages.push(...messages);
	const answer = await alone(live, "target", async () => (recorded ? recorded.answer(turn) : askTested(live)));
	if (recorded) timer.add("target", answer.durationMs);
	live.messages.push(...answerAsRequest(answer.messages));
	return answer;
}

/** @throws AttemptError if the answer is truncated */
async function freeze({ attempt, recorded, workspace }: LiveAttempt, answer: Answer, turn?: number): Promise<void> {
	if (recorded) attempt.fileChanges = await recorded.fileChanges(workspace, turn);
	else {
		try {
			attempt.fileChanges = await workspace?.fileChanges();
		} catch (error) {
			// What is unreadable now was intact before the agent ran.
			throw error instanceof WorkspaceError ? error.ofAgent() : error;
		}
	}
	refuseCut(answer);
}

/** A recorded answer already contains its files. */
async function withFiles({ attempt, context, recorded, workspace }: LiveAttempt, answer: Answer): Promise<Answer> {
	return recorded ? answer : withFileTexts(answer, attempt.planned, workspace?.path, context);
}

function grade(live: LiveAttempt, task: Parameters<typeof gradeAttempt>[0]): Promise<Grades> {
	if (live.context.plan.request.ungraded) return Promise.resolve({ score: 1, scores: [] });
	return alone(live, "grader", () => gradeAttempt(task, live));
}

/** Ends all processes of the stage afterwards: they could change what is compared and graded. */
async function alone<Value>(
	{ attempt, scratch, workspace }: LiveAttempt,
	stage: "target" | "grader",
	work: () => Promise<Value>,
): Promise<Value> {
	const scope = new ProcessScope([scratch.path, ...(workspace ? [workspace.path] : [])]);
	try {
		return await scope.run(work);
	} finally {
		for (const left of await scope.end())
			attempt.warnings.push({ stage, code: "process-left", message: describeLeft(left, `the ${stage}`) });
	}
}

function settle(attempt: Attempt, whole: Grades | undefined): void {
	const { turns, scores, planned } = attempt;
	const { test, threshold } = planned;
	scores.push(...(whole?.scores ?? []));
	const conversation = {
		scores: turns.flatMap(({ score }) => score ?? []),
		unheld: skippedTurns(test, turns.length),
		aggregation: test.aggregation,
	};
	const score = attemptScore(test.turns.length === 0 ? undefined : conversation, whole?.score);
	const verdict = attemptVerdict(score, threshold, scores);
	attempt.score = verdict.score;
	attempt.executionStatus = verdict.status;
	if (verdict.status === "execution_error") attempt.error = graderError(scores, attempt.answer);
}

function graderError(scores: readonly GraderResult[], answer: Answer | undefined): RowError {
	const broken = scores.flatMap((score) => (isGraded(score) ? [] : [score]));
	const [first] = broken;
	const more = broken.length > 1 ? ` (and ${broken.length - 1} more of ${scores.length} graders could not run)` : "";
	const { code, message } = first?.error ?? { code: "unknown", message: "a grader could not run" };
	const causedBy = answer?.textFile === undefined ? "grader" : "agent";
	return { stage: graderStage, code, message: `${first?.name ?? "grader"}: ${message}${more}`, causedBy };
}

/** @throws an interruption; errors that don't belong to the test */
function fail(attempt: Attempt, error: unknown): void {
	if (error instanceof AttemptError && error.partial) attempt.answer = mergeAnswers(attempt.answer, error.partial);
	attempt.error = rowError(error);
	attempt.executionStatus = "execution_error";
	attempt.score = 0;
}

export async function recordAttempt(
	attempt: Attempt,
	{ workspaces, fingerprints, plan, records, emit }: RunContext,
	begun: Parameters<typeof madeOf>[2] = {},
): Promise<ResultRow> {
	const repositories = await workspaces.repositories(attempt.planned);
	const versions = fingerprints.of(attempt.planned, repositories);
	const { warnings, ...inputs } = madeOf(versions, repositories, begun, plan.origin);
	Object.assign(attempt, inputs);
	attempt.warnings.push(...warnings);
	const row = await records.add(attempt);
	emit({ type: "attempt-finished", ...attempt.name, row });
	return row;
}

/** @throws AttemptError if the target fails; an interruption */
async function askTested(live: LiveAttempt): Promise<Answer> {
	const { attempt, context, workspace, timer, logs, scratch } = live;
	const { planned, name } = attempt;
	const { targets, signal, emit, onAnswer } = context;
	const candidates = await targets.candidates(planned.target, planned.eval);
	const question = {
		...{ testId: planned.test.id, attempt: name.attempt, ...requestOf([...live.messages]) },
		...(workspace ? { workspacePath: workspace.path } : {}),
		...{ providerContext: workspace?.providerContext ?? {}, session: live.session, scratch },
		log: (text: string) => logs.add("target", planned.target.target.name, text),
	};
	const result = await timer.time("target", () =>
		askTarget(candidates, question, {
			...{ signal, timeoutMs: planned.timeoutMs },
			onCall: (target, costUsd) => countCall(context, planned, target, costUsd),
			onRetry: ({ message }, waitMs) => emit({ type: "retry", ...name, message, waitMs: Math.round(waitMs) }),
		}),
	);
	const { outcome, by, tries } = result;
	if (!outcome.ok) {
		if (signal.aborted) throw interrupted();
		const { code, message, partial, causedBy } = outcome.failure;
		const after = tries > 1 ? ` (after ${tries} calls, the last to ${by})` : "";
		const row = omitUndefined({ stage: "target", code, message: message + after, causedBy });
		throw new AttemptError(row, partial && answerOf({ text: "", messages: [], ...partial }, result));
	}
	const { answer } = outcome;
	onAnswer?.(name, answer);
	live.session = answer.session;
	const messages =
		answer.messages.length > 0 ? answer.messages : [{ role: "assistant" as const, content: answer.text }];
	return answerOf({ ...answer, messages }, result);
}

/** Rounds to whole milliseconds, since graders use the recorded values. */
function answerOf({ session: _, ...answer }: TargetAnswer, { by, tries, durationMs, failedCalls }: Asked): Answer {
	const took = Math.round(answer.durationMs ?? durationMs);
	return { ...answer, by, tries, durationMs: took, ...addCosts(failedCalls, answer) };
}

/** @throws AttemptError if the answer is truncated; a refusal can be graded */
function refuseCut({ stopReason }: Answer): void {
	if (stopReason === undefined || stopReason === "refusal") return;
	const message = `the answer ${cutShort[stopReason]}`;
	throw new AttemptError({ stage: "target", code: stopReason.replace("_", "-"), message, causedBy: "agent" });
}

interface GradingTask {
	readonly assertions: readonly Assertion[];
	readonly input: readonly RequestMessage[];
	readonly answer: Answer;
	readonly parts: readonly Answer[];
	readonly expectedOutput: string | undefined;
	readonly earlier: EarlierResults | undefined;
}

interface Grades {
	readonly score: number | undefined;
	readonly scores: readonly GraderResult[];
}

/** @throws an interruption, but never because a grader could not run */
function gradeAttempt(task: GradingTask, live: LiveAttempt): Promise<Grades> {
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

/** A grader's stdout is its reply, so it is only logged if it is unreadable. */
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
