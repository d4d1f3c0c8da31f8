// Creates docs/images/terminal.png from the real output of the built command line.
// Usage: npm run build && node scripts/terminal-picture.mjs
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { findBrowser } from "./browser.mjs";
import { root, run } from "./run.mjs";
import { terminalScreen } from "./terminal-screen.mjs";

const columns = 92;
const commands = [
	"agentv eval validate evals",
	"agentv bundle evals/greeting.eval.yaml -o ../greeting",
	"agentv eval evals",
];
const failing = {
	id: "alan",
	input: "Greet Alan.",
	assertions: [
		{ type: "contains", value: "Alan" },
		{ type: "regex", value: "\\bTuring\\b" },
	],
};

const place = mkdtempSync(join(tmpdir(), "agentv-picture-"));
const project = join(place, "project");
const env = {
	...process.env,
	...{
		PATH: `${place}:${process.env.PATH}`,
		AGENTV_HOME: join(place, "home"),
		TERM: "xterm-256color",
		FORCE_COLOR: "1",
	},
	...{
		GIT_AUTHOR_NAME: "a",
		GIT_AUTHOR_EMAIL: "a@example.com",
		GIT_COMMITTER_NAME: "a",
		GIT_COMMITTER_EMAIL: "a@example.com",
	},
};

async function must(program, ...args) {
	const { exitCode, output } = await run(program, args, { cwd: project, env, quiet: true });
	if (exitCode !== 0) throw new Error(`${program} ${args.join(" ")} ended with exit code ${exitCode}\n${output}`);
}

async function prepare() {
	const words = `exec "${process.execPath}" "${join(root, "apps/cli/dist/bin.js")}" "$@"`;
	writeFileSync(join(place, "agentv"), `#!/bin/sh\n${words}\n`, { mode: 0o755 });
	await run(join(place, "agentv"), ["init", project], { env, quiet: true });
	appendFileSync(join(project, "evals/cases.jsonl"), `${JSON.stringify(failing)}\n`);
	await must("git", "init", "--quiet");
	await must("git", "add", "--all");
	await must("git", "commit", "--quiet", "--no-gpg-sign", "--message=Begin");
}

async function session(command) {
	const words = `stty cols ${columns} rows 50; ${command}`;
	const { output } = await run("script", ["-qec", words, "/dev/null"], { cwd: project, env, quiet: true });
	return [[{ text: `$ ${command}`, color: "", bold: true, dim: false }], ...terminalScreen(output)];
}

const palette = {
	red: "#ff7b72",
	green: "#7ee787",
	yellow: "#e3b341",
	blue: "#79c0ff",
	magenta: "#d2a8ff",
	cyan: "#76e3ea",
};

function cellHtml({ text, color, bold, dim }) {
	const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
	const style = [
		...(palette[color] ? [`color:${palette[color]}`] : []),
		...(bold ? ["font-weight:bold"] : []),
		...(dim ? ["opacity:.65"] : []),
	].join(";");
	return style === "" ? escaped : `<span style="${style}">${escaped}</span>`;
}

async function picture(rows) {
	const lines = rows.map((row) => row.map(cellHtml).join("")).join("\n");
	const page = `<!doctype html><body style="margin:0;background:#0d1117;color:#e6edf3;width:max-content"><pre
		style="margin:0;padding:20px 24px;font:14px/1.45 ui-monospace,'DejaVu Sans Mono',Menlo,monospace;min-width:${columns}ch">${lines}</pre>`;
	const browser = await chromium.launch({ executablePath: await findBrowser(), args: ["--no-sandbox"] });
	try {
		const tab = await browser.newPage({ deviceScaleFactor: 1.5 });
		await tab.setContent(page);
		await tab.locator("body").screenshot({ path: join(root, "docs/images/terminal.png") });
	} finally {
		await browser.close();
	}
}

try {
	await prepare();
	const rows = [];
	for (const command of commands) rows.push(...(rows.length > 0 ? [[]] : []), ...(await session(command)));
	await picture(rows);
} finally {
	rmSync(place, { recursive: true, force: true });
}
