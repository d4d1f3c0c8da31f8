import type { GraderQuestion, GraderReply } from "../grading/contract.ts";
import { askTarget } from "./ask-target.ts";
import type { RunContext } from "./attempt-context.ts";
import type { PlannedCase } from "./run-plan.ts";
import { promptText, requestFiles } from "./test-input.ts";

const graderTimeoutMs = 120_000;

/** Puts a grader's question to its model. */
export async function askGraderModel(
	{ target: asked, messages, answerSchema }: GraderQuestion,
	one: PlannedCase,
	{ plan, targets, signal }: RunContext,
	scratch: () => string,
): Promise<GraderReply> {
	const target = plan.graderTarget(one.eval.label, asked, one.target.target);
	if (!target) {
		const message = `no target to grade with: ${asked ?? "neither the grader nor the target names one"}`;
		return { ok: false, failure: { code: "no-grader-target", message, retryable: false } };
	}
	const live = await targets.live(target, one.eval);
	if (live.problem)
		return { ok: false, failure: { code: "not-usable", message: live.problem.message, retryable: false } };
	const question = {
		testId: one.test.id,
		attempt: 1,
		messages,
		prompt: promptText(messages),
		files: requestFiles(messages),
		providerContext: {},
		scratch,
		...(answerSchema ? { answerSchema } : {}),
	};
	const timeoutMs =
		target.settings.timeoutSeconds === undefined ? graderTimeoutMs : target.settings.timeoutSeconds * 1000;
	const { outcome } = await askTarget([live], question, { signal, timeoutMs });
	const model = "model" in target.settings ? target.settings.model : undefined;
	const usage = { target: target.name, ...(model === undefined ? {} : { model }) };
	if (!outcome.ok) return { ok: false, failure: outcome.failure, usage };
	const { tokenUsage, costUsd } = outcome.answer;
	return {
		ok: true,
		answer: outcome.answer,
		usage: {
			...usage,
			...(tokenUsage === undefined ? {} : { tokenUsage }),
			...(costUsd === undefined ? {} : { costUsd }),
		},
	};
}
