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

const graderTimeoutMs = 120_000;
const agents: ReadonlySet<string> = new Set(["claude", "codex", "copilot-cli", "pi-cli", "acp"]);

/** Puts a grader's question to its model. */
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
		// An agent that judges works in a directory of its own, not beside the eval.
		...(agents.has(target.provider) ? { workspacePath: scratch.make() } : {}),
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

/** What all attempts of a run share. */
export interface RunContext {
	readonly plan: RunPlan;
	readonly runId: string;
	/** UTC, as records show it. */
	readonly startedAt: string;
	readonly targets: LiveTargets;
	readonly workspaces: RunWorkspaces;
	/** Runs the commands of a case's eval. */
	readonly commands: (one: PlannedCase) => CommandRunner;
	/** The attempt's record, if its recorded answer is graded instead of calling the target. */
	readonly recorded: (planned: PlannedCase, attempt: number) => RecordedAttempt | undefined;
	/** New directories for attempts' files. */
	readonly scratch: ScratchSpace;
	/** Aborted by Ctrl-C. */
	readonly signal: AbortSignal;
	readonly budgets: Budgets;
	/** Told of each answer of a tested target. */
	readonly onAnswer?: (name: AttemptName, answer: TargetAnswer) => void;
	readonly emit: (event: RunEvent) => void;
}

/** Counts a call against the budgets. */
export function countCall(
	{ budgets, emit }: RunContext,
	{ eval: { label } }: PlannedCase,
	target: string,
	costUsd: number | undefined,
): void {
	const message = budgets.add(label, target, costUsd);
	if (message !== undefined) emit({ type: "warning", message });
}

/** Directories for attempts, all below one that is removed with the run. */
export interface ScratchSpace {
	/** A new one. */
	next(): Scratch;
	/** Removes it, where it was made. */
	remove(scratch: Scratch): Promise<void>;
}

/**
 * Finds the records of attempts whose answers are graded instead of calling the target: of the resumed run those that only lack the results
 * of some graders, else those of the run that is graded again.
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
		// Without its answer as it was given, the target is called again: only a regrade never calls it.
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

/** Runs the graders again that gave no score; of a composite only the parts that gave none. */
function chooseMissing(_: Assertion, { score, parts }: GradedRecord): RegradeChoice {
	if (score !== null) return "keep";
	return parts ? "parts" : "regrade";
}

/** Runs the named graders again, and the composites around them; without names all. */
function chooseNamed(names: readonly string[] | undefined): (assertion: Assertion) => RegradeChoice {
	if (!names) return () => "regrade";
	const isNamed = (name: string) => names.includes(name);
	const holds = (assertion: Assertion): boolean =>
		assertion.parts?.some((part) => isNamed(part.name) || holds(part)) ?? false;
	return (assertion) => (isNamed(assertion.name) ? "regrade" : holds(assertion) ? "parts" : "keep");
}

/** What happens in a run, in order: `started` first, `done` last. The command line and Studio both follow these. */
export type RunEvent =
	| {
			readonly type: "started";
			/** Absolute. */
			readonly runDir: string;
			/** Tests × targets. */
			readonly planned: number;
			/** Of these, finished before by the run that is resumed. */
			readonly alreadyDone: number;
			/** What these come to, and what they cost. */
			readonly before: RunSummary;
			/** What a shard may spend of the run's budgets; absent if there are none. */
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
	/** Nothing more is started: Ctrl-C, `bail`, or (of the evals that it concerns) no budget left. */
	| { readonly type: "stopping"; readonly reason: "interrupted" | "bail" | "budget" }
	| { readonly type: "done"; readonly runDir: string; readonly summary: RunSummary; readonly outcome: RunOutcome };

export interface AttemptName {
	/** Position of the test × target in the plan. */
	readonly index: number;
	readonly eval: string;
	readonly testId: string;
	readonly target: string;
	/** From 1. */
	readonly attempt: number;
}

/** How a run ended: all done, by Ctrl-C, by `bail`, or with tests left for which there was no budget. */
export type RunOutcome = "complete" | "interrupted" | "bailed" | "over-budget";

/** The event without secrets, as whoever shows it gets it. Rows are redacted when they are made; directories are for finding the run. */
export function redactEvent(event: RunEvent, redact: Redactor): RunEvent {
	if (event.type === "started" || event.type === "done") return event;
	if (event.type !== "attempt-finished") return redactDeep(event, redact);
	const { row, ...name } = event;
	return { ...redactDeep(name, redact), row };
}
