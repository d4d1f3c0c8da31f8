import { resolve } from "node:path";
import { mergeRuns, resolveRun } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { mergeJson } from "../report/merge-json.ts";
import { mergeText } from "../report/merge-text.ts";
import { shownDirectory } from "../run/summary-text.ts";
import { colorsFor } from "../terminal/colors.ts";

interface ResultsMergeOptions {
	readonly output: string;
	readonly json?: boolean;
}

export async function resultsMerge(
	names: readonly string[],
	options: ResultsMergeOptions,
	context: Context,
): Promise<CommandResult> {
	const runs = names.map((name) => ({ name: name.replace(/(?<=[^/])\/+$/, ""), directory: resolveRun(name, context) }));
	const output = resolve(context.cwd, options.output);
	const merge = await mergeRuns(runs, output, context);
	if (options.json) return mergeJson(merge, output);
	return mergeText(merge, shownDirectory(output, context.cwd), colorsFor(context.stdout));
}
