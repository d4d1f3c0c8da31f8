import { createOutputRedactor } from "@agentv/core";
import { CommanderError } from "commander";
import type { CommandResult, Context, Output } from "./context.ts";
import type { CommandGroup } from "./program/command-group.ts";
import { createProgram } from "./program.ts";
import { safeOutput } from "./terminal/safe-output.ts";
import { usageError } from "./usage-error.ts";

/**
 * Runs one command line (without `node` and the script) and returns its exit code; never throws.
 * All errors become text on stderr here.
 */
export async function main(
	argv: readonly string[],
	machine: Omit<Context, "debug">,
	groups?: readonly CommandGroup[],
): Promise<number> {
	const redact = createOutputRedactor(machine.env);
	const context: Context = {
		...machine,
		stdout: safeOutput(machine.stdout, redact),
		stderr: safeOutput(machine.stderr, redact),
		debug: beforeDashes(argv).includes("--debug"),
	};
	let result: CommandResult = { text: "", exitCode: 0 };
	const complaints: string[] = [];
	const finish = (finished: CommandResult) => {
		result = finished;
	};
	const program = createProgram(context, { finish, complain: (text) => complaints.push(text) }, groups);
	try {
		await program.parseAsync(argv, { from: "user" });
		await print(result, context.stdout);
		return result.exitCode;
	} catch (thrown) {
		if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0; // requested help
		if (thrown instanceof CommanderError && thrown.code === "commander.help") {
			context.stderr.write(complaints.join("")); // help because no command was given
			return 2;
		}
		const error = thrown instanceof CommanderError ? usageError(thrown, program, argv) : thrown;
		const { reportError } = await import("./report/error.ts");
		const report = await reportError(error, context);
		context.stderr.write(report.text);
		return report.exitCode;
	}
}

const printedAtOnce = 64 * 1024;

async function print({ text, kind }: CommandResult, stdout: Output): Promise<void> {
	if (typeof text === "string") return stdout.write(text, kind);
	let waiting = "";
	for (const piece of text) {
		waiting += piece;
		if (waiting.length < printedAtOnce) continue;
		stdout.write(waiting, kind ?? "document");
		waiting = "";
		if ((await stdout.drained?.()) === false) return;
	}
	stdout.write(waiting, kind ?? "document");
}

function beforeDashes(argv: readonly string[]): readonly string[] {
	const dashes = argv.indexOf("--");
	return dashes === -1 ? argv : argv.slice(0, dashes);
}
