import { addCosts } from "../grading/contract.ts";
import { omitUndefined } from "../lib/json.ts";
import { cutShort, type TargetAnswer } from "../targets/contract.ts";
import { type Asked, askTarget } from "./ask-target.ts";
import { type Answer, AttemptError, interrupted } from "./attempt.ts";
import { requestOf } from "./messages.ts";
import { countCall, type LiveAttempt } from "./run-context.ts";

/**
 * Sends the conversation so far to the attempt's target.
 * @throws AttemptError if the target fails; an interruption
 */
export async function askTested(live: LiveAttempt): Promise<Answer> {
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
	const asked = await timer.time("target", () =>
		askTarget(candidates, question, {
			...{ signal, timeoutMs: planned.timeoutMs },
			onCall: (target, costUsd) => countCall(context, planned, target, costUsd),
			onRetry: ({ message }, waitMs) => emit({ type: "retry", ...name, message, waitMs: Math.round(waitMs) }),
		}),
	);
	const { outcome, by, tries } = asked;
	if (!outcome.ok) {
		if (signal.aborted) throw interrupted();
		const { code, message, partial, causedBy } = outcome.failure;
		const after = tries > 1 ? ` (after ${tries} calls, the last to ${by})` : "";
		const row = omitUndefined({ stage: "target", code, message: message + after, causedBy });
		throw new AttemptError(row, partial && answerOf({ text: "", messages: [], ...partial }, asked));
	}
	const { answer } = outcome;
	onAnswer?.(name, answer);
	live.session = answer.session;
	const messages =
		answer.messages.length > 0 ? answer.messages : [{ role: "assistant" as const, content: answer.text }];
	return answerOf({ ...answer, messages }, asked);
}

/** Rounds to whole milliseconds, since graders use the recorded values. */
function answerOf({ session: _, ...answer }: TargetAnswer, { by, tries, durationMs, failedCalls }: Asked): Answer {
	const took = Math.round(answer.durationMs ?? durationMs);
	return { ...answer, by, tries, durationMs: took, ...addCosts(failedCalls, answer) };
}

/**
 * @throws AttemptError if an answer is truncated, so that it can't be graded. A refusal is an
 * answer
 */
export function refuseCut({ stopReason }: Answer): void {
	if (stopReason === undefined || stopReason === "refusal") return;
	const message = `the answer ${cutShort[stopReason]}`;
	throw new AttemptError({ stage: "target", code: stopReason.replace("_", "-"), message, causedBy: "agent" });
}
