import { programArgv } from "../../eval/command.ts";
import { type AssertionOf, barOf, type Grader, type GraderServices } from "../contract.ts";
import { programPayload, programReply, runProgram } from "../run-program.ts";

/** Grades by a user's program: JSON on stdin, `{score, assertions}` on stdout. */
export const codeGrader: Grader<"code-grader"> = {
	types: ["code-grader"],
	version: "2",
	reproducible: () => false,
	async grade(assertion, subject, services) {
		const { command, settings, rest, name } = assertion;
		if (!command) return { couldNotRun: { code: "not-found", message: `${name} has no command` } };
		const result = await runProgram(
			{
				command,
				timeoutSeconds: settings.timeoutSeconds,
				payload: programPayload(subject, { ...rest, ...settings.config }, services),
			},
			subject,
			services,
		);
		return programReply(name, result, barOf(assertion, subject));
	},
};

/** A program in `.agentv/graders/`: a code-grader whose `config` is the other keys. */
export const custom: Grader<"custom"> = {
	types: ["custom"],
	version: "2",
	reproducible: () => false,
	async check(assertion, services) {
		const program = interpreterOf(assertion, services);
		return program.ok ? undefined : program.message;
	},
	async grade(assertion, subject, services) {
		const program = interpreterOf(assertion, services);
		if (!program.ok) return { couldNotRun: { code: "not-found", message: program.message } };
		const { settings, rest, base, at, name, cwd } = assertion;
		const payload = programPayload(subject, { ...rest, ...settings.config }, services);
		const command = { kind: "custom-grader" as const, text: [...program.argv], at, base, cwd };
		const run = { command, timeoutSeconds: settings.timeoutSeconds, payload };
		return programReply(name, await runProgram(run, subject, services), barOf(assertion, subject));
	},
};

function interpreterOf(assertion: AssertionOf<"custom">, services: GraderServices) {
	return programArgv(assertion.program, services.env, assertion.base);
}
