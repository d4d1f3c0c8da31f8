import { join } from "node:path";
import { toWire } from "../format/codec.ts";
import { AgentvError } from "../lib/errors.ts";
import { redactDeep } from "../lib/redact.ts";
import { withTempDir } from "../machine/directories.ts";
import { writeAtomic } from "../machine/write-file.ts";
import type { TargetAnswer } from "../targets/contract.ts";
import { runEvals } from "./run-evals.ts";
import type { AttemptName, RunOutcome } from "./run-events.ts";
import type { RunPlan } from "./run-plan.ts";
import type { RunMachine } from "./run-request.ts";

interface RecordOptions {
	/** Absolute, replaced atomically. Nothing is written if no test has an answer. */
	readonly file: string;
	readonly signal: AbortSignal;
}

export interface RecordedAnswers {
	/** Tests with an answer. */
	readonly recorded: number;
	/** Tests without one, and why. */
	readonly missing: readonly { readonly testId: string; readonly message: string }[];
	readonly outcome: RunOutcome;
}

/**
 * Calls the plan's target (an `ungraded` plan of one eval and one target) and writes its answers
 * for `replay`, secrets redacted.
 * @throws AgentvError `usage` if the plan has several evals or targets; as `runEvals`
 */
export async function recordAnswers(
	plan: RunPlan,
	machine: RunMachine,
	options: RecordOptions,
): Promise<RecordedAnswers> {
	const names = [...new Set(plan.cases.map(({ target }) => target.target.name))];
	if (plan.evals.length > 1 || names.length > 1)
		throw new AgentvError("usage", "answers can only be recorded for one eval and one target at a time", {
			hint: `Specify one eval, and one target with --target (${names.join(", ")}).`,
		});
	const answers = new Map<string, { readonly name: AttemptName; readonly turns: TargetAnswer[] }>();
	const missing: RecordedAnswers["missing"][number][] = [];
	let outcome: RunOutcome = "complete";
	const keyOf = ({ testId, attempt }: AttemptName) => JSON.stringify([testId, attempt]);
	await withTempDir("agentv-record-", async (directory) => {
		const onAnswer = (name: AttemptName, answer: TargetAnswer) => {
			const known = answers.get(keyOf(name));
			if (known) known.turns.push(answer);
			else answers.set(keyOf(name), { name, turns: [answer] });
		};
		const output = join(directory, "run");
		for await (const event of runEvals(plan, machine, { signal: options.signal, output, onAnswer })) {
			if (event.type === "done") outcome = event.outcome;
			if (event.type !== "attempt-finished" || event.row.executionStatus === "ok") continue;
			answers.delete(keyOf(event));
			missing.push({ testId: event.testId, message: event.row.error?.message ?? "it gave no answer" });
		}
	});
	const repeats = plan.cases.some(({ repeat }) => repeat.count > 1);
	const inOrder = [...answers.values()].sort(
		({ name: one }, { name: other }) => one.index - other.index || one.attempt - other.attempt,
	);
	const lines = inOrder.flatMap(({ name, turns }) =>
		turns.map((answer) => `${JSON.stringify(redactDeep(fixture(name, answer, repeats), plan.redact))}\n`),
	);
	if (lines.length > 0) writeAtomic(options.file, lines.join(""));
	return { recorded: new Set(inOrder.map(({ name }) => name.testId)).size, missing, outcome };
}

function fixture({ testId, attempt }: AttemptName, answer: TargetAnswer, repeats: boolean): Record<string, unknown> {
	const { text, messages, llmCalls, stopReason, cached } = answer;
	const { tokenUsage, costUsd, durationMs } = cached ?? answer;
	return {
		test_id: testId,
		...(repeats ? { attempt } : {}),
		output: text,
		...(messages.some(({ toolCalls, parts }) => toolCalls || parts) || messages.length > 1
			? {
					output_messages: messages.map(({ toolCalls, parts, ...message }) => ({
						...toWire(message),
						...(parts ? { content: parts.map(toWire) } : {}),
						...(toolCalls ? { tool_calls: toolCalls.map(toWire) } : {}),
					})),
				}
			: {}),
		...toWire({ tokenUsage, costUsd, durationMs, llmCalls, stopReason }),
	};
}
