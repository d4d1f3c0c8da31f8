import {
	type BenchmarkReport,
	type BenchmarkReports,
	type LastSync,
	type SyncChanges,
	type SyncPlan,
	type SyncResult,
	terminalSafeLine,
} from "@agentv/core";
import type { Output } from "../context.ts";
import { type Colors, changeLines, colorsFor, stateText, wrapLine } from "./terminal.ts";

// One document per command; their schema is docs/schemas/benchmark-output.schema.json.

export function json(document: unknown): string {
	return `${JSON.stringify(document, null, 2)}\n`;
}

/** Formats `list` and `status`. */
export function reportsJson({ benchmarks, diagnostics }: BenchmarkReports): string {
	return json({
		benchmarks: benchmarks.map(reportDocument),
		problems: diagnostics.map(({ rule, message, at }) => ({ rule, message, file: at.file })),
	});
}

function reportDocument(report: BenchmarkReport) {
	const { revision, workTree, lastSync } = report;
	return {
		id: report.id,
		name: report.name,
		path: report.path,
		source: report.source,
		revision: {
			state: revision.state,
			wanted_ref: revision.wantedRef,
			wanted_sha: revision.wantedSha,
			sha: revision.sha,
			subject: revision.subject,
			committed_at: revision.committedAt,
			reason: revision.reason,
		},
		work_tree: { state: workTree.state, files: workTree.files },
		last_sync: lastSync && {
			status: lastSync.status,
			started_at: lastSync.startedAt,
			finished_at: lastSync.finishedAt,
			from: lastSync.from,
			to: lastSync.to,
			message: lastSync.message,
		},
		message: report.message,
	};
}

/** Formats `sync`. */
export function resultsDocument(results: readonly SyncResult[]) {
	return {
		results: results.map(({ id, outcome, from, to, message, edits, changes }) => {
			return { id, outcome, from, to, message, edits, changes: changesDocument(changes) };
		}),
	};
}

/** Formats `sync --dry-run`. */
export function plansJson(plans: readonly SyncPlan[]): string {
	return json({
		plans: plans.map(({ id, action, from, to, message, changes }) => {
			return { id, action, from, to, message, changes: changesDocument(changes) };
		}),
	});
}

function changesDocument(changes: SyncChanges | null) {
	return changes;
}

/** Reports each benchmark in a sentence (what differs, why, the next action) and its current commit. */
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

/** Leaves out the message if `now` already contains it. */
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

/** Formats the list as a table, or as blocks if the terminal is too narrow for it. */
export function benchmarkTable({ benchmarks }: BenchmarkReports, output: Output): string {
	if (benchmarks.length === 0) return "No benchmarks yet. Add one: agentv benchmark add <path-or-git-url>\n";
	const rows = benchmarks.map((report) => cells(report));
	const widths = headings.map((heading, column) => {
		return Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0));
	});
	const total = widths.reduce((sum, width) => sum + width + 2, -2);
	if (output.isTTY && total > output.columns) return blocks(rows, output);
	const colors = colorsFor(output);
	const line = (row: readonly string[]) =>
		row
			.map((cell, column) => cell.padEnd(widths[column] ?? 0))
			.join("  ")
			.trimEnd();
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

/** Reports the result for each benchmark. */
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
