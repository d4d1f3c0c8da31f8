import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { agentv } from "@agentv/test-support";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// Every text that would control a terminal or CI server, from every untrusted source, in every
// output.

const payloads: Readonly<Record<string, string>> = {
	"a colour": "\u001b[31mred",
	"hidden text": "\u001b[8mhidden",
	"a cursor": "\u001b[2J\u001b[1A\u001b[K",
	"a title": "\u001b]0;title\u0007",
	"a link": "\u001b]8;;http://evil\u0007text\u001b]8;;\u0007",
	"the clipboard": "\u001b]52;c;cGxhbnRlZA==\u001b\\",
	"a device control string": "\u001bP+q544e\u001b\\",
	"an eight-bit sequence": "\u009b31m\u009d52;c;eA==\u009c\u0090q\u0085",
	"a bell, a backspace and a null": "\u0007\b\u0000\u007f",
	"a carriage return": "shown\rhidden",
	"a bidirectional override": "\u202eevil\u202c \u2066x\u2069 \u200f\u061c",
	"invisible characters": "zero\u200bwidth\u2060\ufeff\u00ad\u{e0041}\u3164",
	"a line separator": "a\u2028b\u2029c",
	"a workflow command": "x\n::error title=planted::planted\n  ::add-mask::planted\n::stop-commands::planted",
	"an older workflow command": "##[command]planted ##[group]planted\n##[error]planted",
	"a pipeline command": "##vso[task.setvariable variable=x]planted",
	"a script": "</script><script>planted()</script><img src=x onerror=planted()>",
	"a document type": "]]><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
	"a table": "a | b\n--- | ---\n| c",
	links: "[x](javascript:planted) ![y](http://evil/z) <javascript:planted> www.evil.example",
	"a formula": "=cmd()\n+1\n-1\n@x",
	"half a character": "\ud800 \udc00",
};
const all = Object.entries(payloads)
	.map(([name, payload]) => `${name}: ${payload}`)
	.join("\n");

let root = "";
const shown = new Map<string, string>();

async function run(name: string, args: readonly string[], more: Partial<Parameters<typeof agentv>[1]> = {}) {
	const session = await agentv(args, { cwd: root, ...more });
	shown.set(`${name}: stdout`, session.stdout);
	shown.set(`${name}: stderr`, session.stderr);
	return session;
}

beforeAll(async () => {
	root = realpathSync(mkdtempSync(join(tmpdir(), "agentv-commanding-")));
	const text = JSON.stringify(all);
	const id = JSON.stringify(all.replaceAll("\ud800 \udc00", ""));
	const files = {
		"w/a.eval.yaml": `name: a
description: ${text}
tags: [${id}]
target: agent
tests:
  - { id: ${id}, input: ${text}, assertions: [{ type: code-grader, name: ${id}, command: [node, grade.mjs] }] }
  - { id: broken, input: ${text}, target: broken, assertions: [{ type: contains, value: x }] }
workspace: { template: ./template, hooks: { before_each: { command: [node, say.mjs] } } }
`,
		"w/wrong.eval.yaml": `target: ${id}\ntests: [{ id: x, input: y, ${id}: z, assertions: [{ type: ${id} }] }]\n`,
		"w/targets.yaml": `targets:
  - { name: agent, provider: cli, command: [node, ${root}/w/agent.mjs] }
  - { name: broken, provider: cli, command: [node, ${root}/w/broken.mjs] }
`,
		"w/template/a\u001b[31m\u202e\nb.txt": "one\n",
		"w/said.json": text,
		"w/say.mjs": `import { readFileSync } from "node:fs";\nexport const all = JSON.parse(readFileSync(${JSON.stringify(join(root, "w/said.json"))}, "utf8"));\nconsole.log(all);\n`,
		"w/agent.mjs": `import { writeFileSync } from "node:fs";\nimport ${JSON.stringify(join(root, "w/say.mjs"))};\nwriteFileSync("new\\u001b]0;x\\u0007\\u202e.txt", "x");\n`,
		"w/broken.mjs": `import { all } from ${JSON.stringify(join(root, "w/say.mjs"))};\nconsole.error(all);\nprocess.exitCode = 3;\n`,
		"w/grade.mjs": `import { readFileSync } from "node:fs";\nconst all = JSON.parse(readFileSync(${JSON.stringify(join(root, "w/said.json"))}, "utf8"));\nconsole.log(JSON.stringify({ score: 0, assertions: [{ text: all, passed: false, evidence: all }] }));\n`,
		".home/benchmarks.yaml": `benchmarks:\n  - { id: local, name: ${id}, path: ${id} }\n`,
	};
	for (const [path, content] of Object.entries(files)) {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), content);
	}
	await run("run", ["eval", "run", "w/a.eval.yaml", "--output", "runs/a"]);
	await run("run in colour", ["eval", "run", "w/a.eval.yaml", "--output", "runs/b"], { env: { FORCE_COLOR: "1" } });
	for (const format of ["github", "junit", "json"])
		await run(`run ${format}`, ["eval", "run", "w/a.eval.yaml", "--output", `runs/${format}`, "--reporter", format]);
	await run("dry run", ["eval", "run", "w/a.eval.yaml", "--dry-run"]);
	await run("a run that can't be", ["--debug", "eval", "run", "w/wrong.eval.yaml"]);
	await run("an argument", ["eval", "run", all.replaceAll("\u0000", "")]);
	for (const format of ["text", "json", "github", "junit", "sarif"])
		await run(`validate ${format}`, ["eval", "validate", "w", "--format", format]);
	await run("validate in colour", ["eval", "validate", "w"], { env: { FORCE_COLOR: "1" } });
	await run("show", ["results", "show", "runs/a"]);
	await run("show tests", ["results", "show", "runs/a", "--test", "*"]);
	await run("list", ["results", "list"]);
	await run("compare", ["results", "compare", "runs/a", "runs/b"]);
	await run("benchmarks", ["benchmark", "list"]);
	await run("status", ["benchmark", "status"]);
	await run("doctor", ["doctor"]);
	await run("bundle", ["bundle", "w/a.eval.yaml", "--output", "out"]);
	for (const format of ["junit", "json", "jsonl", "html", "markdown"]) {
		await run(`export ${format}`, ["results", "export", "runs/a", "--format", format]);
		await run(`export ${format} to a file`, ["results", "export", "runs/a", "--format", format, "--output", format]);
		if (!format.startsWith("json")) shown.set(`export ${format} as a file`, readFileSync(join(root, format), "utf8"));
	}
}, 120_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** AgentV's own colours, which are reset and hide nothing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const color = /\u001b\[(?:[0-79]|2[1-9]|3[0-79]|4[0-79]|9[0-7]|10[0-7])m/g;
const steering =
	/[^\P{Cc}\n\t]|[\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u3164]|[\u{e0000}-\u{e007f}]/u;

test("the planted texts reach the outputs", () => {
	expect(shown.get("run: stdout")).toContain("a workflow command");
	expect(shown.get("show tests: stdout")).toContain("the clipboard");
	expect(shown.get("validate text: stdout")).toContain("a title");
	expect(shown.get("export html: stdout")).toContain("a document type");
});

describe("no output", () => {
	test("controls a terminal, or reorders or hides text", () => {
		const found = [...shown].flatMap(([name, text]) => {
			const at = text.replace(name.includes("colour") ? color : /(?!)/g, "").search(steering);
			return at === -1 ? [] : [`${name}: ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 20))}`];
		});
		expect(found).toEqual([]);
	});

	test("holds commands for a CI server", () => {
		const isOurs = (line: string) => /^::(error|warning|notice)[ :]/.test(line);
		const found = [...shown].flatMap(([name, text]) =>
			text
				.split("\n")
				.filter(
					(line) =>
						(/^\s*::[\w-]+.*::/.test(line) && !(name.includes("github: stdout") && isOurs(line))) ||
						/##[a-z]*\[/i.test(line),
				)
				.map((line) => `${name}: ${line.slice(0, 200)}`),
		);
		expect(found.filter((one) => !one.startsWith("export junit as a file"))).toEqual([]);
	});

	test("holds annotations in addition to AgentV's own", () => {
		const lines = (shown.get("run github: stdout") ?? "").split("\n").filter((line) => line.startsWith("::"));
		expect(lines).toHaveLength(2);
	});
});

test("JSON on stdout has the same values as in a file", () => {
	for (const format of ["json", "jsonl"]) {
		const values = (text: string) =>
			(format === "json" ? [text] : text.trim().split("\n")).map((one) => JSON.parse(one));
		const file = readFileSync(join(root, format), "utf8");
		expect(file).toContain("\u202e");
		expect(values(shown.get(`export ${format}: stdout`) ?? "")).toEqual(values(file));
	}
});

test("markup is escaped", () => {
	const html = shown.get("export html as a file") ?? "";
	expect(html.match(/<script/g)).toHaveLength(2);
	// The page's own script, the last one, has texts of its libraries.
	expect(html.split('<script type="module">')[0]).not.toContain("<img");
	expect(html).not.toContain("<img src=x");
	const markdown = shown.get("export markdown as a file") ?? "";
	expect(markdown).not.toMatch(/(?<!\\)<(img|script|javascript)|(?<!\\)\]\(javascript/);
	for (const name of ["run junit: stdout", "export junit as a file", "validate junit: stdout"]) {
		const xml = shown.get(name) ?? "";
		expect(xml).not.toMatch(/<!DOCTYPE|<!ENTITY|<img|<script/);
		expect(xml).not.toMatch(/\p{Surrogate}|[\ufffe\uffff]/u);
	}
});
