import {
	addBenchmark,
	benchmarkStatus,
	listBenchmarks,
	planSync,
	readRegistry,
	removeBenchmark,
	type SyncOptions,
	type SyncResult,
	sync,
	terminalSafeLine,
	type WrittenEntry,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import {
	benchmarkStatusText,
	benchmarkTable,
	plansText,
	reportsJson,
	resultsText,
	syncProgress,
} from "../output/benchmark.ts";
import { colorsFor, json } from "../output/terminal.ts";
import { writeWarnings } from "../output/validate.ts";

interface AddCommandOptions {
	readonly id?: string;
	readonly name?: string;
	readonly ref?: string;
	readonly path?: string;
	readonly sync?: boolean;
	readonly json?: boolean;
}

export async function benchmarkAdd(
	location: string,
	options: AddCommandOptions,
	context: Context,
): Promise<CommandResult> {
	const { id, name, ref, path } = options;
	const entry = await addBenchmark(location, { env: context.env, cwd: context.cwd, id, name, ref, path });
	const added = { id: entry.id, file: entry.file, entry: entry.fields };
	const isGit = entry.fields["source"] !== undefined;
	if (options.sync && isGit) {
		context.stderr.write(addedText(entry, false));
		const { results, exitCode } = await syncAll({ ids: [entry.id] }, context);
		return { text: options.json ? json({ added, results }) : resultsText(results, context.stdout), exitCode };
	}
	return { text: options.json ? json({ added }) : addedText(entry, isGit), exitCode: 0 };
}

function addedText({ file, id, fields }: WrittenEntry, suggestSync: boolean): string {
	const next = suggestSync ? `Get it with: agentv benchmark sync ${id}\n` : "";
	return `Added to ${file}:\n${fieldLines(fields, "  ").join("")}${next}`;
}

function fieldLines(fields: WrittenEntry["fields"], indent: string): string[] {
	return Object.entries(fields).flatMap(([key, value]) =>
		typeof value === "string"
			? [`${indent}${key}: ${value}\n`]
			: [`${indent}${key}:\n`, ...fieldLines(value, `${indent}  `)],
	);
}

export async function benchmarkList(options: { readonly json?: boolean }, context: Context): Promise<CommandResult> {
	const reports = await listBenchmarks({ env: context.env, signal: context.signal });
	writeWarnings(reports.diagnostics, context);
	return { text: options.json ? reportsJson(reports) : benchmarkTable(reports, context.stdout), exitCode: 0 };
}

export async function benchmarkRemove(
	id: string,
	options: { readonly json?: boolean },
	context: Context,
): Promise<CommandResult> {
	const removed = await removeBenchmark(id, { env: context.env });
	const text = options.json
		? json({ removed })
		: `Removed ${id} from ${removed.file}. Its directory was kept: ${terminalSafeLine(removed.path)}\n`;
	return { text, exitCode: 0 };
}

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
		const { results, exitCode } = await syncAll(request, context);
		return { text: options.json ? json({ results }) : resultsText(results, context.stdout), exitCode };
	}
	const plans = await planSync({ env: context.env, signal: context.signal, ...request });
	const text = options.json ? json({ plans }) : plansText(plans, context.stdout);
	return { text, exitCode: plans.some(({ action }) => action === "refuse") ? 1 : 0 };
}

async function syncAll(request: Omit<SyncOptions, "env" | "signal">, context: Context) {
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
	return { results, exitCode: interrupted ? 130 : failed ? 1 : 0 };
}
