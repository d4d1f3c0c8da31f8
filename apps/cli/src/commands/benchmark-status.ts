import { benchmarkStatus } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { reportsJson } from "../report/benchmark-json.ts";
import { benchmarkStatusText } from "../report/benchmark-status-text.ts";
import { writeWarnings } from "../terminal/write-warnings.ts";

interface StatusCommandOptions {
	readonly offline?: boolean;
	readonly timeout: number;
	readonly concurrency: number;
	readonly json?: boolean;
}

/** Exits 1 only if a revision is unknown or a directory is foreign. */
export async function benchmarkStatusOf(
	ids: readonly string[],
	options: StatusCommandOptions,
	context: Context,
): Promise<CommandResult> {
	const { env, signal } = context;
	const { offline, concurrency } = options;
	const reports = await benchmarkStatus({ env, signal, ids, offline, concurrency, timeoutMs: options.timeout * 1000 });
	writeWarnings(reports.diagnostics, context);
	const isBad = reports.benchmarks.some(
		({ revision, workTree }) => revision.state === "unknown" || workTree.state === "foreign",
	);
	const text = options.json ? reportsJson(reports) : benchmarkStatusText(reports, context.stdout);
	return { text, exitCode: isBad ? 1 : 0 };
}
