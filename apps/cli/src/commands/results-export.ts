import { resolve } from "node:path";
import {
	AgentvError,
	isFinished,
	openRun,
	readAttempt,
	readRecordHead,
	resolveRun,
	terminalSafeLine,
	writeAllOrNone,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import type { ExportFormat } from "../program/choices.ts";
import type { RunExport } from "../results/exported-run.ts";
import { warnOfBadLines } from "../results/warn-of-bad-lines.ts";
import { shownDirectory, sumOfRows, unfinishedSentence } from "../run/summary-text.ts";
import { colorsFor } from "../terminal/colors.ts";

/** Each format's export, loaded when it is asked for. */
const exports: Readonly<Record<ExportFormat, () => Promise<RunExport>>> = {
	junit: async () => (await import("../report/export-junit.ts")).exportJunit,
	json: async () => (await import("../report/export-json.ts")).exportJson,
	jsonl: async () => (await import("../report/export-jsonl.ts")).exportJsonl,
	html: async () => (await import("../report/export-html.ts")).exportHtml,
	markdown: async () => (await import("../report/export-markdown.ts")).exportMarkdown,
};

/** `agentv results export`: a run as one document, to stdout or a file. */
export async function resultsExport(
	which: string,
	options: { readonly format: ExportFormat; readonly output?: string },
	context: Context,
): Promise<CommandResult> {
	const directory = resolveRun(which, context);
	const run = openRun(directory);
	// Of a finished run every test has a row: there is nothing to count.
	const unfinished = isFinished(run.summary) ? undefined : unfinishedSentence(sumOfRows(run));
	const name = shownDirectory(directory, context.cwd);
	const exportRun = await exports[options.format]();
	const text = exportRun({
		...{ ...run, name },
		attempt: (file) => readAttempt(directory, file),
		head: (file, maxBytes) => beginning(directory, file, maxBytes),
	});
	if (unfinished !== undefined)
		context.stderr.write(`${colorsFor(context.stderr).yellow("warning:")} ${terminalSafeLine(name)}: ${unfinished}\n`);
	const told = withWarning(text, () => warnOfBadLines(name, run.rows.badLines, context));
	if (options.output === undefined) return { text: told, exitCode: 0 };
	const file = resolve(context.cwd, options.output);
	writeAllOrNone([{ path: file, content: told }]);
	return { text: `Wrote ${shownDirectory(file, context.cwd)}\n`, exitCode: 0 };
}

/** What can't be read is known once all was. */
function* withWarning(text: Iterable<string>, warn: () => void): Generator<string> {
	yield* text;
	warn();
}

/** The beginning of a record; a path that is outside the run's directory is not followed. */
function beginning(directory: string, file: string, maxBytes: number) {
	try {
		return readRecordHead(directory, file, maxBytes);
	} catch (error) {
		if (error instanceof AgentvError && error.code === "refused") return undefined;
		throw error;
	}
}
