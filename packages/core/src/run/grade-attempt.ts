import { type CommandRunner, shownCommand } from "../eval/command.ts";
import type { Assertion } from "../eval/eval-types.ts";
import { caseKey } from "../eval/run-digest.ts";
import type { GradedRecord, ResultRow, RunSummary } from "../format/run-file.ts";
import {
	addCosts,
	type GraderQuestion,
	type GraderReply,
	type GraderResult,
	isGraded,
	type Subject,
} from "../grading/contract.ts";
import {
	combineScores,
	type EarlierResults,
	type GradingServices,
	gradeAnswer,
	inputTexts,
	type RegradeChoice,
} from "../grading/grade-answer.ts";
import type { CaseResult } from "../grading/outcomes.ts";
import { type Redactor, redactDeep } from "../lib/redact.ts";
import type { Scratch } from "../machine/directories.ts";
import type { RequestMessage, TargetAnswer } from "../targets/contract.ts";
import { providers } from "../targets/providers/index.ts";
import type { RepositoryRecord } from "../workspace/contract.ts";
import { askTarget } from "./ask-target.ts";
import {
	type AttemptOutcome,
	type GivenAnswer,
	interrupted,
	type StageLogs,
	type StageTimer,
} from "./attempt-outcome.ts";
import type { Budgets, ShardBudget } from "./call-cache.ts";
import type { LiveTargets } from "./live-targets.ts";
import { originKey } from "./plan-run.ts";
import { promptText, RecordedAttempt, type Regrading, requestFiles } from "./recorded-attempt.ts";
import { type PlannedCase, type RunPlan, recordedKey } from "./run-plan.ts";
import type { RunWorkspaces } from "./run-workspaces.ts";

/** An answer with its graders. */
export interface GradingTask {
	readonly assertions: readonly Assertion[];
	readonly input: readonly RequestMessage[];
	readonly answer: GivenAnswer;
	readonly expectedOutput: string | undefined;
	readonly fileChanges: string | undefined;
	/** Results of an earlier grading of the same answer. */
	readonly earlier: EarlierResults | undefined;
}

/** The state of an attempt during grading. */
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

/**
 * Grades an answer by all its assertions. @throws an interruption; never because a grader could not
 * run
 */
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

/** Records the output of grader programs: stdout is their reply, and shown if it is unreadable. */
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

const graderTimeoutMs = 120_000;
async function askGraderModel(
	{ target: asked, messages, answerSchema, isUsable }: GraderQuestion,
	one: PlannedCase,
	attempt: number,
	context: RunContext,
	scratch: Scratch,
): Promise<GraderReply> {
	const { plan, targets, signal } = context;
	const target = plan.graderTarget(one.eval.label, asked, one.target.target);
	if (!target) {
		const message = `no target to grade with: ${asked ?? "neither the grader nor the target specifies one"}`;
		return { ok: false, failure: { code: "no-grader-target", message, retryable: false } };
	}
	const live = await targets.live(target, one.eval);
	if (live.problem)
		return { ok: false, failure: { code: "not-usable", message: live.problem.message, retryable: false } };
	const question = {
		testId: one.test.id,
		attempt,
		messages,
		prompt: promptText(messages),
		files: requestFiles(messages),
		providerContext: {},
		scratch,
		// A grading agent works in its own directory, not next to the eval.
		...(providers[target.provider].kind === "agent" ? { workspacePath: scratch.make() } : {}),
		...(answerSchema ? { answerSchema } : {}),
	};
	const timeoutMs =
		target.settings.timeoutSeconds === undefined ? graderTimeoutMs : target.settings.timeoutSeconds * 1000;
	const { outcome, failedCalls } = await askTarget([live], question, {
		...{ signal, timeoutMs },
		onCall: (name, costUsd) => countCall(context, one, name, costUsd),
		...(isUsable ? { isUsable } : {}),
	});
	const model = "model" in target.settings ? target.settings.model : undefined;
	const usage = { target: target.name, ...(model === undefined ? {} : { model }) };
	const last = outcome.ok ? outcome.answer : outcome.failure.partial;
	const spent = { ...usage, ...addCosts(failedCalls, last) };
	if (!outcome.ok) return { ok: false, failure: outcome.failure, usage: spent };
	return { ok: true, answer: outcome.answer, usage: spent };
}

/** State shared by all attempts of a run. */
export interface RunContext {
	readonly plan: RunPlan;
	readonly runId: string;
	/** UTC, as in records. */
	readonly startedAt: string;
	readonly targets: LiveTargets;
	readonly workspaces: RunWorkspaces;
	/** Returns the runner for commands of a case's eval. */
	readonly commands: (one: PlannedCase) => CommandRunner;
	/** Returns the attempt's record if its recorded answer is graded again. */
	readonly recorded: (planned: PlannedCase, attempt: number) => RecordedAttempt | undefined;
	/** Creates directories for attempts' files. */
	readonly scratch: ScratchSpace;
	/** Aborted by Ctrl-C. */
	readonly signal: AbortSignal;
	readonly budgets: Budgets;
	/** Called for each answer of a tested target. */
	readonly onAnswer?: (name: AttemptName, answer: TargetAnswer) => void;
	readonly emit: (event: RunEvent) => void;
}

export function countCall(
	{ budgets, emit }: RunContext,
	{ eval: { label } }: PlannedCase,
	target: string,
	costUsd: number | undefined,
): void {
	const message = budgets.add(label, target, costUsd);
	if (message !== undefined) emit({ type: "warning", message });
}

/** Directories for attempts, inside one that is removed with the run. */
export interface ScratchSpace {
	next(): Scratch;
	/** Removes it, if it was created. */
	remove(scratch: Scratch): Promise<void>;
}

/**
 * Finds attempts whose recorded answers are graded instead of calling the target: those of the
 * resumed run that only lack results of graders, else those of the regraded run.
 * @param retried rows of the resumed run, in `directory`
 */
export function recordedAttempts(
	{ origin, redact }: RunPlan,
	retried: readonly ResultRow[],
	directory: string,
): RunContext["recorded"] {
	const findRetried = finder(retried, (planned) => recordedKey(planned, redact));
	const findOrigin = origin?.kind === "regrade" && finder(origin.rows, (one) => originKey(one, origin, redact));
	return (planned, attempt) => {
		const row = findRetried(planned, attempt);
		const own = row && new RecordedAttempt(directory, row, { choose: chooseMissing, sameRun: true, redact });
		// Without its original answer, the target is called again, except in a regrade.
		if (own?.isReadable && (findOrigin || !own.isRedacted)) return own;
		if (!origin || !findOrigin) return undefined;
		const regrading: Regrading = { choose: chooseNamed(origin.graders), sameRun: false, redact };
		return new RecordedAttempt(origin.directory, findOrigin(planned, attempt), regrading);
	};
}

type FindRow = (planned: PlannedCase, attempt: number) => ResultRow | undefined;

function finder(rows: readonly ResultRow[], keyOf: (planned: PlannedCase) => string): FindRow {
	const byKey = new Map(rows.map((row) => [`${row.attempt} ${caseKey(row.eval, row.testId, row.target)}`, row]));
	return (planned, attempt) => byKey.get(`${attempt} ${keyOf(planned)}`);
}

/** Runs graders without a score again; for a composite only its parts without one. */
function chooseMissing(_: Assertion, { score, parts }: GradedRecord): RegradeChoice {
	if (score !== null) return "keep";
	return parts ? "parts" : "regrade";
}

/** Runs graders of these names again, and their composites; by default all. */
function chooseNamed(names: readonly string[] | undefined): (assertion: Assertion) => RegradeChoice {
	if (!names) return () => "regrade";
	const isNamed = (name: string) => names.includes(name);
	const holds = (assertion: Assertion): boolean =>
		assertion.parts?.some((part) => isNamed(part.name) || holds(part)) ?? false;
	return (assertion) => (isNamed(assertion.name) ? "regrade" : holds(assertion) ? "parts" : "keep");
}

/** Events of a run, in order: `started` first, `done` last. For the command line and Studio. */
export type RunEvent =
	| {
			readonly type: "started";
			/** Absolute. */
			readonly runDir: string;
			/** Tests × targets. */
			readonly planned: number;
			/** Those that the resumed run had finished. */
			readonly alreadyDone: number;
			/** Their results and costs. */
			readonly before: RunSummary;
			/** A shard's part of the run's budgets; absent if there are none. */
			readonly budgets?: readonly ShardBudget[];
			readonly experiment: string;
	  }
	| ({ readonly type: "attempt-started" } & AttemptName)
	| ({ readonly type: "retry"; readonly message: string; readonly waitMs: number } & AttemptName)
	/** The row is on disk. */
	| ({ readonly type: "attempt-finished"; readonly row: ResultRow } & AttemptName)
	/** All attempts of a test against a target are done. */
	| ({ readonly type: "case-finished"; readonly result: CaseResult } & Omit<AttemptName, "attempt">)
	| { readonly type: "repositories"; readonly repositories: readonly RepositoryRecord[] }
	| { readonly type: "warning"; readonly message: string }
	/** Nothing more starts: Ctrl-C, `bail`, or (for the affected evals) an exhausted budget. */
	| { readonly type: "stopping"; readonly reason: "interrupted" | "bail" | "budget" }
	| { readonly type: "done"; readonly runDir: string; readonly summary: RunSummary; readonly outcome: RunOutcome };

export interface AttemptName {
	/** Position of the test × target in the plan. */
	readonly index: number;
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** 1-based. */
	readonly attempt: number;
}

/** How a run ended; `over-budget` if tests are left. */
export type RunOutcome = "complete" | "interrupted" | "bailed" | "over-budget";

/** Rows are already redacted; directories are needed to find the run. */
export function redactEvent(event: RunEvent, redact: Redactor): RunEvent {
	if (event.type === "started" || event.type === "done") return event;
	if (event.type !== "attempt-finished") return redactDeep(event, redact);
	const { row, ...name } = event;
	return { ...redactDeep(name, redact), row };
}
