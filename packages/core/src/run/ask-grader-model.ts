import { addCosts } from "../grading/add-costs.ts";
import type { GraderQuestion, GraderReply } from "../grading/contract.ts";
import type { Scratch } from "../io/files/scratch.ts";
import { askTarget } from "./ask-target.ts";
import { countCall, type RunContext } from "./attempt-context.ts";
import type { PlannedCase } from "./run-plan.ts";
import { promptText, requestFiles } from "./test-input.ts";

const graderTimeoutMs = 120_000;
const agents: ReadonlySet<string> = new Set(["claude", "codex", "copilot-cli", "pi-cli", "acp"]);

/** Puts a grader's question to its model. */
export async function askGraderModel(
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
