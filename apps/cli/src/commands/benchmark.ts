import {
	addBenchmark,
	benchmarkStatus,
	listBenchmarks,
	planSync,
	readRegistry,
	removeBenchmark,
	type SyncEvent,
	type SyncOptions,
	type SyncResult,
	sync,
	terminalSafeLine,
	type WrittenEntry,
} from "@agentv/core";
import type { CommandResult, Context, Output } from "../context.ts";
import {
	benchmarkStatusText,
	benchmarkTable,
	json,
	plansJson,
	plansText,
	reportsJson,
	resultsDocument,
	resultsText,
} from "../output/benchmark.ts";
import { liveLines } from "../output/live.ts";
import { type Colors, colorsFor } from "../output/terminal.ts";
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
	const isGit = entry.fields["source"] !== undefined;
	if (options.sync && isGit) {
		context.stderr.write(addedText(entry, false));
		const synced = await syncAndReport({ ids: [entry.id] }, context, options.json === true);
		return options.json ? { ...synced, text: json({ added: addedJson(entry), ...synced.document }) } : synced;
	}
	return { text: options.json ? json({ added: addedJson(entry) }) : addedText(entry, isGit), exitCode: 0 };
}

function addedJson({ file, id, fields }: WrittenEntry) {
	return { id, file, entry: fields };
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
		const { text, exitCode, document } = await syncAndReport(request, context, options.json === true);
		return { text: options.json ? json(document) : text, exitCode };
	}
	const plans = await planSync({ env: context.env, signal: context.signal, ...request });
	const text = options.json ? plansJson(plans) : plansText(plans, context.stdout);
	return { text, exitCode: plans.some(({ action }) => action === "refuse") ? 1 : 0 };
}

/** Syncs, shows progress on stderr, and returns the results as text and as a document. */
async function syncAndReport(
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

/** Shows the progress of a sync. */
export interface SyncProgress {
	show(event: SyncEvent): void;
	/** Removes the live view. */
	end(): void;
}

/** Shows a line per running benchmark with git's phase and percent on a terminal, plain lines otherwise. */
function syncProgress(output: Output, colors: Colors): SyncProgress {
	return output.isTTY ? liveProgress(output, colors) : plainProgress(output);
}

function plainProgress(output: Output): SyncProgress {
	return {
		show(event) {
			const words = notable(event);
			if (words !== undefined && "id" in event) output.write(`${event.id}: ${terminalSafeLine(words)}\n`);
		},
		end: () => undefined,
	};
}

function notable(event: SyncEvent): string | undefined {
	if (event.type === "started") return "looking …";
	if (event.type === "waiting") return `waiting for process ${event.pid}, which is syncing the same directory …`;
	if (event.type === "recovered") return event.message;
	if (event.type === "planned" && event.plan.action !== "none") return `${event.plan.message} …`;
	return undefined;
}

function liveProgress(output: Output, colors: Colors): SyncProgress {
	const lines = new Map<string, string>();
	const view = liveLines(output);
	const draw = () => view.draw([...lines].map(([id, words]) => `${colors.cyan("›")} ${colors.bold(id)}  ${words}`));
	return {
		show(event) {
			if (event.type === "finished") lines.delete(event.id);
			else if (event.type === "progress") lines.set(event.id, phaseText(event));
			else if ("id" in event) lines.set(event.id, terminalSafeLine(notable(event) ?? "looking …"));
			draw();
		},
		end: () => view.clear(),
	};
}

/** Puts the bar last, so that a narrow terminal cuts it off first. */
function phaseText({ phase, percent }: Extract<SyncEvent, { type: "progress" }>): string {
	return `${phase} ${String(percent).padStart(3)}% ${bar(percent)}`;
}

function bar(percent: number): string {
	const done = Math.round(percent / 10);
	return `${"█".repeat(done)}${"░".repeat(10 - done)}`;
}
