import { graderStage, type ResultRow, type RowError } from "../format/run-file.ts";
import { type GraderResult, isGraded } from "../grading/contract.ts";
import { attemptScore, attemptVerdict } from "../grading/grade-answer.ts";
import type { Scratch } from "../machine/directories.ts";
import { describeLeft, ProcessScope } from "../machine/process-scope.ts";
import type { RequestMessage } from "../targets/contract.ts";
import { WorkspaceError } from "../workspace/contract.ts";
import { withFileTexts } from "./answer-files.ts";
import { askTested, refuseCut } from "./ask-attempt.ts";
import {
	type Answer,
	type Attempt,
	AttemptError,
	isGradedTurn,
	mergeAnswers,
	newAttempt,
	rowError,
	StageLogs,
	StageTimer,
	skippedTurns,
} from "./attempt.ts";
import { madeOf } from "./fingerprints.ts";
import { type Grades, gradeAttempt } from "./grade-attempt.ts";
import { answerAsRequest, inputToWire, refuseFilesOutOfReach, requestMessages } from "./messages.ts";
import type { LiveAttempt, RunContext } from "./run-context.ts";
import { attemptName } from "./run-events.ts";
import type { PlannedCase } from "./run-plan.ts";

/**
 * Runs one attempt of a test against its target: prepares the workspace, asks the target, freezes
 * what it changed, grades, and records. An answer that is graded again is read instead of asked for.
 * @param isRerun whether it ran before, with other inputs
 * @returns its row
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

/** Checks that the attempt can run, and opens its workspace. */
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
	// Keeps what extensions added to the recorded answer, since they don't run again.
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

/** Asks and grades turn by turn, then grades the whole conversation if it has graders of its own. */
async function holdConversation(live: LiveAttempt): Promise<Grades | undefined> {
	const { attempt, context, recorded } = live;
	const { test, threshold, assertions } = attempt.planned;
	for (const [index, turn] of test.turns.entries()) {
		recorded?.refuseTurn(index);
		const input = requestMessages(turn.input, test, context.plan);
		const before = attempt.answer;
		const asked = await ask(live, index === 0 ? [...attempt.input, ...input] : input, index);
		attempt.answer = mergeAnswers(before, asked);
		await freeze(live, asked, index);
		const answer = await withFiles(live, asked);
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

/** Sends messages to the target, or reads the recorded answer to them. */
async function ask(live: LiveAttempt, messages: readonly RequestMessage[], turn?: number): Promise<Answer> {
	const { recorded, timer } = live;
	live.messages.push(...messages);
	const answer = await alone(live, "target", async () => (recorded ? recorded.answer(turn) : askTested(live)));
	if (recorded) timer.add("target", answer.durationMs);
	live.messages.push(...answerAsRequest(answer.messages));
	return answer;
}

/** Keeps what the target changed so far. @throws AttemptError if its answer is truncated */
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

/** Adds files as text, for graders and records; a recorded answer already has them. */
async function withFiles({ attempt, context, recorded, workspace }: LiveAttempt, answer: Answer): Promise<Answer> {
	return recorded ? answer : withFileTexts(answer, attempt.planned, workspace?.path, context);
}

function grade(live: LiveAttempt, task: Parameters<typeof gradeAttempt>[0]): Promise<Grades> {
	if (live.context.plan.request.ungraded) return Promise.resolve({ score: 1, scores: [] });
	return alone(live, "grader", () => gradeAttempt(task, live));
}

/** Afterwards ends all its processes, which could change what is compared and graded. */
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

/** Returns why an attempt with an answer is not graded: the graders that could not run. */
function graderError(scores: readonly GraderResult[], answer: Answer | undefined): RowError {
	const broken = scores.flatMap((score) => (isGraded(score) ? [] : [score]));
	const [first] = broken;
	const more = broken.length > 1 ? ` (and ${broken.length - 1} more of ${scores.length} graders could not run)` : "";
	const { code, message } = first?.error ?? { code: "unknown", message: "a grader could not run" };
	// Graders fail on an answer that is too large for memory.
	const causedBy = answer?.textFile === undefined ? "grader" : "agent";
	return { stage: graderStage, code, message: `${first?.name ?? "grader"}: ${message}${more}`, causedBy };
}

/** Makes the attempt an execution error. @throws an interruption; errors that don't belong to a test */
function fail(attempt: Attempt, error: unknown): void {
	if (error instanceof AttemptError && error.partial) attempt.answer = mergeAnswers(attempt.answer, error.partial);
	attempt.error = rowError(error);
	attempt.executionStatus = "execution_error";
	attempt.score = 0;
}

/** Adds the versions of everything that the attempt depends on, and records it. */
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
