import { type SyncOptions, type SyncResult, sync } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { resultsDocument } from "../report/benchmark-json.ts";
import { resultsText } from "../report/sync-text.ts";
import { colorsFor } from "../terminal/colors.ts";
import { syncProgress } from "./sync-progress.ts";

/** Syncs, shows what happens on stderr, and answers the results as text and as a document. */
export async function syncAndReport(
	request: Omit<SyncOptions, "env" | "signal">,
	context: Context,
	isQuiet: boolean,
): Promise<CommandResult & { readonly document: ReturnType<typeof resultsDocument> }> {
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
	const failed = results.some(({ outcome }) => outcome === "refused" || outcome === "failed");
	return {
		text: isQuiet ? "" : resultsText(results, context.stdout),
		exitCode: interrupted ? 130 : failed ? 1 : 0,
		document: resultsDocument(results),
	};
}
