import { resolve } from "node:path";
import { isFinished, openRun, resolveRun, terminalSafeLine, writeAllOrNone } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { warnOfBadLines } from "../exporters/export.ts";
import { exportFormats } from "../exporters/formats.ts";
import { shownDirectory, sumOfRows, unfinishedSentence } from "../output/run.ts";
import { colorsFor } from "../output/terminal.ts";

export async function resultsExport(
	which: string,
	options: { readonly format: keyof typeof exportFormats; readonly output?: string },
	context: Context,
): Promise<CommandResult> {
	const directory = resolveRun(which, context);
	const run = openRun(directory);
	// Every test of a finished run has a row, so that counting can be skipped.
	const unfinished = isFinished(run.summary) ? undefined : unfinishedSentence(sumOfRows(run));
	const name = shownDirectory(directory, context.cwd);
	const exportRun = await exportFormats[options.format]();
	const text = exportRun({ ...run, name });
	if (unfinished !== undefined)
		context.stderr.write(`${colorsFor(context.stderr).yellow("warning:")} ${terminalSafeLine(name)}: ${unfinished}\n`);
	const document = withWarning(text, () => warnOfBadLines(name, run.rows.badLines, context));
	if (options.output === undefined) return { text: document, exitCode: 0 };
	const file = resolve(context.cwd, options.output);
	writeAllOrNone([{ path: file, content: document }]);
	return { text: `Wrote ${shownDirectory(file, context.cwd)}\n`, exitCode: 0 };
}

/** Warns at the end, because only then have all rows been read. */
function* withWarning(text: Iterable<string>, warn: () => void): Generator<string> {
	yield* text;
	warn();
}
