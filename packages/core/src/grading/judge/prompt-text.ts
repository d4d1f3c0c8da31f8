import type { Assertion } from "../../model/eval-types.ts";
import { resolveWithinReach } from "../../model/reach.ts";
import { promptPlaceholders } from "../../schema/prompt-variables.ts";
import { answerText } from "../answer-text.ts";
import type { AssertionOf, CouldNotRun, GraderServices, Subject } from "../contract.ts";
import { programPayload } from "../program-payload.ts";
import { notRun } from "../program-reply.ts";
import { runProgram } from "../run-program.ts";
import { fence, fillPrompt, hasPlaceholders, holdsAnswer, type PromptParts } from "./fill-prompt.ts";
import { criteriaPrompt, rubricsPrompt } from "./judge-prompts.ts";

type Judged = AssertionOf<"llm-grader">;

/**
 * Returns the question to a judge without the form of the reply: the author's prompt (text, file, or what a program prints), or the built-in
 * one. A prompt that names no place for the material is an instruction; the material follows it.
 * @param rubrics the grader's own criteria, for `{{ rubrics }}`
 */
export async function judgePrompt(
	assertion: Judged,
	subject: Subject,
	services: GraderServices,
	rubrics: readonly object[],
): Promise<{ text: string } | CouldNotRun> {
	const parts = rubrics.length > 0 ? { rubrics } : {};
	const material = rubrics.length > 0 ? rubricsPrompt : criteriaPrompt;
	const { prompt } = assertion.settings;
	if (typeof prompt === "object" && assertion.command) {
		const printed = await printedPrompt(assertion, subject, services);
		return typeof printed === "string" ? { text: await fillPrinted(printed, material, subject, parts) } : printed;
	}
	const own = promptFileText(assertion, services) ?? (typeof prompt === "string" ? prompt : undefined);
	if (own === undefined) return { text: await fillPrompt(material, subject, parts) };
	return { text: await fillPrompt(hasPlaceholders(own) ? own : `${own}\n\n${material}`, subject, parts) };
}

/** Returns the text of a grader's prompt file, with the test's `vars` in it. */
export function promptFileText(
	{ promptFile, promptText }: Pick<Assertion, "promptFile" | "promptText">,
	{ scope, view }: GraderServices,
): string | undefined {
	if (!promptFile) return undefined;
	return promptText ?? view.readText(resolveWithinReach(promptFile, "prompt file", scope, view).path);
}

/** Answers shorter than this are not looked for in a printed prompt: they may be words of the author's. */
const shortestQuotation = 16;

/**
 * Fills what a program printed. It may hold the answer, and with it placeholders that the candidate wrote: those that the candidate's texts
 * hold stay as they are. The answer is fenced if the program printed it; if it has no place in the prompt, the material follows.
 */
async function fillPrinted(
	printed: string,
	material: string,
	subject: Subject,
	parts: Pick<PromptParts, "rubrics">,
): Promise<string> {
	const output = answerText(subject);
	const changes = subject.fileChanges ?? "";
	const written = [output, changes, JSON.stringify([subject.messages, subject.toolCalls])];
	const except = new Set(written.flatMap((text) => promptPlaceholders(text).map(({ name }) => name)));
	let text = printed;
	for (const quotation of [output.trim(), changes.trim()])
		if (quotation.length >= shortestQuotation) text = text.replaceAll(quotation, () => fence(quotation));
	const filled = await fillPrompt(text, subject, { ...parts, except });
	if (text !== printed || holdsAnswer(printed, except)) return filled;
	return `${filled}\n\n${await fillPrompt(material, subject, parts)}`;
}

/** What the prompt's program printed. */
async function printedPrompt(
	{ name, command, settings: { prompt, config } }: Judged,
	subject: Subject,
	services: GraderServices,
): Promise<string | CouldNotRun> {
	const what = `the prompt program of ${name}`;
	if (!command) return { couldNotRun: { code: "not-found", message: `${what} has no command` } };
	const own = typeof prompt === "object" ? prompt.config : undefined;
	const payload = programPayload(subject, { ...config, ...own }, services);
	const result = await runProgram({ command, payload }, subject, services);
	const broken = notRun(what, result);
	if (broken) return broken;
	const failed = (problem: string) => ({ couldNotRun: { code: "exit-code", message: `${what} ${problem}` } });
	if (result.stdoutPath !== undefined) return failed("printed more than a prompt can hold");
	if (result.exitCode === 0 && result.stdout.trim() !== "") return result.stdout;
	const said = result.stderr.trim().slice(-500);
	return failed(
		`ended with ${result.exitCode} and ${result.stdout.trim() === "" ? "no prompt" : "a prompt"}${said === "" ? "" : `: ${said}`}`,
	);
}
