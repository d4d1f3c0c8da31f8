import type { Grader } from "../contract.ts";
import { programPayload } from "../program-payload.ts";
import { programReply } from "../program-reply.ts";
import { runProgram } from "../run-program.ts";
import { barOf } from "../verdict.ts";

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
