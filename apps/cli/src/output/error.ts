import { AgentvError, type Diagnostic, exitCodes, resourceError, terminalSafe } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type Colors, colorsFor } from "./terminal.ts";

/**
 * Returns the text for stderr and the exit code. Errors other than AgentvError are bugs in AgentV. `--debug` adds causes
 * and stack traces.
 */
export async function reportError(thrown: unknown, context: Context): Promise<CommandResult & { text: string }> {
	const error = thrown instanceof AgentvError ? thrown : (resourceError("AgentV", thrown) ?? thrown);
	const colors = colorsFor(context.stderr);
	const lines =
		error instanceof AgentvError ? await expected(error, context, colors) : unexpected(error, context, colors);
	if (context.debug) lines.push(...causes(error, colors));
	return { text: `${lines.join("\n")}\n`, exitCode: exitCodeOf(error) };
}

/** Like `reportError` for uncaught errors: synchronous, because the process is about to exit. */
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
	const message = error instanceof Error ? error.message : String(error);
	const lines = [`${colors.red("error:")} internal error: ${terminalSafe(message)}`];
	if (!context.debug)
		lines.push(`${colors.cyan("hint:")} This is a bug in AgentV. Re-run with --debug for a stack trace.`);
	else if (error instanceof Error) lines.push(colors.dim(stackOf(error)));
	return lines;
}

async function findings(
	diagnostics: readonly Diagnostic[],
	context: Context,
	colors: Colors,
): Promise<readonly string[]> {
	if (diagnostics.length === 0) return [];
	// Loads the parsers only if there are locations to show.
	const { findingsText } = await import("./validate.ts");
	return findingsText(diagnostics, context.cwd, colors);
}

/** Lists the chain of causes with their stacks; stops at a cycle. */
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

/** Returns the stack without the message at its beginning. */
function stackOf(error: Error): string {
	return (error.stack ?? "")
		.split("\n")
		.filter((line) => /^\s+at /.test(line))
		.join("\n");
}
