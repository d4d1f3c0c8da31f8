import { programArgv } from "../../model/program-argv.ts";
import type { AssertionOf, Grader, GraderServices } from "../contract.ts";
import { programPayload } from "../program-payload.ts";
import { programReply } from "../program-reply.ts";
import { runProgram } from "../run-program.ts";
import { barOf } from "../verdict.ts";

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
		const command = { text: [...program.argv], at, base, ...(cwd ? { cwd } : {}) };
		const run = { command, timeoutSeconds: settings.timeoutSeconds, payload };
		return programReply(name, await runProgram(run, subject, services), barOf(assertion, subject));
	},
};

function interpreterOf(assertion: AssertionOf<"custom">, services: GraderServices) {
	return programArgv(assertion.program, services.env, assertion.base);
}
