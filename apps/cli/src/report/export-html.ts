import { createHash } from "node:crypto";
import {
	boundText,
	formatDuration,
	outcomeWords,
	type PlannedTargetRecord,
	type RunFile,
	RunTally,
	scoreMean,
	type Tallied,
	terminalSafeLine,
	testsNotRun,
} from "@agentv/core";
import { pageRows } from "../page/page-rows.ts";
import { pageScript } from "../page/page-script.ts";
import { pageStyle } from "../page/page-style.ts";
import type { ExportedRun, RunExport } from "../results/exported-run.ts";
import { shortScore } from "../run/failure-text.ts";
import { costText, runSpending, tokensOf } from "../run/spending-text.ts";
import { originSentence, plainEmphasis, sumSentence, unfinishedSentence } from "../run/summary-text.ts";
import { capital } from "../run/target-table.ts";

/** Exports one self-contained page to filter, sort and inspect tests. It loads nothing and runs only its own script. */
export const exportHtml: RunExport = function* (run) {
	const title = run.run.evals.map(({ name }) => name).join(", ") || "run";
	yield head(title, `Results of ${title}, run ${run.run.startedAt}`);
	yield `<body>
<header>
<div class="top"><div><h1>${escaped(title)}</h1><p class="dim small breaks">${escaped(`${run.run.experiment} · ${run.run.startedAt.replace("T", " ").replace(/\.\d+Z$/, " UTC")}`)}</p></div>
<button type="button" class="plain" id="theme" aria-label="Light or dark"><i></i></button></div>
<details class="panel about"><summary>What was run</summary><dl class="facts">${facts(run)}</dl></details>
</header>
${filters}
${table}
<noscript><p>This page needs JavaScript to list its tests.</p></noscript>
<script type="application/json" id="data">`;
	const tally = new RunTally(run.run);
	yield* pageRows(run, tally);
	// Rows are read once, so the summary follows them; the script moves it to the top.
	yield `</script>
<section class="panel sum" id="sum" aria-label="Summary">${summaryPanel(tally.summary(run.summary?.durationMs))}</section>
<script>${pageScript}</script>
</body>
</html>
`;
};

function head(title: string, description: string): string {
	// Defence in depth: even injected markup could not run or load anything.
	const policy = `default-src 'none'; script-src '${digest(pageScript)}'; style-src '${digest(pageStyle)}'; base-uri 'none'; form-action 'none'`;
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escaped(description)}">
<title>${escaped(title)} · AgentV</title>
<style>${pageStyle}</style>
</head>
`;
}

function digest(text: string): string {
	return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function summaryPanel(sum: Tallied): string {
	const sentence = escaped(sumSentence(sum, plainEmphasis));
	const unfinished = unfinishedSentence(sum);
	return `<dl class="tiles">${tiles(sum)
		.map(
			([name, value, small]) =>
				`<div><dt>${name}</dt><dd>${value}${small ? ` <small>${small}</small>` : ""}</dd></div>`,
		)
		.join("")}</dl><div class="bar" role="img" aria-label="${sentence}">${bar(sum)}</div>${
		unfinished === undefined ? "" : `<p class="small">${escaped(unfinished)}.</p>`
	}`;
}

type Tile = readonly [name: string, value: string, small?: string];

function tiles(sum: Tallied): Tile[] {
	const { planned, passed, failed, errors, durationMs } = sum;
	const mean = scoreMean(sum);
	const left = testsNotRun(sum);
	return [
		[capital(outcomeWords.passed), String(passed), `of ${planned}`],
		[capital(outcomeWords.failed), String(failed)],
		...(errors > 0 ? [[capital(outcomeWords.error), String(errors)] as const] : []),
		...(left > 0 ? [[capital(outcomeWords.not_run), String(left)] as const] : []),
		["Mean score", mean.mean === null ? "–" : shortScore(mean.mean), boundText(mean, shortScore)],
		...(durationMs === undefined ? [] : [["Time", formatDuration(durationMs)] as const]),
		...spendingTiles(sum),
	];
}

/** Returns cost and tokens of the target and of grading, and their totals if both are known. */
function spendingTiles(sum: Tallied): Tile[] {
	const { target, judging } = runSpending(sum);
	const hasJudging = judging.costUsd !== undefined || judging.tokenUsage !== undefined;
	const costs = [target.costUsd, judging.costUsd] as const;
	const tokens = [tokensOf(target), tokensOf(judging)] as const;
	const count = (value: number) => value.toLocaleString("en-US");
	const named = (names: readonly string[], [own, judge]: typeof costs, textOf: (value: number) => string): Tile[] => [
		...(own === undefined ? [] : [[names[hasJudging ? 1 : 0] ?? "", textOf(own)] as const]),
		...(judge === undefined ? [] : [[names[2] ?? "", textOf(judge)] as const]),
		...(own === undefined || judge === undefined ? [] : [[names[3] ?? "", textOf(own + judge)] as const]),
	];
	return [
		...named(["Cost", "Target cost", "Judging cost", "Total cost"], costs, costText),
		...named(["Tokens", "Target tokens", "Judging tokens", "Total tokens"], tokens, count),
	];
}

function bar(sum: Tallied): string {
	const parts = { passed: sum.passed, failed: sum.failed, error: sum.errors };
	return Object.entries(parts)
		.filter(([, count]) => count > 0)
		.map(([name, count]) => `<i class="${name}" data-share="${((100 * count) / sum.planned).toFixed(3)}"></i>`)
		.join("");
}

function facts({ run, name }: ExportedRun): string {
	const { evals, targets, git, benchmark, bundle } = run;
	const origin = originSentence(run);
	const lines: [string, string][] = [
		["Run", name],
		...(origin === undefined ? [] : [["Origin", origin] as [string, string]]),
		...evals.map(({ file }): [string, string] => ["Eval", file]),
		...targets.map((target): [string, string] => ["Target", targetText(target)]),
		...(git ? [["Commit", commitText(git)] as [string, string]] : []),
		...(benchmark
			? [
					["Benchmark", `${benchmark.id}${benchmark.revision ? ` at ${benchmark.revision.slice(0, 12)}` : ""}`] as [
						string,
						string,
					],
				]
			: []),
		...(bundle ? [["Bundle", `${bundle.name} (${bundle.digest.slice(0, 12)})`] as [string, string]] : []),
		...opaqueLines(run),
		["Versions", `agentv ${run.agentvVersion}, Node ${run.nodeVersion}`],
	];
	return lines.map(([key, value]) => `<dt>${key}</dt><dd>${escaped(value)}</dd>`).join("");
}

const mostOpaque = 20;

/** Lists what results depend on but fingerprints don't cover. */
function opaqueLines({ opaque = [] }: RunFile): [string, string][] {
	const shown = opaque
		.slice(0, mostOpaque)
		.map(({ what, why }): [string, string] => ["Not fingerprinted", `${what}: ${why}`]);
	const more = opaque.length - shown.length;
	return more > 0 ? [...shown, ["Not fingerprinted", `and ${more} more`]] : shown;
}

function targetText({ name, provider, settings, facts: known }: PlannedTargetRecord): string {
	const model = typeof settings.model === "string" ? ` ${settings.model}` : "";
	const more = Object.entries(known ?? {}).map(([key, value]) => `${key} ${value}`);
	return `${name}: ${provider}${model}${more.length > 0 ? ` (${more.join(", ")})` : ""}`;
}

function commitText({ commit, branch, dirty }: NonNullable<RunFile["git"]>): string {
	return `${commit.slice(0, 12)}${branch ? ` on ${branch}` : ""}${dirty ? ", with uncommitted changes" : ""}`;
}

const choices = [
	["", "All"],
	...Object.entries(outcomeWords).map(([status, words]) => [status, capital(words)] as const),
] as const;

const filters = `<main>
<form role="search" aria-label="Filter tests">
<label>Search <input type="search" id="search" autocomplete="off"></label>
<fieldset><legend>Status</legend><div class="choice">${choices
	.map(
		([value, text]) =>
			`<label><input type="radio" name="status" value="${value}"${value === "" ? " checked" : ""}>${text} <b data-status="${value}"></b></label>`,
	)
	.join("")}</div></fieldset>
<label>Eval <select id="eval"><option value="">all</option></select></label>
<label>Target <select id="target"><option value="">all</option></select></label>
<output id="count" aria-live="polite"></output>
</form>`;

const columns = [
	["status", "Status", ""],
	["test", "Test", ""],
	["target", "Target", "wide"],
	["score", "Score", "number"],
	["ms", "Time", "number wide"],
	["usd", "Cost", "number wide"],
];

const table = `<div class="panel">
<table>
<caption class="hidden">Tests</caption>
<thead><tr>${columns
	.map(
		([key, name, style]) =>
			`<th scope="col" aria-sort="none" class="${style}"><button type="button" data-key="${key}">${name}</button></th>`,
	)
	.join("")}</tr></thead>
<tbody id="rows"></tbody>
</table>
<p class="empty" id="empty" hidden>No matching tests.</p>
</div>
<p class="more"><button type="button" class="plain" id="more" hidden>Show more</button></p>
</main>`;

function escaped(text: string): string {
	return terminalSafeLine(text)
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;")
		.replaceAll('"', "&quot;")
		.replace(/(##[a-z]*)\[/gi, "$1&#91;");
}
