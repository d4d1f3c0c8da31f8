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
 * Returns the prompt for a grader model without the reply format: the author's prompt (text, file,
 * or a program's output), or the built-in one. A prompt without placeholders is an instruction; the
 * material is appended.
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

/** Returns the text of a grader's prompt file, with the test's `vars`. */
export function promptFileText(
	{ promptFile, promptText }: Pick<Assertion, "promptFile" | "promptText">,
	{ scope, view }: GraderServices,
): string | undefined {
	if (!promptFile) return undefined;
	return promptText ?? view.readText(resolveWithinReach(promptFile, "prompt file", scope, view).path);
}

/** Shorter answers are not searched in a printed prompt: they can be the author's words. */
const shortestQuotation = 16;

/**
 * Fills a program's output. It can contain the answer, and with it placeholders from the candidate:
 * those in the candidate's texts stay unfilled. The answer is fenced if the program printed it; if
 * the prompt doesn't contain it, the material is appended.
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

/** Returns the output of the prompt's program. */
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
	if (result.stdoutPath !== undefined) return failed("printed more than a prompt can contain");
	if (result.exitCode === 0 && result.stdout.trim() !== "") return result.stdout;
	const said = result.stderr.trim().slice(-500);
	return failed(
		`ended with ${result.exitCode} and ${result.stdout.trim() === "" ? "no prompt" : "a prompt"}${said === "" ? "" : `: ${said}`}`,
	);
}
