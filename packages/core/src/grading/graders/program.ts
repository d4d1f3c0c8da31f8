import { z } from "zod";
import { type CommandSpec, programArgv } from "../../eval/command.ts";
import type { CustomAssertion } from "../../eval/eval-types.ts";
import { commandSchema, dataSchema, older, unsupported } from "../../format/codec.ts";
import { commandFields } from "../../format/eval-file.ts";
import { barOf, defineGrader, type Grade, type GraderServices, type Grading, type Subject } from "../contract.ts";
import { programPayload, programReply, runProgram } from "../run-program.ts";

/** Grades by a user's program: JSON on stdin, `{score, assertions}` on stdout. */
export const codeGrader = defineGrader({
	type: "code-grader",
	aliases: ["code-judge", "script"],
	score: "as the program says, see below",
	options: {
		command: commandSchema.optional(),
		script: older(commandSchema, "command"),
		...commandFields,
		target: unsupported(z.union([z.string(), z.boolean(), dataSchema]), {
			allows: (value) => value === false,
			hint: "call a model from the program, or use an `llm-grader`",
		}),
		preprocessors: unsupported(z.array(z.unknown()), { hint: "define `preprocessors` in the eval" }),
	},
	takesConfig: true,
	holds: "command",
	version: "2",
	reproducible: () => false,
	async grade(assertion, subject, services) {
		const { command, name } = assertion;
		if (!command) return { couldNotRun: { code: "not-found", message: `${name} has no command` } };
		return gradeBy(command, assertion, subject, services);
	},
});

/** A program in `.agentv/graders/`: a code-grader whose `config` is the other keys. */
export const custom: Grading<CustomAssertion> = {
	version: "2",
	reproducible: () => false,
	async grade(assertion, subject, services) {
		const { program, base, at, cwd } = assertion;
		const argv = programArgv(program, services.env, base);
		if (!argv.ok) return { couldNotRun: { code: "not-found", message: argv.message } };
		return gradeBy(
			{ kind: "custom-grader" as const, text: [...argv.argv], at, base, ...(cwd ? { cwd } : {}) },
			assertion,
			subject,
			services,
		);
	},
};

interface ProgramAssertion {
	readonly name: string;
	readonly minScore?: number | undefined;
	readonly rest: Readonly<Record<string, unknown>>;
	readonly settings: {
		readonly config?: Readonly<Record<string, unknown>> | undefined;
		readonly timeoutSeconds?: number | undefined;
	};
}

async function gradeBy(
	command: CommandSpec,
	assertion: ProgramAssertion,
	subject: Subject,
	services: GraderServices,
): Promise<Grade> {
	const { name, rest, settings } = assertion;
	const payload = programPayload(subject, { ...rest, ...settings.config }, services);
	const result = await runProgram({ command, timeoutSeconds: settings.timeoutSeconds, payload }, subject, services);
	return programReply(name, result, barOf(assertion, subject));
}
