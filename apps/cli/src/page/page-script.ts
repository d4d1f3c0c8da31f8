import { outcomeWords } from "@agentv/core";

/** The page's script. Foreign text is only ever set as text, never as HTML. */
export const pageScript = `
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
