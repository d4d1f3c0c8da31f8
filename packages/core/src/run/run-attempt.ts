import { attemptScore, attemptVerdict } from "../grading/attempt-verdict.ts";
import { reaches } from "../grading/verdict.ts";
import type { Scratch } from "../io/files/scratch.ts";
import type { RequestMessage } from "../targets/contract.ts";
import type { TestWorkspace, WorkspaceWarning } from "../workspace/contract.ts";
import type { RunContext } from "./attempt-context.ts";
import { rowError } from "./attempt-error.ts";
import type { AttemptOutcome, GivenAnswer, TurnOutcome } from "./attempt-outcome.ts";
import { Conversation, isJudged, unheldTurns } from "./hold-conversation.ts";
import { type Judged, judge } from "./judge.ts";
import { mergeAnswers } from "./merge-answers.ts";
import type { AttemptName } from "./run-events.ts";
import type { PlannedCase } from "./run-plan.ts";
import { inputToWire, requestMessages } from "./test-input.ts";

/** Runs one attempt of a test against its target: workspace, answer, judgement. @throws an interruption; what is no test's fault */
export async function runAttempt(
	one: PlannedCase,
	name: AttemptName,
	context: RunContext,
	scratch: Scratch,
): Promise<AttemptOutcome> {
	const attempt = new Attempt(one, name, context, scratch);
	return attempt.run();
}

/** What is known of an attempt at whatever point it ends. */
class Attempt {
	readonly #one: PlannedCase;
	readonly #name: AttemptName;
	readonly #context: RunContext;
	readonly #scratch: Scratch;
	readonly #input: readonly RequestMessage[];
	readonly #turns: TurnOutcome[] = [];
	#workspace: TestWorkspace | undefined;
	#answer: GivenAnswer | undefined;
	#fileChanges: string | undefined;

	constructor(one: PlannedCase, name: AttemptName, context: RunContext, scratch: Scratch) {
		this.#one = one;
		this.#name = name;
		this.#context = context;
		this.#scratch = scratch;
		this.#input = requestMessages(one.test.input, one.test, context.plan);
	}

	async run(): Promise<AttemptOutcome> {
		const warnings: WorkspaceWarning[] = [];
		let ended: Pick<AttemptOutcome, "status" | "score" | "scores" | "error"> | undefined;
		try {
			await this.#open();
			ended = this.#verdict(await this.#answerAndJudge());
		} catch (error) {
			ended = { status: "execution_error", score: 0, scores: [], error: rowError(error) };
		} finally {
			if (this.#workspace) warnings.push(...(await this.#workspace.after()));
			const keep = this.#context.plan.request.keepWorkspaces === true || (ended !== undefined && ended.status !== "ok");
			this.#kept = await this.#workspace?.close({ keep: keep && !this.#context.signal.aborted });
		}
		return { ...ended, ...this.#known(), warnings };
	}

	#kept: string | undefined;

	#known(): Omit<AttemptOutcome, "status" | "score" | "scores" | "error" | "warnings"> {
		return {
			input: this.#input,
			durationMs: this.#answer?.durationMs ?? 0,
			metadata: this.#metadata,
			...(this.#answer ? { answer: this.#answer } : {}),
			...(this.#turns.length > 0 ? { turns: this.#turns } : {}),
			...(this.#fileChanges === undefined ? {} : { fileChanges: this.#fileChanges }),
			...(this.#kept === undefined ? {} : { workspacePath: this.#kept }),
		};
	}

	get #metadata(): Readonly<Record<string, unknown>> {
		const { metadata } = this.#one.test;
		return this.#workspace ? { ...metadata, ...this.#workspace.metadata } : metadata;
	}

	get #place() {
		const path = this.#workspace?.path;
		return {
			metadata: this.#metadata,
			scratch: this.#scratch,
			providerContext: this.#workspace?.providerContext ?? {},
			...(path === undefined ? {} : { workspacePath: path }),
		};
	}

	async #open(): Promise<void> {
		const base = await this.#context.workspaces.base(this.#one);
		if (!base) return;
		const { test, target } = this.#one;
		this.#workspace = await base.open({
			id: test.id,
			attempt: this.#name.attempt,
			target: target.target.name,
			input: inputToWire(this.#input),
			metadata: test.metadata,
			signal: this.#context.signal,
		});
		await this.#workspace.before();
	}

	async #answerAndJudge(): Promise<Judged> {
		const { test } = this.#one;
		const conversation = new Conversation(this.#one, this.#name, this.#context, this.#scratch, this.#place);
		if (test.turns.length === 0) {
			this.#answer = await conversation.say(this.#input);
			this.#fileChanges = await this.#workspace?.fileChanges();
			return this.#judge(this.#one.assertions, this.#input, this.#answer, test.expectedOutput);
		}
		await this.#holdTurns(conversation);
		const whole =
			this.#one.assertions.length > 0 && this.#answer
				? await this.#judge(this.#one.assertions, conversation.messages, this.#answer, test.expectedOutput)
				: undefined;
		const held = {
			scores: this.#turns.flatMap(({ score }) => score ?? []),
			unheld: unheldTurns(test, this.#turns.length),
			aggregation: test.aggregation,
		};
		const scores = [...this.#turns.flatMap((turn) => turn.scores), ...(whole?.scores ?? [])];
		return { score: attemptScore(held, whole?.score), scores };
	}

	async #holdTurns(conversation: Conversation): Promise<void> {
		const { test, threshold } = this.#one;
		for (const [index, turn] of test.turns.entries()) {
			const said = requestMessages(turn.input, test, this.#context.plan);
			const answer = await conversation.say(index === 0 ? [...this.#input, ...said] : said);
			this.#answer = mergeAnswers(this.#answer, answer);
			this.#fileChanges = await this.#workspace?.fileChanges();
			const judged = isJudged(turn) ? await this.#judge(turn.assertions, said, answer, turn.expectedOutput) : undefined;
			const named = (judged?.scores ?? []).map((score) => ({ ...score, name: `turn ${index + 1}: ${score.name}` }));
			this.#turns.push({
				...{ input: said, answer, assertions: turn.assertions, scores: named },
				...(turn.expectedOutput === undefined ? {} : { expectedOutput: turn.expectedOutput }),
				...(judged ? { score: judged.score } : {}),
			});
			if (judged && test.onTurnFailure === "stop" && !reaches(judged.score, threshold)) break;
		}
	}

	#judge(
		assertions: PlannedCase["assertions"],
		input: readonly RequestMessage[],
		answer: GivenAnswer,
		expectedOutput: string | undefined,
	): Promise<Judged> {
		if (this.#context.plan.request.ungraded) return Promise.resolve({ score: 1, scores: [] });
		const judgement = { assertions, input, answer, expectedOutput, fileChanges: this.#fileChanges };
		return judge(judgement, this.#one, this.#name, this.#place, this.#context);
	}

	#verdict({ score, scores }: Judged): Pick<AttemptOutcome, "status" | "score" | "scores"> {
		return { ...attemptVerdict(score, this.#one.threshold, scores), scores };
	}
}
