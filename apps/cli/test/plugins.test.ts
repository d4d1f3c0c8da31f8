import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../../..");
const core = "packages/core/src";

/** Copies the source of the command line and Studio, with the installed packages. */
function copyOfSource(): string {
	const copy = tempTree();
	const folders = ["packages/core/src", "apps/cli/src", "apps/cli/scripts", "apps/cli/test/plugins"];
	for (const folder of [...folders, "apps/studio/server", "apps/studio/client"])
		cpSync(join(root, folder), join(copy, folder), { recursive: true, filter: (path) => !/\.test\.tsx?$/.test(path) });
	for (const workspace of ["packages/core", "apps/cli", "apps/studio"]) {
		cpSync(join(root, workspace, "package.json"), join(copy, workspace, "package.json"));
		link(join(root, workspace, "node_modules"), join(copy, workspace, "node_modules"));
	}
	symlinkSync(join(copy, "packages/core"), join(copy, "apps/cli/node_modules/@agentv/core"));
	symlinkSync(join(copy, "apps/studio"), join(copy, "apps/cli/node_modules/@agentv/studio"));
	symlinkSync(join(copy, "packages/core"), join(copy, "apps/studio/node_modules/@agentv/core"));
	return copy;
}

function link(installed: string, goal: string): void {
	mkdirSync(join(goal, "@agentv"), { recursive: true });
	for (const name of readdirSync(installed)) {
		if (name === "@agentv" || name.startsWith(".")) continue;
		symlinkSync(join(installed, name), join(goal, name));
	}
}

/** A plug-in: its new file, and replacements in existing files as [text, replacement]. */
interface PlugIn {
	readonly file: string;
	readonly content: string;
	readonly changes: Readonly<Record<string, readonly (readonly [text: string, replacement: string])[]>>;
}

function line(name: string, file: string, before: string): readonly (readonly [string, string])[] {
	return [
		["import ", `import { ${name} } from "${file}";\nimport `],
		[before, `${name},\n${before}`],
	];
}

const provider: PlugIn = {
	file: `${core}/targets/providers/dummy.ts`,
	content: `import { z } from "zod";
import { wireObject } from "../../format/codec.ts";
import { modelProvider, settingsWithout } from "../language-model.ts";
export const dummy = modelProvider({
	name: "dummy",
	aliases: ["dummy-model"],
	runs: "a dummy",
	address: "https://api.dummy.example/v1",
	keys: ["DUMMY_API_KEY"],
	settings: wireObject({ ...settingsWithout("apiFormat"), dummySetting: z.string().optional() }),
	reasoning: () => ({}),
	open: async ({ model }) => ({
		...{ specificationVersion: "v3", provider: "dummy", modelId: model, supportedUrls: {} },
		doGenerate: async () => ({
			content: [{ type: "text", text: JSON.stringify({ score: 1, assertions: [], reasoning: "fine" }) }],
			finishReason: { unified: "stop", raw: "stop" },
			usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } },
			warnings: [],
		}),
	}),
});
`,
	changes: { [`${core}/targets/providers/index.ts`]: line("dummy", "./dummy.ts", "\tmock,\n\treplay,") },
};

const grader: PlugIn = {
	file: `${core}/grading/graders/dummy.ts`,
	content: `import { countSchema } from "../../format/codec.ts";
import { binaryScore, defineGrader } from "../contract.ts";
export const dummy = defineGrader({
	type: "is-short",
	aliases: ["is-brief"],
	score: "1 or 0",
	options: { maxLength: countSchema },
	reproducible: () => true,
	grade: ({ settings }, { output }) => binaryScore(output.length <= settings.maxLength, "the answer is short"),
});
`,
	changes: { [`${core}/grading/graders/index.ts`]: line("dummy", "./dummy.ts", "\tcontains,\n\ticontains,\n\tstarts") },
};

const rule: PlugIn = {
	file: `${core}/validate/rules/dummy.ts`,
	content: `import { rule } from "../rule.ts";
export const dummy = rule({
	id: "dummy.always",
	severity: "warning",
	summary: "any eval",
	docs: { why: "It is a dummy.", bad: "tests: []", good: "tests: [one]", mend: "Ignore it." },
	message: () => "the dummy rule reports every eval",
	check: ({ loaded }) => [{ data: {}, at: { file: loaded.file, path: [] } }],
});
`,
	changes: {
		[`${core}/validate/rules.ts`]: [
			["import ", 'import { dummy } from "./rules/dummy.ts";\nimport '],
			["\tauthoring: promptRules,", "\tauthoring: [...promptRules, dummy],"],
		],
	},
};

const exporter: PlugIn = {
	file: "apps/cli/src/exporters/dummy.ts",
	content: `import type { RunExport } from "./export.ts";
export const exportDummy: RunExport = function* () {
	yield "a dummy\\n";
};
`,
	changes: {
		"apps/cli/src/exporters/formats.ts": [
			[
				"export const exportFormats = {",
				'export const exportFormats = {\n\tdummy: async () => (await import("./dummy.ts")).exportDummy,',
			],
		],
	},
};

const screen: PlugIn = {
	file: "apps/studio/client/screens/dummy.tsx",
	content: "export function Dummy() {\n\treturn <p>a dummy</p>;\n}\n",
	changes: {
		"apps/studio/client/main.tsx": [
			[
				"const router = createRouter(",
				`const dummy = createRoute({
	getParentRoute,
	path: "/dummy",
	component: lazyRouteComponent(() => import("./screens/dummy.tsx"), "Dummy"),
});

const router = createRouter(`,
			],
			["root.addChildren([", "root.addChildren([dummy, "],
		],
	},
};

/** Adds a plug-in. Returns the number of new and changed files. */
function add(plugIn: PlugIn, copy: string): number {
	writeFileSync(join(copy, plugIn.file), plugIn.content);
	for (const [file, changes] of Object.entries(plugIn.changes)) {
		let text = readFileSync(join(copy, file), "utf8");
		for (const [before, after] of changes) {
			expect(text, file).toContain(before);
			text = text.replace(before, () => after);
		}
		writeFileSync(join(copy, file), text);
	}
	return 1 + Object.keys(plugIn.changes).length;
}

const project = {
	".agentv/targets.yaml": "targets:\n  - {name: default, provider: dummy-model, model: m, api_key: none}\n",
	"one.eval.yaml": `tests:
  - id: one
    input: Hello
    assertions:
      - {type: is_short, max_length: 100}
      - {type: llm-grader, prompt: Is it fine?}
`,
};

test("a provider, grader, rule or export format needs one file and one line in a list, a screen at most three files", async () => {
	const copy = copyOfSource();
	const plugIns = { provider, grader, rule, exporter, screen };
	const files = Object.entries(plugIns).map(([name, plugIn]) => [name, add(plugIn, copy)]);
	expect(Object.fromEntries(files)).toEqual({ provider: 2, grader: 2, rule: 2, exporter: 2, screen: 2 });
	const cwd = tempTree(project);
	const env = { PATH: process.env["PATH"], HOME: tempTree() };
	const node = async (...words: string[]) => {
		// With warnings, the command exits with 1.
		const ran = await run(process.execPath, words, { cwd, env }).catch(
			(error: { stdout: string; stderr: string }) => error,
		);
		return ran.stdout + ran.stderr;
	};
	expect(await node(join(copy, "apps/cli/test/plugins/build-copy.mjs"))).toBe("");
	const agentv = (...words: string[]) => node(join(copy, "out/agentv.mjs"), ...words);
	const firstRow = (name: string, rows: string) =>
		node("--input-type=module", "-e", `console.log((await import("${join(copy, "out", name)}")).${rows}()[0].join())`);

	// Schemas, docs and help derive from the lists.
	const [targets, evals, doctor, explained, help, ofProvider, ofGrader] = await Promise.all([
		agentv("schema", "targets"),
		agentv("schema", "eval"),
		agentv("doctor"),
		agentv("eval", "validate", "--explain", "dummy.always"),
		agentv("results", "export", "--help"),
		firstRow("providers.mjs", "providerRows"),
		firstRow("graders.mjs", "graderRows"),
	]);
	expect(targets).toContain("dummy_setting");
	expect(evals).toContain("max_length");
	expect(doctor).toContain("dummy m at api.dummy.example");
	expect(explained).toContain("It is a dummy.");
	expect(help).toContain('"dummy"');
	expect(ofProvider).toBe("`dummy`,a dummy,`model`, `api_key`,`pricing`\n");
	expect(ofGrader).toBe("`is-short`,`max_length`,1 or 0\n");
	// The bundle contains the screen, so the router imports it.
	expect(readdirSync(join(copy, "out/studio")).filter((name) => name.startsWith("dummy"))).toHaveLength(1);

	// A model provider answers and also grades.
	expect(await agentv("eval", "validate", "one.eval.yaml")).toContain("the dummy rule reports every eval");
	expect(await agentv("eval", "run", "one.eval.yaml", "--output", "run")).toContain("1 passed");
	expect(await agentv("results", "export", "run", "--format", "dummy")).toBe("a dummy\n");
	expect(readFileSync(join(cwd, "run/index.jsonl"), "utf8")).toMatch(/"type": ?"is-short"/);
});
