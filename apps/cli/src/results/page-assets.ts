/** Style of the exported page: system fonts and colours that keep their contrast in both schemes. */
export const pageStyle = `
:root { color-scheme: light dark; --back: light-dark(#fff, #16181c); --text: light-dark(#1b1e23, #e6e8eb); --dim: light-dark(#59616c, #a3abb6);
--line: light-dark(#d8dce1, #363b43); --soft: light-dark(#f4f5f7, #20242a); --good: light-dark(#136c36, #58c886); --bad: light-dark(#a9201d, #ff8a80); --odd: light-dark(#7a4b00, #f0b35a); --link: light-dark(#1c5d99, #7fb8ee); }
* { box-sizing: border-box; } body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; overflow-wrap: anywhere; } header p { margin: .1rem 0; } .dim { color: var(--dim); font-size: .85rem; overflow-wrap: anywhere; }
form { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: end; margin: 1rem 0; } label { display: grid; font-size: .8rem; color: var(--dim); }
input, select, button { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: 4px; padding: .3rem .5rem; } input, select { min-height: 2.1rem; }
output { margin-left: auto; color: var(--dim); font-size: .85rem; } .scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { background: var(--soft); } th button { border: 0; background: none; padding: 0; font-weight: 600; cursor: pointer; } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td button { border: 0; background: none; padding: 0; text-align: left; color: var(--link); cursor: pointer; overflow-wrap: anywhere; } tr.open > td { background: var(--soft); }
.ok { color: var(--good); } .quality_failure { color: var(--bad); } .execution_error { color: var(--odd); } tr:not(.open) > td:first-child { white-space: nowrap; }
h2 { font-size: .9rem; margin: .8rem 0 .2rem; } ul { margin: 0; padding: 0; list-style: none; } li { overflow-wrap: anywhere; } pre { margin: 0; padding: .6rem; background: var(--back); border: 1px solid var(--line); border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; max-height: 24rem; overflow: auto; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; } @media (max-width: 40rem) { body { padding: .6rem; } th:nth-child(3), td:nth-child(3):not([colspan]) { display: none; } output { margin: 0; } }
`;

/** The page's behaviour: text is only ever set as text, whatever a model wrote. */
export const pageScript = `
"use strict";
const all = JSON.parse(document.getElementById("data").textContent);
const words = { ok: "passed", quality_failure: "failed", execution_error: "not run" };
const at = (id) => document.getElementById(id);
const make = (tag, text, name) => { const node = document.createElement(tag); if (text !== undefined) node.textContent = text; if (name) node.className = name; return node; };
let key = "", down = false, shown = 200;
for (const name of [...new Set(all.map((row) => row.target))].sort()) at("target").append(make("option", name));
function wanted() {
	const text = at("search").value.toLowerCase(), status = at("status").value, target = at("target").value;
	const rows = all.filter((row) => (!status || row.status === status) && (!target || row.target === target) && (!text || (row.test + " " + row.eval).toLowerCase().includes(text)));
	if (!key) return rows;
	const sign = down ? -1 : 1;
	return rows.sort((a, b) => sign * (typeof a[key] === "number" ? a[key] - b[key] : String(a[key]).localeCompare(String(b[key]))));
}
function draw() {
	const rows = wanted();
	at("rows").replaceChildren(...rows.slice(0, shown).map(line));
	at("count").textContent = rows.length === all.length ? all.length + " tests" : rows.length + " of " + all.length + " tests";
	at("more").hidden = rows.length <= shown;
}
function line(row) {
	const tr = make("tr"), cell = make("td"), open = make("button", row.test);
	open.type = "button"; open.setAttribute("aria-expanded", "false");
	open.addEventListener("click", () => toggle(tr, open, row));
	cell.append(open);
	tr.append(make("td", words[row.status], row.status), cell, make("td", row.target), make("td", row.status === "execution_error" ? "–" : row.score.toFixed(2), "number"), make("td", row.time, "number"));
	return tr;
}
function toggle(tr, open, row) {
	const next = tr.nextElementSibling, isOpen = open.getAttribute("aria-expanded") === "true";
	open.setAttribute("aria-expanded", String(!isOpen));
	if (isOpen) { next.remove(); return; }
	const detail = make("tr", undefined, "open"), cell = make("td"); cell.colSpan = 5; detail.append(cell);
	cell.append(make("p", row.eval + " · threshold " + row.threshold, "dim"));
	if (row.error) cell.append(make("h2", "Error"), make("pre", row.error));
	for (const score of row.scores) {
		const list = make("ul");
		for (const one of score.assertions) list.append(make("li", (one.passed ? "✓ " : "✗ ") + one.text + (one.evidence ? " — " + one.evidence : ""), one.passed ? "ok" : "quality_failure"));
		cell.append(make("h2", score.name + ": " + score.score.toFixed(2)), list);
	}
	if (row.input !== undefined) cell.append(make("h2", "Input"), make("pre", row.input));
	if (row.output !== undefined) cell.append(make("h2", "Output"), make("pre", row.output));
	tr.after(detail);
}
for (const id of ["search", "status", "target"]) at(id).addEventListener("input", () => { shown = 200; draw(); });
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
at("more").addEventListener("click", () => { shown += 1000; draw(); });
for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => {
	down = key === button.dataset.key ? !down : false; key = button.dataset.key;
	for (const other of document.querySelectorAll("th")) other.setAttribute("aria-sort", "none");
	button.closest("th").setAttribute("aria-sort", down ? "descending" : "ascending");
	draw();
});
draw();
`;
