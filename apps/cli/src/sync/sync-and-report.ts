import { readRegistry, type SyncOptions, type SyncResult, sync } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { resultsDocument } from "../report/benchmark-json.ts";
import { resultsText } from "../report/sync-text.ts";
import { colorsFor } from "../terminal/colors.ts";
import { writeWarnings } from "../terminal/write-warnings.ts";
import { syncProgress } from "./sync-progress.ts";

/** Syncs, shows progress on stderr, and returns the results as text and as a document. */
export async function syncAndReport(
	request: Omit<SyncOptions, "env" | "signal">,
	context: Context,
	isQuiet: boolean,
): Promise<CommandResult & { readonly document: ReturnType<typeof resultsDocument> }> {
	// Invalid entries can't be synced; report them if all benchmarks were requested.
	const problems = request.ids === undefined || request.ids.length === 0 ? readRegistry(context.env).diagnostics : [];
	writeWarnings(problems, context);
	const progress = syncProgress(context.stderr, colorsFor(context.stderr));
	let results: readonly SyncResult[] = [];
	let interrupted = false;
	try {
		for await (const event of sync({ env: context.env, signal: context.signal, ...request })) {
			progress.show(event);
			if (event.type === "outcome") ({ results, interrupted } = event);
		}
	} finally {
		progress.end();
	}
	const failed = problems.length > 0 || results.some(({ outcome }) => outcome === "refused" || outcome === "failed");
	return {
		text: isQuiet ? "" : resultsText(results, context.stdout),
		exitCode: interrupted ? 130 : failed ? 1 : 0,
		document: resultsDocument(results),
	};
}
