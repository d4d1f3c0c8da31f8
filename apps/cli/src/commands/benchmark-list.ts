import { listBenchmarks } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { reportsJson } from "../report/benchmark-json.ts";
import { benchmarkTable } from "../report/benchmark-table.ts";
import { writeWarnings } from "../terminal/write-warnings.ts";

export async function benchmarkList(options: { readonly json?: boolean }, context: Context): Promise<CommandResult> {
	const reports = await listBenchmarks({ env: context.env, signal: context.signal });
	writeWarnings(reports.diagnostics, context);
	return { text: options.json ? reportsJson(reports) : benchmarkTable(reports, context.stdout), exitCode: 0 };
}
