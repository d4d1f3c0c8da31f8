import { AgentvError, exitCodes, resourceError, terminalSafe } from "@agentv/core";
import type { Context } from "../context.ts";
import { type Colors, colorsFor } from "./terminal.ts";

/**
 * Returns the text for stderr and the exit code. Errors other than AgentvError are bugs in AgentV;
 * `--debug` adds causes and stack traces.
 */
export async function reportError(thrown: unknown, context: Context) {
	const diagnostics = thrown instanceof AgentvError ? thrown.diagnostics : [];
	if (diagnostics.length === 0) return reportFault(thrown, context, { what: "AgentV" });
	// The parsers are only loaded if there are locations to show.
	const { findingsText } = await import("./validate.ts");
	return reportFault(thrown, context, {
		what: "AgentV",
		findings: findingsText(diagnostics, context.cwd, colorsFor(context.stderr)),
	});
}

/** Reports uncaught errors synchronously, because the process is about to exit. */
export function reportFault(
	thrown: unknown,
	context: Pick<Context, "debug" | "stderr">,
	{ what = "something", findings = [] }: { readonly what?: string; readonly findings?: readonly string[] } = {},
): { readonly text: string; readonly exitCode: number } {
	const error = thrown instanceof AgentvError ? thrown : (resourceError(what, thrown) ?? thrown);
	const colors = colorsFor(context.stderr);
	const isExpected = error instanceof AgentvError;
	const [message = "", ...more] = isExpected ? sentences(error, context, colors) : unexpected(error, context, colors);
	const lines = [message, ...findings, ...more, ...(context.debug ? causes(error, colors) : [])];
	return { text: `${lines.join("\n")}\n`, exitCode: exitCodes[isExpected ? error.code : "internal"] };
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

/** Stops at a cycle. */
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
