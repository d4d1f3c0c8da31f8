import { formatDuration, type ResultRow } from "@agentv/core";
import type { ExportedRun, RunExport } from "../results/exported-run.ts";
import { pageScript, pageStyle } from "../results/page-assets.ts";

/** Inputs and outputs are put in for runs up to this size; beyond it the page has rows and assertions only. */
const mostDetailed = 2000;
const longestText = 8000;

/** One page that opens from disk: filter, sort, details of each test, light and dark. Nothing is fetched. */
export const exportHtml: RunExport = function* (run) {
	const title = escaped(run.run.evals.map(({ name }) => name).join(", ") || "run");
	yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · AgentV</title>
<style>${pageStyle}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>${summaryLine(run)}</p>
<p class="dim">Run ${escaped(run.name)}, started ${escaped(run.run.startedAt)}${run.run.git ? `, commit ${escaped(run.run.git.commit.slice(0, 12))}${run.run.git.dirty ? " (with changes)" : ""}` : ""}</p>
</header>
<main>
<form role="search" aria-label="Filter tests">
<label>Search <input type="search" id="search" autocomplete="off"></label>
<label>Status <select id="status"><option value="">all</option><option value="ok">passed</option><option value="quality_failure">failed</option><option value="execution_error">could not be run</option></select></label>
<label>Target <select id="target"><option value="">all</option></select></label>
<output id="count" aria-live="polite"></output>
</form>
<div class="scroll" tabindex="0" role="region" aria-label="Tests">
<table>
<thead><tr>
<th aria-sort="none"><button type="button" data-key="status">Status</button></th>
<th aria-sort="none"><button type="button" data-key="test">Test</button></th>
<th aria-sort="none"><button type="button" data-key="target">Target</button></th>
<th aria-sort="none" class="number"><button type="button" data-key="score">Score</button></th>
<th aria-sort="none" class="number"><button type="button" data-key="ms">Time</button></th>
</tr></thead>
<tbody id="rows"></tbody>
</table>
</div>
<p><button type="button" id="more" hidden>Show more</button></p>
</main>
<noscript><p>This page lists its tests by a script of its own, which is switched off here.</p></noscript>
<script type="application/json" id="data">`;
	yield* pageData(run);
	yield `</script>
<script>${pageScript}</script>
</body>
</html>
`;
};

/** The rows as a JSON array that can stand in a script element. */
function* pageData(run: ExportedRun): Generator<string> {
	const detailed = run.rows.count <= mostDetailed;
	let separator = "[";
	for (const row of run.rows) {
		const text = JSON.stringify(pageRow(row, detailed ? run : undefined)).replaceAll("<", "\\u003c");
		yield `${separator}${text}`;
		separator = ",";
	}
	yield separator === "[" ? "[]" : "]";
}

function summaryLine({ summary, rows, run }: ExportedRun): string {
	if (!summary) return `<strong>Not finished</strong>: ${rows.count} attempts of ${run.planned.length} tests`;
	const mean = summary.meanScore === null ? "–" : summary.meanScore.toFixed(2);
	return `<strong>${summary.passed} of ${summary.planned} passed</strong>, ${summary.failed} failed, ${summary.errors} could not be run · mean score ${mean} · ${formatDuration(summary.durationMs)}`;
}

function pageRow(row: ResultRow, run: ExportedRun | undefined) {
	const detail = run && row.file ? readDetail(run, row.file) : undefined;
	return {
		status: row.executionStatus,
		test: row.attempt > 1 ? `${row.testId} (attempt ${row.attempt})` : row.testId,
		eval: row.eval,
		target: row.target,
		score: row.score,
		threshold: row.threshold,
		ms: Math.round(row.durationMs),
		time: formatDuration(row.durationMs),
		...(row.error ? { error: `${row.error.stage}: ${row.error.message}` } : {}),
		scores: row.scores.map(({ name, score, verdict, assertions }) => ({ name, score, verdict, assertions })),
		...detail,
	};
}

function readDetail(run: ExportedRun, file: string): { input?: string; output?: string } {
	const text = run.detail(file);
	if (text === undefined) return {};
	const { input, output } = JSON.parse(text) as { input?: unknown; output?: unknown };
	return {
		...(input === undefined ? {} : { input: cut(asText(input)) }),
		...(typeof output === "string" ? { output: cut(output) } : {}),
	};
}

function asText(value: unknown): string {
	return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

function cut(text: string): string {
	return text.length > longestText
		? `${text.slice(0, longestText)}\n… ${text.length - longestText} more characters`
		: text;
}

function escaped(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
