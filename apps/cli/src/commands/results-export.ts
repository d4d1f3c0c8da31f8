import { resolve } from "node:path";
import { AgentvError, readRecordText, readRun, resolveRun, writeAllOrNone } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import type { RunExport } from "../results/exported-run.ts";
import { shownDirectory } from "../run/summary-text.ts";

/** Each format's export, loaded when it is asked for. */
const exports: Readonly<Record<string, () => Promise<RunExport>>> = {
	junit: async () => (await import("../report/export-junit.ts")).exportJunit,
	json: async () => (await import("../report/export-json.ts")).exportJson,
	jsonl: async () => (await import("../report/export-jsonl.ts")).exportJsonl,
	html: async () => (await import("../report/export-html.ts")).exportHtml,
	markdown: async () => (await import("../report/export-markdown.ts")).exportMarkdown,
};

/** `agentv results export`: a run as one document, to stdout or a file. */
export async function resultsExport(
	which: string,
	options: { readonly format: string; readonly output?: string },
	context: Context,
): Promise<CommandResult> {
	const open = Object.hasOwn(exports, options.format) ? exports[options.format] : undefined;
	if (!open)
		throw new AgentvError("usage", `there is no format ${JSON.stringify(options.format)}`, {
			hint: `formats: ${Object.keys(exports).join(", ")}`,
		});
	const directory = resolveRun(which, context);
	const text = (await open())({
		...readRun(directory),
		name: shownDirectory(directory, context.cwd),
		detail: (file) => readable(directory, file),
	});
	if (options.output === undefined) return { text, exitCode: 0 };
	const file = resolve(context.cwd, options.output);
	writeAllOrNone([{ path: file, content: text }]);
	return { text: `Wrote ${shownDirectory(file, context.cwd)}\n`, exitCode: 0 };
}

/** A record that was deleted leaves the rest of a run worth exporting. */
function readable(directory: string, file: string): string | undefined {
	try {
		return readRecordText(directory, file);
	} catch (error) {
		if (error instanceof AgentvError && (error.code === "not-found" || error.code === "refused")) return undefined;
		throw error;
	}
}
