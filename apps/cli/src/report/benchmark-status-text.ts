import { type BenchmarkReport, type BenchmarkReports, type LastSync, terminalSafeLine } from "@agentv/core";
import type { Output } from "../context.ts";
import { type Colors, colorsFor } from "../terminal/colors.ts";
import { stateText } from "../terminal/state-text.ts";
import { wrapLine } from "../terminal/wrap-line.ts";

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
