import { createHash } from "node:crypto";
import {
	type AttemptFile,
	attemptStatuses,
	boundText,
	type CaseOutcome,
	caseOutcomes,
	formatDuration,
	outcomeWords,
	type PlannedTargetRecord,
	type ResultRow,
	type RunFile,
	RunTally,
	scoreMean,
	type Tallied,
	terminalSafe,
	terminalSafeLine,
	testsNotRun,
} from "@agentv/core";
import { cachedText, inputText, rerunText, timeText } from "../output/attempt-detail.ts";
import {
	capital,
	causeText,
	costText,
	originSentence,
	outcomeScore,
	plainEmphasis,
	rowSpending,
	runSpending,
	shortScore,
	spendingTexts,
	sumSentence,
	tokensOf,
	unfinishedSentence,
	usageText,
	vetoText,
} from "../output/run.ts";
import type { ExportedRun, RunExport } from "./export.ts";

/** The page's script. Foreign text is only ever set as text, never as HTML. */
const pageScript = `
"use strict";
const all = JSON.parse(document.getElementById("data").textContent);
const words = ${JSON.stringify(outcomeWords)};
const signs = { passed: "✓", failed: "✗", error: "!", not_run: "–" };
const order = { failed: 0, error: 1, not_run: 2, passed: 3 };
const step = 200;
document.querySelector("details.about").before(document.getElementById("sum"));
const at = (id) => document.getElementById(id);
const make = (tag, name, ...inside) => { const node = document.createElement(tag); if (name) node.className = name; node.append(...inside); return node; };
const ids = new Map(all.map((row, index) => [row, index]));
const opened = new Set();
let key = "", down = false, shown = step;

for (const [id, name] of [["eval", "eval"], ["target", "target"]]) {
	const names = [...new Set(all.map((row) => row[name]))].sort();
	for (const one of names) { const option = make("option", "", one); option.value = one; at(id).append(option); }
	at(id).closest("label").hidden = names.length < 2;
}
const manyEvals = !at("eval").closest("label").hidden, manyTargets = !at("target").closest("label").hidden, costs = all.some((row) => row.cost);
document.querySelectorAll("[data-key=target]").forEach((button) => { button.closest("th").hidden = !manyTargets; });
for (const rare of ["error", "not_run"]) document.querySelector("[name=status][value=" + rare + "]").closest("label").hidden = !all.some((row) => row.status === rare);
document.querySelectorAll("[data-key=usd]").forEach((button) => { button.closest("th").hidden = !costs; });

function chosen(but) {
	const text = at("search").value.toLowerCase(), of = at("eval").value, target = at("target").value;
	const status = document.querySelector("[name=status]:checked").value;
	return all.filter((row) => (but || !status || row.status === status) && (!of || row.eval === of) && (!target || row.target === target)
		&& (!text || (row.test + " " + row.eval + " " + row.target + " " + (row.why || "")).toLowerCase().includes(text)));
}
function sorted(rows) {
	const sign = down ? -1 : 1;
	const by = key || "status";
	const value = (row) => by === "status" ? order[row.status] : row[by];
	return rows.sort((a, b) => {
		const one = value(a), other = value(b);
		if (one === undefined || other === undefined) return (one === undefined) - (other === undefined) || ids.get(a) - ids.get(b);
		return sign * (typeof one === "number" ? one - other : String(one).localeCompare(String(other), undefined, { numeric: true })) || ids.get(a) - ids.get(b);
	});
}
function draw() {
	const rows = sorted(chosen(false)), near = chosen(true);
	at("rows").replaceChildren(...rows.slice(0, shown).flatMap((row) => opened.has(row) ? [line(row), detail(row)] : [line(row)]));
	at("count").textContent = rows.length === all.length ? count(all.length, "test") : rows.length + " of " + count(all.length, "test");
	at("more").hidden = rows.length <= shown;
	at("empty").hidden = rows.length > 0;
	for (const number of document.querySelectorAll("[data-status]")) {
		const wanted = number.dataset.status;
		number.textContent = near.filter((row) => !wanted || row.status === wanted).length;
	}
}
function count(number, what) { return number + " " + what + (number === 1 ? "" : "s"); }
function line(row) {
	const open = make("button", "test", row.test);
	open.type = "button"; open.setAttribute("aria-expanded", String(opened.has(row))); open.setAttribute("aria-controls", "d" + ids.get(row));
	open.addEventListener("click", () => toggle(tr, open, row));
	const about = [...(manyEvals ? [row.eval] : []), ...(row.repeated ? [row.repeated] : []), ...(row.why ? [row.why] : [])];
	const narrow = manyTargets ? [make("span", "narrow", row.target + (about.length ? " · " : ""))] : [];
	const test = make("td", "", open, ...(about.length || narrow.length ? [make("div", "why", ...narrow, about.join(" · "))] : []));
	const target = make("td", "wide breaks", row.target), usd = make("td", "number wide", row.cost || "–");
	target.hidden = !manyTargets; usd.hidden = !costs;
	const tr = make("tr", "row", make("td", "", badge(row.status)), test, target, make("td", "number", score(row)), make("td", "number wide", row.time), usd);
	return tr;
}
function badge(status) { const sign = make("b", "", signs[status]); sign.setAttribute("aria-hidden", "true"); return make("span", "badge " + status, sign, make("span", "", words[status])); }
function score(row) {
	if (row.score === undefined) return "–";
	const fill = make("i", row.status); fill.style.width = 100 * row.score + "%";
	return make("span", "score", fixed(row.score), make("span", "meter", fill));
}
/* A score just below 1 is not shown as 1. */
function fixed(score) { return (score < 1 ? Math.floor(score * 100 + 1e-7) / 100 : score).toFixed(2); }
function toggle(tr, open, row) {
	if (opened.delete(row)) { open.setAttribute("aria-expanded", "false"); tr.nextElementSibling.remove(); return; }
	opened.add(row); open.setAttribute("aria-expanded", "true"); tr.after(detail(row));
}
function detail(row) {
	const cell = make("td", ""); cell.colSpan = 6;
	cell.append(make("p", "dim small breaks", row.eval + " · " + row.target + (row.threshold === undefined ? "" : " · threshold " + row.threshold) + " · " + row.time + (row.cost ? " · " + row.cost : "")));
	for (const one of row.attempts) cell.append(attempt(one, row));
	const tr = make("tr", "open", cell); tr.id = "d" + ids.get(row);
	return tr;
}
function attempt(one, row) {
	const box = make("div", "attempt");
	if (row.repeated) box.append(make("h2", "", badge(one.status), " attempt " + one.number + (one.score === undefined ? "" : ", score " + fixed(one.score))));
	if (one.error) box.append(make("h2", "", "Error"), block(one.error, "bad", "Error"));
	for (const warning of one.warnings || []) box.append(make("p", "no small breaks", warning));
	if (one.facts) box.append(make("dl", "facts small", ...one.facts.flatMap(([name, text]) => [make("dt", "", name), make("dd", "", text)])));
	if (one.graders.length) box.append(make("h2", "", "Graders"), make("ul", "graders", ...one.graders.map(grader)));
	const side = make("div", "side");
	for (const [name, text] of [["Input", one.input], ["Expected", one.expected], ["Output", one.output]])
		if (text !== undefined) side.append(make("div", "", make("h2", "", name), block(text, "", name)));
	box.append(side);
	if (one.changes !== undefined) box.append(make("h2", "", "File changes"), diff(one.changes));
	if (one.logs) box.append(make("h2", "", "Logs"), ...one.logs.map((log) => make("details", "log", make("summary", "breaks", log.title), block(log.text, "", log.title))));
	if (one.left) box.append(make("p", "dim small", one.left));
	return box;
}
function grader(one) {
	const verdict = { pass: "passed", fail: "failed", not_judged: "error" }[one.verdict];
	const name = make("b", { passed: "yes", failed: "no", error: "maybe" }[verdict], one.name, make("span", "hidden", " " + words[verdict]));
	const head = make("div", "head", name, ...(one.type === one.name ? [] : [make("span", "dim small", one.type)]), make("span", "", ...(one.weight === 1 ? [] : [make("span", "dim small", "weight " + one.weight + "  ")]), one.score === null ? words.error : fixed(one.score)));
	const found = one.assertions.map((each) => {
		const item = make("li", each.passed ? "yes" : "no", make("span", "hidden", each.passed ? "holds: " : "does not hold: "), each.text);
		if (each.evidence !== undefined) item.append(make("span", "dim", " — " + each.evidence));
		return item;
	});
	const notes = [...(one.veto ? [make("p", "bad small", one.veto)] : []), ...(one.error ? [make("p", "small", one.error)] : [])];
	return make("li", one.verdict, head, ...notes, make("ul", "", ...found));
}
function block(text, name, label) { return reachable(make("pre", name, text), label); }
function reachable(pre, label) { pre.tabIndex = 0; pre.setAttribute("role", "group"); pre.setAttribute("aria-label", label); return pre; }
function diff(text) {
	const lines = text.split("\\n").map((one) => /^\\+(?!\\+\\+ )/.test(one) ? make("span", "add", one) : /^-(?!-- )/.test(one) ? make("span", "del", one) : one);
	return reachable(make("pre", "", ...lines.flatMap((one, index) => index ? ["\\n", one] : [one])), "File changes");
}

for (const part of document.querySelectorAll("[data-share]")) part.style.width = part.dataset.share + "%";
const form = document.querySelector("form");
form.addEventListener("input", () => { shown = step; draw(); });
form.addEventListener("submit", (event) => event.preventDefault());
at("more").addEventListener("click", () => { shown += 5 * step; draw(); });
at("theme").addEventListener("click", () => {
	const now = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
	document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
});
for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => {
	down = key === button.dataset.key ? !down : false; key = button.dataset.key;
	for (const other of document.querySelectorAll("th")) other.setAttribute("aria-sort", "none");
	button.closest("th").setAttribute("aria-sort", down ? "descending" : "ascending");
	draw();
});
draw();
`;

/** Style of the exported page, for light and dark. */
const pageStyle = `
:root { color-scheme: light dark;
--page: light-dark(#f6f7f9, #101318); --surface: light-dark(#fff, #171b21); --raised: light-dark(#f0f2f5, #1f252d);
--line: light-dark(#e1e5ea, #2a313b); --strong: light-dark(#c9d0d8, #3f4854); --text: light-dark(#1b2129, #dfe3e8); --dim: light-dark(#59636f, #98a1ad);
--accent: light-dark(#1864ab, #74b3f0); --passed: light-dark(#17692f, #6bc985); --failed: light-dark(#b4232c, #f58a8f); --error: light-dark(#855700, #dcae4a);
--passed-tint: light-dark(#e3f5e8, #14291b); --failed-tint: light-dark(#fdebec, #351a1d); --error-tint: light-dark(#fdf2d8, #2e2510);
--passed-bar: light-dark(#2f9e55, #3fa863); --failed-bar: light-dark(#d6414a, #d6525a); --error-bar: light-dark(#e0a526, #c8952f);
--mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
:root[data-theme="light"] { color-scheme: light; } :root[data-theme="dark"] { color-scheme: dark; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 3rem; background: var(--page); color: var(--text); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; text-rendering: optimizeLegibility; }
h1 { font-size: 1.45rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; } h2 { font-size: .8rem; color: var(--dim); font-weight: 600; margin: 1.1rem 0 .35rem; }
header { display: grid; gap: 1rem; } .top { display: flex; gap: 1rem; align-items: flex-start; justify-content: space-between; }
.dim { color: var(--dim); } .small { font-size: .86rem; } p { margin: 0; } .breaks { overflow-wrap: anywhere; }
.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; }
.sum { display: grid; gap: .8rem; padding: 1rem 1.1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.2rem, 1fr)); gap: .8rem 1.4rem; margin: 0; }
.tiles dt { color: var(--dim); font-size: .8rem; } .tiles dd { margin: 0; font-size: 1.35rem; font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.3; } .tiles dd small { font-size: .9rem; font-weight: 400; color: var(--dim); }
.bar { display: flex; height: 8px; border-radius: 4px; overflow: hidden; background: var(--raised); gap: 2px; } .bar i { display: block; min-width: 3px; }
i.passed { background: var(--passed-bar); } i.failed { background: var(--failed-bar); } i.error { background: var(--error-bar); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; } .facts dt { color: var(--dim); } .facts dd { margin: 0; overflow-wrap: anywhere; }
details.about { padding: .6rem 1.1rem; } details.about summary { cursor: pointer; color: var(--dim); } details.about[open] summary { margin-bottom: .6rem; }
form { display: flex; flex-wrap: wrap; gap: .7rem 1rem; align-items: end; margin: 1.4rem 0 .8rem; }
label, legend { color: var(--dim); font-size: .8rem; padding: 0; } fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
input, select, button { font: inherit; color: inherit; } input[type="search"], select { display: block; margin-top: .2rem; height: 2.25rem; padding: 0 .6rem; font-size: .93rem; color: var(--text); background: var(--surface); border: 1px solid var(--strong); border-radius: 6px; max-width: 100%; } input[type="search"] { width: 15rem; }
.choice { display: flex; margin-top: .2rem; border: 1px solid var(--strong); border-radius: 6px; overflow: hidden; background: var(--surface); }
.choice label { display: flex; gap: .4rem; align-items: center; height: calc(2.25rem - 2px); padding: 0 .7rem; font-size: .93rem; color: var(--text); cursor: pointer; border-left: 1px solid var(--line); white-space: nowrap; } .choice label:first-child { border-left: 0; }
.choice label[hidden] { display: none; } .choice input { position: absolute; opacity: 0; } .choice label:has(:checked) { background: var(--raised); font-weight: 600; } .choice label:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: -2px; } .choice b { font-weight: 400; color: var(--dim); font-variant-numeric: tabular-nums; }
output { margin-left: auto; color: var(--dim); font-size: .86rem; padding-bottom: .45rem; }
button.plain { background: var(--surface); border: 1px solid var(--strong); border-radius: 6px; height: 2.25rem; padding: 0 .8rem; cursor: pointer; white-space: nowrap; } button.plain:hover { background: var(--raised); }
#theme { width: 2.25rem; padding: 0; display: grid; place-items: center; flex: none; border-radius: 50%; } #theme i { width: 1rem; height: 1rem; border-radius: 50%; border: 2px solid; background: linear-gradient(90deg, currentColor 50%, transparent 50%); }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .5rem .8rem; border-top: 1px solid var(--line); vertical-align: top; } thead th { border-top: 0; font-size: .8rem; white-space: nowrap; }
th button { border: 0; background: none; padding: 0; font-weight: 600; color: var(--dim); cursor: pointer; } th button::after { content: "↕"; margin-left: .3rem; opacity: .35; } th[aria-sort="ascending"] button::after { content: "↑"; opacity: 1; } th[aria-sort="descending"] button::after { content: "↓"; opacity: 1; } th[aria-sort="ascending"] button, th[aria-sort="descending"] button { color: var(--text); }
th:nth-child(2) { width: 100%; } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } tbody tr.row:hover > td { background: var(--raised); } .panel > table tr:last-child > td:first-child { border-bottom-left-radius: 10px; } .panel > table tr:last-child > td:last-child { border-bottom-right-radius: 10px; }
.badge { display: inline-flex; gap: .35rem; align-items: center; padding: .05rem .5rem; border-radius: 999px; font-size: .86rem; font-weight: 600; white-space: nowrap; } .badge.passed { color: var(--passed); background: var(--passed-tint); } .badge.failed { color: var(--failed); background: var(--failed-tint); } .badge.error { color: var(--error); background: var(--error-tint); } .badge.not_run { color: var(--dim); background: var(--raised); }
td > button.test { border: 0; background: none; padding: 0; text-align: left; cursor: pointer; overflow-wrap: anywhere; font-weight: 550; } button.test::before { content: "▸"; display: inline-block; width: 1.1em; color: var(--dim); } button.test[aria-expanded="true"]::before { content: "▾"; } button.test:hover { color: var(--accent); }
.why { color: var(--dim); font-size: .86rem; padding-left: 1.25em; overflow-wrap: anywhere; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; }
.score { display: inline-grid; gap: .2rem; justify-items: end; } .meter { display: block; width: 4.2rem; height: 4px; border-radius: 2px; background: var(--line); overflow: hidden; } .meter i { display: block; height: 100%; }
tr.open > td { background: var(--page); padding: .4rem 1.2rem 1.4rem; } .attempt + .attempt { margin-top: 1.2rem; padding-top: .6rem; border-top: 1px dashed var(--strong); }
.graders { margin: 0; padding: 0; list-style: none; display: grid; gap: .6rem; } .graders > li { background: var(--surface); border: 1px solid var(--line); border-left: 3px solid var(--failed-bar); border-radius: 6px; padding: .45rem .8rem; overflow-wrap: anywhere; } .graders > li.pass { border-left-color: var(--passed-bar); } .graders > li.not_judged { border-left-color: var(--error-bar); } .graders p.bad { color: var(--failed); } .graders ul { margin: .25rem 0 0; padding: 0; list-style: none; }
.graders .head { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; } .graders .head b { font-weight: 600; } .graders .head span:last-child { margin-left: auto; font-variant-numeric: tabular-nums; }
.yes::before, .no::before, .maybe::before { display: inline-block; width: 1.3em; font-weight: 700; } .yes::before { content: "✓"; color: var(--passed); } .no::before { content: "✗"; color: var(--failed); } .maybe::before { content: "!"; color: var(--error); }
pre { margin: 0; padding: .6rem .8rem; background: var(--surface); border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; font: .86rem/1.5 var(--mono); max-height: 22rem; overflow: auto; tab-size: 4; } pre.bad { border-color: var(--failed-bar); } pre .add { color: var(--passed); } pre .del { color: var(--failed); }
details.log { margin-top: .3rem; } details.log summary { cursor: pointer; color: var(--dim); font-size: .86rem; } dl.facts.small { margin-top: .5rem; } .side { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 1rem; } .side > div { min-width: 0; }
.more { margin: 1rem 0 0; text-align: center; } .empty { padding: 2rem; text-align: center; color: var(--dim); }
.narrow { display: none; } .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
@media (max-width: 46rem) { body { padding: 1rem .75rem 2rem; } .wide { display: none; } .narrow { display: inline; } th, td { padding: .5rem; } td:first-child, th:first-child { padding-left: .7rem; } .badge { padding: .05rem .4rem; } .badge span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
form { gap: .6rem; } form > * { flex: 1 1 auto; } form > label:first-child, form fieldset { flex-basis: 100%; } input[type="search"], select { width: 100%; } .choice label { flex: 1; justify-content: center; padding: 0 .3rem; } output { margin: 0; flex-basis: 100%; } tr.open > td { padding: .2rem .7rem 1rem; } .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: .4rem; } .tiles { grid-template-columns: repeat(3, 1fr); gap: .6rem .8rem; } .tiles dt { font-size: .75rem; } .tiles dd { font-size: 1.1rem; } .tiles dd small { font-size: .8rem; } }
@media (max-width: 26rem) { .choice b { display: none; } .score .meter { width: 2.6rem; } }
@media print { form, .more, .top button { display: none; } body { max-width: none; padding: 0; } }
`;

/** Limits for the texts of an attempt and of the page, so that browsers can open it. */
const longestText = 8000;
const mostText = 24_000_000;
/** Maximum number of attempts with details; larger runs only show those of attempts that did not pass. */
const mostLookedInto = 2000;

/** Writes the tests of a run as a JSON array for a script element, in pieces. Adds each to `tally`. */
function* pageRows(run: ExportedRun, tally: RunTally): Generator<string> {
	const texts = new PageTexts(run);
	let separator = "[";
	for (const outcome of caseOutcomes(run.rows, run.run)) {
		tally.add(outcome);
		// A CI server that logs the page would execute `##[` as a command.
		const text = JSON.stringify(pageRow(outcome, texts), shown)
			.replaceAll("<", "\\u003c")
			.replace(/(##[a-z]*)\[/gi, "$1\\u005b");
		yield `${separator}${text}`;
		separator = ",\n";
	}
	yield separator === "[" ? "[]" : "]";
}

/** Escapes characters that reorder or hide text. */
function shown(_: string, value: unknown): unknown {
	return typeof value === "string" ? terminalSafe(value) : value;
}

function pageRow(outcome: CaseOutcome, texts: PageTexts) {
	const { status, score, attempts } = outcome;
	const ms = attempts.reduce((sum, { durationMs }) => sum + durationMs, 0);
	const costs = attempts.flatMap(({ costUsd }) => costUsd ?? []);
	const usd = costs.reduce((sum, cost) => sum + cost, 0);
	const why = status === "passed" ? undefined : (attempts.flatMap(firstReason)[0] ?? outcomeScore(outcome));
	const threshold = attempts[0]?.threshold;
	return {
		...{ status, test: outcome.testId, eval: outcome.eval, target: outcome.target, score, threshold },
		...(attempts.length === 0 ? { time: "–" } : { ms: Math.round(ms), time: formatDuration(ms) }),
		...(costs.length > 0 ? { usd, cost: costText(usd) } : {}),
		...(outcome.repeat.count === 1 ? {} : { repeated: outcomeScore(outcome) }),
		...(why === undefined || why === outcomeWords[status] ? {} : { why: cut(why, 300) }),
		attempts: attempts.map((row) => pageAttempt(row, texts)),
	};
}

function firstReason({ executionStatus, error, scores }: ResultRow): string[] {
	if (executionStatus === "ok") return [];
	if (error) return [error.message];
	for (const { name, verdict, assertions, veto } of scores) {
		const failed = verdict === "fail" ? assertions.find(({ passed }) => !passed) : undefined;
		if (failed) return [`${name}: ${failed.text}${failed.evidence === undefined ? "" : ` — ${failed.evidence}`}`];
		if (veto) return [`${name} ${vetoText}`];
	}
	return [];
}

function pageAttempt(row: ResultRow, texts: PageTexts) {
	const { attempt, executionStatus, score, error, warnings, scores } = row;
	return {
		...{ number: attempt, status: attemptStatuses[executionStatus] },
		...(executionStatus === "execution_error" ? {} : { score }),
		...(error ? { error: cut(`${error.stage}/${error.code}: ${error.message}${causeText(error)}`) } : {}),
		...(warnings ? { warnings: warnings.map(({ stage, message }) => cut(`${stage}: ${message}`)) } : {}),
		graders: scores.map(pageGrader),
		...texts.of(row),
	};
}

function pageGrader({ name, type, score, weight, verdict, veto, error, assertions }: ResultRow["scores"][number]) {
	const grader = { name, type, score, weight, verdict, assertions: assertions.map(shortFinding) };
	if (!veto && !error) return grader;
	return {
		...grader,
		...(veto ? { veto: vetoText } : {}),
		...(error ? { error: cut(`${error.code}: ${error.message}`) } : {}),
	};
}

function pageFacts(row: ResultRow): (readonly [name: string, text: string])[] {
	const { target, judging } = rowSpending(row);
	const facts = [
		["Time", timeText(row)],
		["Target", usageText(target)],
		["Judging", usageText(judging)],
		["Total", judging.costUsd === undefined ? undefined : spendingTexts({ target, judging })[0]],
		["Stop reason", row.stopReason],
		["From cache", row.cached && (cachedText(row.cached) ?? "yes")],
		["Rerun", row.rerun && rerunText],
	] as const;
	return facts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
}

function shortFinding({ text, passed, evidence }: ResultRow["scores"][number]["assertions"][number]) {
	return { text: cut(text), passed, ...(evidence === undefined ? {} : { evidence: cut(evidence) }) };
}

/** Adds details of attempts (usage, input, answer, changes, logs) up to the page's limit. */
class PageTexts {
	readonly #run: ExportedRun;
	#used = 0;
	#lookedInto = 0;

	constructor(run: ExportedRun) {
		this.#run = run;
	}

	of(row: ResultRow): object {
		const { file, executionStatus } = row;
		if (file === undefined) return { facts: pageFacts(row) };
		const isPassedBy = executionStatus === "ok" && this.#run.rows.count > mostLookedInto;
		if (isPassedBy || this.#used > mostText || this.#lookedInto === mostLookedInto)
			return {
				left: "Times, costs, input and output are left out of so large a page: agentv results show --test has them.",
			};
		this.#lookedInto += 1;
		const attempt = this.#run.attempt(file);
		if (!attempt) return { facts: pageFacts(row), left: `${file} can't be read: the run's row is all there is.` };
		const texts = Object.entries(this.#textsOf(attempt)).filter(([, text]) => text !== undefined && text !== "");
		const logs = (attempt.logs ?? []).map(({ stage, name, text, omitted }) => {
			const left = omitted === undefined ? "" : `, ${omitted.toLocaleString("en-US")} characters left out`;
			return { title: `${stage}: ${cut(name, 200)}${left}`, text: cut(text) };
		});
		for (const text of [...texts.map(([, one]) => one), ...logs.map((log) => log.text)])
			this.#used += text?.length ?? 0;
		return { facts: pageFacts(row), ...Object.fromEntries(texts), ...(logs.length > 0 ? { logs } : {}) };
	}

	#textsOf({ input, expectedOutput, output, outputPath, fileChangesPath, fileChangesShownPath }: AttemptFile) {
		return {
			input: cut(inputText(input)),
			expected: expectedOutput === undefined ? undefined : cut(expectedOutput),
			output: output === null ? this.#beginning(outputPath) : cut(output),
			changes: this.#beginning(fileChangesShownPath ?? fileChangesPath ?? undefined),
		};
	}

	#beginning(path: string | undefined): string | undefined {
		const head = path === undefined ? undefined : this.#run.head(path, longestText);
		return head && (head.cut ? `${head.text}\n… of ${head.size} bytes` : head.text);
	}
}

function cut(text: string, longest = longestText): string {
	return text.length > longest ? `${text.slice(0, longest)}\n… ${text.length - longest} more characters` : text;
}

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
