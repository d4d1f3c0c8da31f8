import { graderStage, type RowError } from "../format/run-file.ts";
import { type GraderResult, isGraded } from "../grading/contract.ts";
import { attemptScore, attemptVerdict, type EarlierResults } from "../grading/grade-answer.ts";
import type { Scratch } from "../machine/directories.ts";
import { describeLeft, ProcessScope } from "../machine/process-scope.ts";
import type { RequestMessage } from "../targets/contract.ts";
import type { TestWorkspace } from "../workspace/attempt-workspace.ts";
import { type FileChanges, WorkspaceError, type WorkspaceWarning } from "../workspace/contract.ts";
import {
	type AnswerSource,
	AttemptError,
	type AttemptOutcome,
	type GivenAnswer,
	rowError,
	StageLogs,
	StageTimer,
	type TurnOutcome,
} from "./attempt-outcome.ts";
import {
	Conversation,
	figureWarnings,
	isGradedTurn,
	mergeAnswers,
	refuseCut,
	unheldTurns,
	withFileTexts,
} from "./conversation.ts";
import { type AttemptGrades, type AttemptName, gradeAttempt, type RunContext } from "./grade-attempt.ts";
import { inputToWire, type RecordedAttempt, refuseFilesOutOfReach, requestMessages } from "./recorded-attempt.ts";
import type { PlannedCase } from "./run-plan.ts";

type Ending = Pick<AttemptOutcome, "status" | "score" | "scores" | "error">;

/**
 * Runs one attempt of a test against its target: workspace, answer, grading. With `recorded` its
 * answer is used, and the target is not called. @throws an interruption; errors that don't belong
 * to the test
 */
export function runAttempt(
	planned: PlannedCase,
	name: AttemptName,
	context: RunContext,
	scratch: Scratch,
	recorded?: RecordedAttempt,
): Promise<AttemptOutcome> {
	return new Attempt(planned, name, context, scratch, recorded).run();
}

/** The state of an attempt whenever it ends. */
class Attempt {
	readonly #planned: PlannedCase;
	readonly #name: AttemptName;
	readonly #context: RunContext;
	readonly #scratch: Scratch;
	readonly #recorded: RecordedAttempt | undefined;
	readonly #input: readonly RequestMessage[];
	readonly #turns: TurnOutcome[] = [];
	readonly #timer = new StageTimer();
	readonly #logs = new StageLogs();
	#workspace: TestWorkspace | undefined;
	#answer: GivenAnswer | undefined;
	#fileChanges: FileChanges | undefined;
	#keptPath: string | undefined;
	readonly #warnings: WorkspaceWarning[] = [];

	constructor(
		planned: PlannedCase,
		name: AttemptName,
		context: RunContext,
		scratch: Scratch,
		recorded: RecordedAttempt | undefined,
	) {
		this.#planned = planned;
		this.#name = name;
		this.#context = context;
		this.#scratch = scratch;
		this.#recorded = recorded;
		this.#input = requestMessages(planned.test.input, planned.test, context.plan);
	}

	async run(): Promise<AttemptOutcome> {
		const warnings = this.#warnings;
		let ended: Ending | undefined;
		try {
			ended = await this.#untilGraded();
		} catch (error) {
			if (error instanceof AttemptError && error.partial) this.#answer = mergeAnswers(this.#answer, error.partial);
			ended = { status: "execution_error", score: 0, scores: this.#scores(), error: rowError(error) };
		} finally {
			const workspace = this.#workspace;
			if (workspace) warnings.push(...(await this.#timer.time("hooks", () => workspace.after())));
			const keep = this.#context.plan.request.keepWorkspaces === true || (ended !== undefined && ended.status !== "ok");
			this.#keptPath = await workspace?.close({ keep: keep && !this.#context.signal.aborted });
		}
		return { ...ended, ...this.#known(), warnings: [...warnings, ...figureWarnings(this.#answer)] };
	}

	#known(): Omit<AttemptOutcome, keyof Ending | "warnings"> {
		const { timings } = this.#timer;
		return {
			input: this.#input,
			durationMs: this.#answer?.durationMs ?? timings.target,
			timings,
			logs: [
				...(this.#recorded?.logs ?? []),
				...this.#context.workspaces.takeLogs(this.#planned),
				...this.#logs.records(),
			],
			metadata: this.#metadata,
			...(this.#answer ? { answer: this.#answer } : {}),
			...(this.#turns.length > 0 ? { turns: this.#turns } : {}),
			...(this.#fileChanges === undefined ? {} : { fileChanges: this.#fileChanges }),
			...(this.#recorded?.isRedacted ? { isRedacted: true } : {}),
			...(this.#keptPath === undefined ? {} : { workspacePath: this.#keptPath }),
		};
	}

	get #metadata(): Readonly<Record<string, unknown>> {
		const { metadata } = this.#planned.test;
		if (this.#workspace) return { ...metadata, ...this.#workspace.metadata };
		// Keeps what extensions added to the recorded answer, since they don't run again.
		return this.#recorded ? { ...this.#recorded.metadata, ...metadata } : metadata;
	}

	get #place() {
		const path = this.#workspace?.path;
		return {
			metadata: this.#metadata,
			scratch: this.#scratch,
			timer: this.#timer,
			logs: this.#logs,
			providerContext: this.#workspace?.providerContext ?? {},
			...(path === undefined ? {} : { workspacePath: path }),
		};
	}

	async #untilGraded(): Promise<Ending> {
		const { test } = this.#planned;
		refuseFilesOutOfReach(test, this.#context.plan);
		this.#recorded?.refuse(this.#planned, this.#input, (input) => requestMessages(input, test, this.#context.plan));
		await this.#open();
		const whole = await this.#answerAndGrade();
		const { threshold } = this.#planned;
		const held = {
			scores: this.#turns.flatMap(({ score }) => score ?? []),
			unheld: unheldTurns(test, this.#turns.length),
			aggregation: test.aggregation,
		};
		const scores = this.#scores(whole?.scores);
		const verdict = attemptVerdict(
			attemptScore(test.turns.length === 0 ? undefined : held, whole?.score),
			threshold,
			scores,
		);
		const error = verdict.status === "execution_error" ? { error: graderError(scores, this.#answer) } : {};
		return { ...verdict, scores, ...error };
	}

	/** All results so far, those of turns first. */
	#scores(whole: readonly GraderResult[] = []): GraderResult[] {
		return [...this.#turns.flatMap((turn) => turn.scores), ...whole];
	}

	async #open(): Promise<void> {
		if (this.#recorded && !this.#recorded.needsWorkspace(this.#planned)) return;
		const opening = this.#context.workspaces.base(this.#planned);
		if (!opening) return;
		const { test, target } = this.#planned;
		const workspace = await this.#timer.time("prepare", async () =>
			(await opening).open({
				id: test.id,
				attempt: this.#name.attempt,
				target: target.target.name,
				input: inputToWire(this.#input),
				metadata: test.metadata,
				scratch: this.#scratch,
				signal: this.#context.signal,
				log: (stage, name, text) => this.#logs.add(stage, name, text),
			}),
		);
		this.#workspace = workspace;
		await this.#timer.time("hooks", () => workspace.before());
	}

	#source(): AnswerSource {
		if (this.#recorded) return this.#recorded.source(this.#timer);
		return new Conversation(this.#planned, this.#name, this.#context, this.#scratch, this.#place);
	}

	async #answerAndGrade(): Promise<AttemptGrades | undefined> {
		const { test, assertions } = this.#planned;
		const source = this.#source();
		if (test.turns.length === 0) {
			const said = await this.#alone("target", () => source.say(this.#input));
			this.#answer = said;
			await this.#readFileChanges();
			refuseCut(said);
			const answer = await this.#withFiles(said);
			this.#answer = answer;
			return this.#grade(assertions, this.#input, answer, test.expectedOutput, this.#recorded?.earlier());
		}
		await this.#holdTurns(source);
		if (assertions.length === 0 || !this.#answer) return undefined;
		return this.#grade(assertions, source.messages, this.#answer, test.expectedOutput, this.#recorded?.earlier());
	}

	async #holdTurns(source: AnswerSource): Promise<void> {
		const { test, threshold } = this.#planned;
		for (const [index, turn] of test.turns.entries()) {
			this.#recorded?.refuseTurn(index);
			const said = requestMessages(turn.input, test, this.#context.plan);
			const before = this.#answer;
			const messages = index === 0 ? [...this.#input, ...said] : said;
			const given = await this.#alone("target", () => source.say(messages));
			this.#answer = mergeAnswers(before, given);
			await this.#readFileChanges(index);
			refuseCut(given);
			const answer = await this.#withFiles(given);
			this.#answer = mergeAnswers(before, answer);
			const { assertions } = turn;
			const graded = isGradedTurn(turn)
				? await this.#grade(assertions, said, answer, turn.expectedOutput, this.#recorded?.earlier(index))
				: undefined;
			const named = (graded?.scores ?? []).map((score) => ({ ...score, name: `turn ${index + 1}: ${score.name}` }));
			const changes = graded ? this.#fileChanges : undefined;
			this.#turns.push({
				...{ input: said, answer, assertions, scores: named },
				...(turn.expectedOutput === undefined ? {} : { expectedOutput: turn.expectedOutput }),
				...(graded?.score === undefined ? {} : { score: graded.score }),
				...(changes === undefined ? {} : { fileChanges: changes }),
			});
			// A turn with graders that could not run has not failed: the conversation continues.
			const failed = graded && attemptVerdict(graded.score ?? 0, threshold, graded.scores).status === "quality_failure";
			if (failed && test.onTurnFailure === "stop") break;
		}
	}

	async #readFileChanges(turn?: number): Promise<void> {
		if (this.#recorded) {
			this.#fileChanges = await this.#recorded.fileChanges(this.#workspace, turn);
			return;
		}
		try {
			this.#fileChanges = await this.#workspace?.fileChanges();
		} catch (error) {
			// What is unreadable now was intact before the agent ran.
			throw error instanceof WorkspaceError ? error.ofAgent() : error;
		}
	}

	/** Adds files as text, for graders and records; a recorded answer already has them. */
	async #withFiles(answer: GivenAnswer): Promise<GivenAnswer> {
		if (this.#recorded) return answer;
		return withFileTexts(answer, this.#planned, this.#workspace?.path, this.#context);
	}

	#grade(
		assertions: PlannedCase["assertions"],
		input: readonly RequestMessage[],
		answer: GivenAnswer,
		expectedOutput: string | undefined,
		earlier: EarlierResults | undefined,
	): Promise<AttemptGrades> {
		if (this.#context.plan.request.ungraded) return Promise.resolve({ score: 1, scores: [] });
		const task = { assertions, input, answer, expectedOutput, fileChanges: this.#fileChanges?.shown, earlier };
		return this.#alone("grader", () => gradeAttempt(task, this.#planned, this.#name, this.#place, this.#context));
	}

	/** Afterwards ends all its processes, which could change what is compared and graded. */
	async #alone<Value>(stage: "target" | "grader", work: () => Promise<Value>): Promise<Value> {
		const path = this.#workspace?.path;
		const scope = new ProcessScope([this.#scratch.path, ...(path === undefined ? [] : [path])]);
		try {
			return await scope.run(work);
		} finally {
			for (const left of await scope.end())
				this.#warnings.push({ stage, code: "process-left", message: describeLeft(left, `the ${stage}`) });
		}
	}
}

/** Returns why an attempt with an answer is not graded: the graders that could not run. */
function graderError(scores: readonly GraderResult[], answer: GivenAnswer | undefined): RowError {
	const broken = scores.flatMap((score) => (isGraded(score) ? [] : [score]));
	const [first] = broken;
	const more = broken.length > 1 ? ` (and ${broken.length - 1} more of ${scores.length} graders could not run)` : "";
	const { code, message } = first?.error ?? { code: "unknown", message: "a grader could not run" };
	// Graders fail on an answer that is too large for memory.
	const causedBy = answer?.textFile === undefined ? "grader" : "agent";
	return { stage: graderStage, code, message: `${first?.name ?? "grader"}: ${message}${more}`, causedBy };
}
