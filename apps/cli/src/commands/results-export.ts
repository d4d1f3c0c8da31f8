import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { isFinished, openRun, resolveRun, terminalSafeLine, writeAllOrNone } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type RunExport, warnOfBadLines } from "../exporters/export.ts";
import { shownDirectory, sumOfRows, unfinishedSentence } from "../output/run.ts";
import { colorsFor } from "../output/terminal.ts";
import type { ExportFormat } from "../program/options.ts";

/** Loads exporters on demand. */
const exports: Readonly<Record<ExportFormat, () => Promise<RunExport>>> = {
	junit: async () => (await import("../exporters/export.ts")).exportJunit,
	json: async () => (await import("../exporters/export.ts")).exportJson,
	jsonl: async () => (await import("../exporters/export.ts")).exportJsonl,
	html: async () => {
		const { exportRun } = await import("@agentv/studio/export");
		return (run) => exportRun(run, fileURLToPath(new URL("./studio", import.meta.url)));
	},
	markdown: async () => (await import("../exporters/export.ts")).exportMarkdown,
};

export async function resultsExport(
	which: string,
	options: { readonly format: ExportFormat; readonly output?: string },
	context: Context,
): Promise<CommandResult> {
	const directory = resolveRun(which, context);
	const run = openRun(directory);
	// Every test of a finished run has a row, so that counting can be skipped.
	const unfinished = isFinished(run.summary) ? undefined : unfinishedSentence(sumOfRows(run));
	const name = shownDirectory(directory, context.cwd);
	const exportRun = await exports[options.format]();
	const text = exportRun({ ...run, name });
	if (unfinished !== undefined)
		context.stderr.write(`${colorsFor(context.stderr).yellow("warning:")} ${terminalSafeLine(name)}: ${unfinished}\n`);
	const document = withWarning(text, () => warnOfBadLines(name, run.rows.badLines, context));
	if (options.output === undefined) return { text: document, exitCode: 0 };
	const file = resolve(context.cwd, options.output);
	writeAllOrNone([{ path: file, content: document }]);
	return { text: `Wrote ${shownDirectory(file, context.cwd)}\n`, exitCode: 0 };
}

/** Warns at the end, once all rows have been read. */
function* withWarning(text: Iterable<string>, warn: () => void): Generator<string> {
	yield* text;
	warn();
}
