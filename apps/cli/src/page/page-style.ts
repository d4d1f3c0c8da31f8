/** Style of the exported page, for light and dark. */
export const pageStyle = `
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
