import { AgentvError, type Diagnostic, exitCodes, resourceError, terminalSafe } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type Colors, colorsFor } from "../terminal/colors.ts";

/**
 * What went wrong, as text for stderr, and the exit code it stands for. An AgentvError says what, where and what to
 * do; anything else is a fault of ours. `--debug` adds the causes, and stacks where they help to find a fault.
 */
export async function reportError(thrown: unknown, context: Context): Promise<CommandResult & { text: string }> {
	const error = thrown instanceof AgentvError ? thrown : (resourceError("AgentV", thrown) ?? thrown);
	const colors = colorsFor(context.stderr);
	const lines =
		error instanceof AgentvError ? await expected(error, context, colors) : unexpected(error, context, colors);
	if (context.debug) lines.push(...causes(error, colors));
	return { text: `${lines.join("\n")}\n`, exitCode: exitCodeOf(error) };
}

/** The same for what no command caught: the process ends, so nothing is waited for or loaded. */
export function reportFault(
	thrown: unknown,
	context: Pick<Context, "debug" | "stderr">,
): CommandResult & { text: string } {
	const error = thrown instanceof AgentvError ? thrown : (resourceError("something", thrown) ?? thrown);
	const colors = colorsFor(context.stderr);
	const lines = error instanceof AgentvError ? sentences(error, context, colors) : unexpected(error, context, colors);
	if (context.debug) lines.push(...causes(error, colors));
	return { text: `${lines.join("\n")}\n`, exitCode: exitCodeOf(error) };
}

function exitCodeOf(error: unknown): number {
	return exitCodes[error instanceof AgentvError ? error.code : "internal"];
}

async function expected(error: AgentvError, context: Context, colors: Colors): Promise<string[]> {
	const [message = "", ...more] = sentences(error, context, colors);
	return [message, ...(await findings(error.diagnostics, context, colors)), ...more];
}

function sentences(error: AgentvError, context: Pick<Context, "debug">, colors: Colors): string[] {
	const lines = [`${colors.red("error:")} ${terminalSafe(error.message)}`];
	if (error.hint !== undefined) lines.push(`${colors.cyan("hint:")} ${terminalSafe(error.hint)}`);
	if (context.debug && error.stack !== undefined) lines.push(colors.dim(stackOf(error)));
	return lines;
}

function unexpected(error: unknown, context: Pick<Context, "debug">, colors: Colors): string[] {
	const said = error instanceof Error ? error.message : String(error);
	const lines = [`${colors.red("error:")} Something went wrong inside AgentV: ${terminalSafe(said)}`];
	if (!context.debug)
		lines.push(`${colors.cyan("hint:")} This is a fault of AgentV. Run it again with --debug to see where.`);
	else if (error instanceof Error) lines.push(colors.dim(stackOf(error)));
	return lines;
}

async function findings(
	diagnostics: readonly Diagnostic[],
	context: Context,
	colors: Colors,
): Promise<readonly string[]> {
	if (diagnostics.length === 0) return [];
	// Only a failure with a place needs the parsers: everything else stays quick.
	const { findingsText } = await import("../terminal/findings-text.ts");
	return findingsText(diagnostics, context.cwd, colors);
}

/** The chain of causes, each with its stack; a circle of causes ends where it began. */
function causes(error: unknown, colors: Colors): string[] {
	const seen = new Set<unknown>([error]);
	const lines: string[] = [];
	let cause = error instanceof Error ? error.cause : undefined;
	while (cause !== undefined && !seen.has(cause)) {
		seen.add(cause);
		lines.push(
			`${colors.bold("caused by:")} ${terminalSafe(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause))}`,
		);
		if (cause instanceof Error) lines.push(colors.dim(stackOf(cause)));
		cause = cause instanceof Error ? cause.cause : undefined;
	}
	return lines;
}

/** The stack without its first lines, which repeat the message. */
function stackOf(error: Error): string {
	return (error.stack ?? "")
		.split("\n")
		.filter((line) => /^\s+at /.test(line))
		.join("\n");
}
