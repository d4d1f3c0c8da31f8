import { planSync } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { json, plansJson } from "../report/benchmark-json.ts";
import { plansText } from "../report/sync-plan-text.ts";
import { syncAndReport } from "../sync/sync-and-report.ts";

interface SyncCommandOptions {
	readonly dryRun?: boolean;
	readonly reset?: boolean;
	readonly concurrency: number;
	readonly timeout: number;
	readonly json?: boolean;
}

export async function benchmarkSync(
	ids: readonly string[],
	options: SyncCommandOptions,
	context: Context,
): Promise<CommandResult> {
	const { reset, concurrency } = options;
	const request = { ids, reset, concurrency, timeoutMs: options.timeout * 1000 };
	if (!options.dryRun) {
		const { text, exitCode, document } = await syncAndReport(request, context, options.json === true);
		return { text: options.json ? json(document) : text, exitCode };
	}
	const plans = await planSync({ env: context.env, signal: context.signal, ...request });
	const text = options.json ? plansJson(plans) : plansText(plans, context.stdout);
	return { text, exitCode: plans.some(({ action }) => action === "refuse") ? 1 : 0 };
}
