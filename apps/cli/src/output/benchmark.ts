import {
	type BenchmarkReport,
	type BenchmarkReports,
	type LastSync,
	recordToWire,
	type SyncChanges,
	type SyncEvent,
	type SyncPlan,
	type SyncResult,
	terminalSafeLine,
} from "@agentv/core";
import type { Output } from "../context.ts";
import { wrapLine } from "./fit-text.ts";
import { liveLines } from "./live.ts";
import { type Colors, colorsFor, json } from "./terminal.ts";

/** Follows docs/schemas/benchmark-output.schema.json. */
export function reportsJson({ benchmarks, diagnostics }: BenchmarkReports): string {
	const problems = diagnostics.map(({ rule, message, at }) => ({ rule, message, file: at.file }));
	return json({ benchmarks: recordToWire(benchmarks), problems });
}

export function benchmarkStatusText({ benchmarks }: BenchmarkReports, output: Output): string {
	if (benchmarks.length === 0) return "No benchmarks yet. Add one: agentv benchmark add <path-or-git-url>\n";
	const colors = colorsFor(output);
	return benchmarks.map((report) => entryText(report, colors, output)).join("");
}

function entryText(report: BenchmarkReport, colors: Colors, output: Output): string {
	const { revision, lastSync } = report;
	const lines = [
		`${sign(report, colors)} ${colors.bold(report.id)}  ${stateText(report)}: ${terminalSafeLine(report.message)}`,
	];
	if (revision.sha !== null) {
		const day = revision.committedAt?.slice(0, 10) ?? "";
		lines.push(
			`    ${colors.dim(`${revision.sha.slice(0, 12)}  ${day}  ${terminalSafeLine(revision.subject ?? "")}`)}`,
		);
	}
	if (lastSync?.status === "running")
		lines.push(`    ${colors.dim(`a sync has been running since ${lastSync.startedAt}`)}`);
	if (lastSync?.status === "failed") lines.push(`    ${colors.dim(failureText(lastSync, report.message))}`);
	return lines.map((line) => `${wrapLine(line, output)}\n`).join("");
}

/** Omits the message if `now` already contains it. */
function failureText({ finishedAt, startedAt, message }: LastSync, now: string): string {
	const failed = `last sync failed, ${finishedAt ?? startedAt}`;
	return now.includes(message) ? failed : `${failed}: ${terminalSafeLine(message)}`;
}

function sign({ revision, workTree }: BenchmarkReport, colors: Colors): string {
	if (revision.state === "unknown" || workTree.state === "foreign") return colors.red("✗");
	if (revision.state === "local" && revision.reason === null) return colors.green("✓");
	return revision.state === "synced" && workTree.state === "clean" ? colors.green("✓") : colors.yellow("●");
}

const headings = ["ID", "NAME", "PATH", "SOURCE", "REVISION", "STATE"] as const;

/** Formats a table, or blocks if the terminal is too narrow for it. */
export function benchmarkTable({ benchmarks }: BenchmarkReports, output: Output): string {
	if (benchmarks.length === 0) return "No benchmarks yet. Add one: agentv benchmark add <path-or-git-url>\n";
	const rows = benchmarks.map((report) => cells(report));
	const widths = headings.map((_, column) => Math.max(...[headings, ...rows].map((row) => row[column]?.length ?? 0)));
	const total = widths.reduce((sum, width) => sum + width + 2, -2);
	if (output.isTTY && total > output.columns) return blocks(rows, output);
	const colors = colorsFor(output);
	const padded = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
	const line = (row: readonly string[]) => padded(row).join("  ").trimEnd();
	return `${[colors.dim(line(headings)), ...rows.map(line)].join("\n")}\n`;
}

function cells(report: BenchmarkReport): string[] {
	const { source, revision } = report;
	const from = source ? `${source.url}${source.ref === null ? "" : ` (${source.ref})`}` : "-";
	const at = revision.sha === null ? "-" : `${revision.sha.slice(0, 12)}`;
	return [report.id, report.name, report.path, from, at, stateText(report)].map(terminalSafeLine);
}

function blocks(rows: readonly (readonly string[])[], output: Output): string {
	const colors = colorsFor(output);
	const labels = headings.slice(1).map((heading) => heading.toLowerCase());
	return rows
		.map(([id = "", ...rest]) => {
			const lines = rest.map((cell, index) => `  ${colors.dim((labels[index] ?? "").padEnd(8))}  ${cell}\n`);
			return `${colors.bold(id)}\n${lines.join("")}`;
		})
		.join("\n");
}

export function plansText(plans: readonly SyncPlan[], output: Output): string {
	if (plans.every(({ action }) => action === "skip")) return "Nothing to sync.\n";
	const colors = colorsFor(output);
	return plans.map((plan) => `${planLines(plan, colors, output).join("\n")}\n`).join("");
}

const words: Readonly<Record<SyncPlan["action"], string>> = {
	clone: "would clone",
	update: "would update",
	move: "would move",
	adopt: "would reset",
	none: "up to date",
	skip: "skipped",
	refuse: "would be refused",
};

function planLines({ id, action, message, changes }: SyncPlan, colors: Colors, output: Output): string[] {
	const first = wrapLine(`${colors.bold(id)}  ${words[action]}: ${terminalSafeLine(message)}`, output);
	return changes ? [first, ...changeLines(changes, colors, { files: true })] : [first];
}

export function resultsText(results: readonly SyncResult[], output: Output): string {
	if (results.every(({ outcome }) => outcome === "skipped")) {
		const passed = results.length === 0 ? "" : ` (${results.map(({ id }) => id).join(", ")}: local)`;
		return `Nothing to sync${passed}.\n`;
	}
	const colors = colorsFor(output);
	return results.map((result) => `${lines(result, colors, output).join("\n")}\n`).join("");
}

function lines(result: SyncResult, colors: Colors, output: Output): string[] {
	const sentence = `${result.outcome}: ${terminalSafeLine(result.message)}`;
	const first = wrapLine(`${syncSign(result, colors)} ${colors.bold(result.id)}  ${sentence}`, output);
	const { changes } = result;
	if (!changes || result.outcome !== "synced") return [first];
	return [first, ...changeLines({ ...changes, evals: [] }, colors, { files: false })];
}

function syncSign({ outcome }: SyncResult, colors: Colors): string {
	if (outcome === "refused" || outcome === "failed") return colors.red("✗");
	return outcome === "skipped" ? colors.dim("-") : colors.green("✓");
}

function stateText({ revision, workTree }: BenchmarkReport): string {
	return workTree.state === "clean" ? revision.state : `${revision.state}, ${workTree.state}`;
}

const maxLines = 20;

function changeLines(changes: SyncChanges, colors: Colors, show: { readonly files: boolean }): string[] {
	const { added, changed, removed, evals, executes } = changes;
	const counts = [`${added.length} added`, `${changed.length} changed`, `${removed.length} removed`].join(", ");
	const files = [
		...added.map((path) => `${colors.green("+")} ${terminalSafeLine(path)}`),
		...changed.map((path) => `${colors.yellow("~")} ${terminalSafeLine(path)}`),
		...removed.map((path) => `${colors.red("-")} ${terminalSafeLine(path)}`),
	];
	const touched = evals.map(({ file, change, tests }) => {
		const some =
			tests.length === 0
				? ""
				: `: ${tests.slice(0, 8).join(", ")}${tests.length > 8 ? ` and ${tests.length - 8} more` : ""}`;
		return `${terminalSafeLine(file)} (${change})${terminalSafeLine(some)}`;
	});
	const runs = executes.map(
		({ kind, what, eval: file, change }) => `${kind} ${terminalSafeLine(what)} (${change}, ${terminalSafeLine(file)})`,
	);
	return [
		`    files: ${counts}`,
		...(show.files ? cut(files).map((line) => `      ${line}`) : []),
		...section("affected evals:", touched),
		...section(colors.yellow("will execute on the next run:"), runs),
	];
}

function section(title: string, lines: readonly string[]): string[] {
	return lines.length === 0 ? [] : [`    ${title}`, ...cut(lines).map((line) => `      ${line}`)];
}

function cut(lines: readonly string[]): string[] {
	return lines.length <= maxLines ? [...lines] : [...lines.slice(0, maxLines), `and ${lines.length - maxLines} more`];
}

interface SyncProgress {
	show(event: SyncEvent): void;
	end(): void;
}

/** Shows git's phase and percent on a terminal, plain lines elsewhere. */
export function syncProgress(output: Output, colors: Colors): SyncProgress {
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

/** Puts the bar last, so that a narrow terminal cuts it first. */
function phaseText({ phase, percent }: Extract<SyncEvent, { type: "progress" }>): string {
	return `${phase} ${String(percent).padStart(3)}% ${bar(percent)}`;
}

function bar(percent: number): string {
	const done = Math.round(percent / 10);
	return `${"█".repeat(done)}${"░".repeat(10 - done)}`;
}
