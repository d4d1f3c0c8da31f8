import type { Scratch } from "../io/files/scratch.ts";
import type { TestCase, Turn } from "../model/eval-types.ts";
import type { RequestMessage } from "../targets/contract.ts";
import { type Asked, askTarget } from "./ask-target.ts";
import { countCall, type RunContext } from "./attempt-context.ts";
import { AttemptError, interrupted } from "./attempt-error.ts";
import type { AnswerSource, AttemptOutcome, GivenAnswer } from "./attempt-outcome.ts";
import { givenAnswer, partialAnswer } from "./merge-answers.ts";
import type { AttemptName } from "./run-events.ts";
import type { PlannedCase } from "./run-plan.ts";
import type { StageLogs } from "./stage-logs.ts";
import type { StageTimer } from "./stage-timer.ts";
import { promptText, requestFiles } from "./test-input.ts";

/** One attempt's conversation with its target, turn by turn. */
export class Conversation implements AnswerSource {
	readonly #one: PlannedCase;
	readonly #name: AttemptName;
	readonly #context: RunContext;
	readonly #scratch: Scratch;
	readonly #place: ConversationPlace;
	readonly #messages: RequestMessage[] = [];
	#session: unknown;

	constructor(one: PlannedCase, name: AttemptName, context: RunContext, scratch: Scratch, place: ConversationPlace) {
		this.#one = one;
		this.#name = name;
		this.#context = context;
		this.#scratch = scratch;
		this.#place = place;
	}

	/** Everything said so far. */
	get messages(): readonly RequestMessage[] {
		return this.#messages;
	}

	async say(messages: readonly RequestMessage[]): Promise<GivenAnswer> {
		this.#messages.push(...messages);
		const { targets, signal, emit } = this.#context;
		const candidates = await targets.candidates(this.#one.target, this.#one.eval);
		const asked = await this.#place.timer.time("target", () =>
			askTarget(candidates, this.#question(), {
				signal,
				timeoutMs: this.#one.timeoutMs,
				onCall: (target, costUsd) => countCall(this.#context, this.#one, target, costUsd),
				onRetry: ({ message }, waitMs) => emit({ type: "retry", ...this.#name, message, waitMs: Math.round(waitMs) }),
			}),
		);
		return this.#answerOf(asked);
	}

	#answerOf(asked: Asked): GivenAnswer {
		const { outcome, by, tries } = asked;
		if (!outcome.ok) {
			if (this.#context.signal.aborted) throw interrupted();
			const { code, message, partial, causedBy } = outcome.failure;
			const after = tries > 1 ? ` (after ${tries} calls, the last to ${by})` : "";
			const row = { stage: "target", code, message: message + after, ...(causedBy ? { causedBy } : {}) };
			throw new AttemptError(row, partialAnswer(partial, asked));
		}
		this.#context.onAnswer?.(this.#name, outcome.answer);
		const given = givenAnswer(outcome.answer, asked);
		this.#session = outcome.answer.session;
		for (const { role, content, toolCalls } of given.messages)
			this.#messages.push({ role, content: [{ type: "text", text: content }], ...(toolCalls ? { toolCalls } : {}) });
		return given;
	}

	#question() {
		const messages = [...this.#messages];
		return {
			testId: this.#one.test.id,
			attempt: this.#name.attempt,
			messages,
			prompt: promptText(messages),
			files: requestFiles(messages),
			...(this.#place.workspacePath === undefined ? {} : { workspacePath: this.#place.workspacePath }),
			providerContext: this.#place.providerContext,
			session: this.#session,
			scratch: this.#scratch,
			log: (text: string) => this.#place.logs.add("target", this.#one.target.target.name, text),
		};
	}
}

/** What a conversation takes place in. */
export interface ConversationPlace extends Pick<AttemptOutcome, "workspacePath"> {
	readonly providerContext: Readonly<Record<string, unknown>>;
	readonly timer: StageTimer;
	readonly logs: StageLogs;
}

/** Returns whether a turn has graders of its own. */
export function isGradedTurn(turn: Turn): boolean {
	return turn.assertions.length > 0;
}

/** Returns how many turns with graders a conversation skipped that ended after `held` turns. */
export function unheldTurns({ turns }: TestCase, held: number): number {
	return turns.slice(held).filter(isGradedTurn).length;
}
