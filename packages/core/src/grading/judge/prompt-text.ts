import { resolvePath } from "../../model/path-text.ts";
import type { AssertionOf, CouldNotRun, GraderServices, Subject } from "../contract.ts";
import { programPayload } from "../program-payload.ts";
import { runProgram } from "../run-program.ts";
import { fillPrompt, hasHoles } from "./fill-prompt.ts";
import { criteriaPrompt, scoreForm } from "./judge-prompts.ts";

type Judged = AssertionOf<"llm-grader">;

/** The whole question to a judge: the author's prompt (text, file, or what a program prints), or the built-in one. */
export async function judgePrompt(
	assertion: Judged,
	subject: Subject,
	services: GraderServices,
): Promise<{ text: string } | CouldNotRun> {
	const own = await authorPrompt(assertion, subject, services);
	if (own === undefined) return { text: await fillPrompt(criteriaPrompt, subject) };
	if (typeof own !== "string") return own;
	// A prompt that names no place for the material is an instruction; the material follows it.
	const whole = hasHoles(own) || assertion.command ? own : `${own}\n\n${criteriaPrompt}`;
	return { text: `${await fillPrompt(whole, subject)}\n\n${scoreForm}` };
}

async function authorPrompt(
	assertion: Judged,
	subject: Subject,
	services: GraderServices,
): Promise<string | CouldNotRun | undefined> {
	if (assertion.promptFile) {
		const { path } = resolvePath(assertion.promptFile, services.scope, services.view);
		return services.view.readText(path);
	}
	const { prompt, config } = assertion.settings;
	if (typeof prompt !== "object" || !assertion.command) return typeof prompt === "string" ? prompt : undefined;
	const payload = programPayload(subject, { ...config, ...prompt.config }, services);
	const result = await runProgram({ command: assertion.command, payload }, subject, services);
	if (result.exitCode === 0 && result.stdout.trim() !== "") return result.stdout;
	const reason =
		result.startError?.message ??
		(result.timedOut ? "it did not end in time" : `it ended with ${result.exitCode ?? result.signal} and no prompt`);
	return {
		couldNotRun: {
			code: result.timedOut ? "timeout" : "exit-code",
			message: `the prompt program of ${assertion.name} failed: ${reason}`,
		},
	};
}
