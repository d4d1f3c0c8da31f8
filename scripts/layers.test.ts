import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const { forbidden: rules } = createRequire(import.meta.url)(join(root, ".dependency-cruiser.cjs")) as {
	forbidden: { name: string; comment: string; severity: string }[];
};

const core = "packages/core/src";
const empty = "export {};\n";

/** A minimal source tree with a file for each folder and only allowed imports. */
const soundTree: Record<string, string> = {
	"tsconfig.base.json": readFileSync(join(root, "tsconfig.base.json"), "utf8"),
	"packages/core/package.json": JSON.stringify({
		name: "@agentv/core",
		type: "module",
		exports: { ".": { "agentv-source": "./src/index.ts" } },
	}),
	"packages/test-support/package.json": JSON.stringify({
		name: "@agentv/test-support",
		type: "module",
		exports: { ".": "./src/index.ts" },
	}),
	"packages/test-support/src/index.ts": empty,
	"apps/studio/package.json": JSON.stringify({
		name: "@agentv/studio",
		type: "module",
		exports: { "./server": "./server/index.ts" },
	}),
	"apps/cli/package.json": JSON.stringify({ name: "agentv", type: "module" }),
	[`${core}/index.ts`]: 'export * from "./run/run.ts";\n',
	[`${core}/lib/slug.ts`]: "export const slug = 1;\n",
	[`${core}/lib/letter.ts`]: "export type Letter = string;\n",
	[`${core}/lib/slug.test.ts`]: 'import "node:fs";\nimport "@agentv/test-support";\nimport "./slug.ts";\n',
	[`${core}/format/eval-file.ts`]: 'import "zod";\nimport "../lib/slug.ts";\n',
	[`${core}/machine/files.ts`]: 'import "node:fs";\nimport "execa";\nimport "../lib/slug.ts";\n',
	[`${core}/eval/load-eval.ts`]: 'import "../machine/files.ts";\nimport "../format/eval-file.ts";\n',
	[`${core}/workspace/template.ts`]: 'import "../eval/load-eval.ts";\n',
	[`${core}/targets/target.ts`]: empty,
	[`${core}/targets/registry.ts`]: 'import "./providers/mock.ts";\nimport "./providers/cli.ts";\n',
	[`${core}/targets/providers/mock.ts`]: 'import "../target.ts";\n',
	[`${core}/targets/providers/cli.ts`]: 'import "../target.ts";\n',
	[`${core}/grading/graders/contains.ts`]: 'import "../../targets/target.ts";\n',
	[`${core}/grading/graders/regex.ts`]: 'import type {} from "../../eval/load-eval.ts";\n',
	[`${core}/grading/regex-worker.ts`]: 'import "node:worker_threads";\n',
	[`${core}/validate/rules/index.ts`]: 'import "./missing.ts";\nimport "./absolute.ts";\n',
	[`${core}/validate/rules/missing.ts`]: empty,
	[`${core}/validate/rules/absolute.ts`]: empty,
	[`${core}/sync/sync.ts`]: 'import "../eval/load-eval.ts";\n',
	[`${core}/run/run.ts`]:
		'import "../workspace/template.ts";\nimport "../targets/registry.ts";\nimport "../grading/graders/contains.ts";\n',
	"apps/cli/src/bin.ts": 'import "node:process";\nimport "./commands/studio.ts";\nimport "./commands/eval-run.ts";\n',
	"apps/cli/src/commands/eval-run.ts": 'import "@agentv/core";\nimport "../output/text.ts";\n',
	"apps/cli/src/commands/studio.ts":
		'import type {} from "@agentv/studio/server";\nexport const load = () => import("@agentv/studio/server");\n',
	"apps/cli/src/output/text.ts": empty,
	"apps/studio/server/index.ts": 'import "@agentv/core";\nimport "./routes/evals.ts";\nimport "./routes/runs.ts";\n',
	"apps/studio/server/start.ts": 'import "node:fs";\nimport "./index.ts";\n',
	"apps/studio/server/routes/evals.ts": empty,
	"apps/studio/server/routes/runs.ts": empty,
	"apps/studio/client/main.tsx": 'import type {} from "../server/index.ts";\n',
};

interface Violation {
	file: string;
	/** The forbidden import. */
	imports: string;
	/** Additional files that it needs. */
	extra?: Record<string, string>;
}

const violations: Record<string, Violation> = {
	"no-cycles": {
		file: `${core}/lib/slug.ts`,
		imports: 'import { loop } from "./turn.ts";',
		extra: { [`${core}/lib/turn.ts`]: 'import { slug } from "./slug.ts";\nexport const loop = slug;\n' },
	},
	"no-cycles-of-types": {
		file: `${core}/lib/letter.ts`,
		imports: 'import type { Text } from "./text.ts";',
		extra: { [`${core}/lib/text.ts`]: 'import type { Letter } from "./letter.ts";\nexport type Text = Letter;\n' },
	},
	resolvable: { file: `${core}/lib/slug.ts`, imports: 'import "./nowhere.ts";' },
	"lib-imports-only-below": { file: `${core}/lib/slug.ts`, imports: 'import "../targets/target.ts";' },
	"lib-is-pure": { file: `${core}/lib/slug.ts`, imports: 'import "node:path";' },
	"format-imports-only-below": { file: `${core}/format/eval-file.ts`, imports: 'import "../targets/target.ts";' },
	"format-needs-zod-only": { file: `${core}/format/eval-file.ts`, imports: 'import "node:path";' },
	"machine-imports-only-below": { file: `${core}/machine/files.ts`, imports: 'import "../format/eval-file.ts";' },
	"eval-imports-only-below": { file: `${core}/eval/load-eval.ts`, imports: 'import "../targets/target.ts";' },
	"plugins-load-first": { file: `${core}/targets/providers/cli.ts`, imports: 'import "../../eval/load-eval.ts";' },
	"workspace-imports-only-below": { file: `${core}/workspace/template.ts`, imports: 'import "../targets/target.ts";' },
	"targets-imports-only-below": { file: `${core}/targets/target.ts`, imports: 'import "../workspace/template.ts";' },
	"grading-imports-only-below": {
		file: `${core}/grading/graders/regex.ts`,
		imports: 'import "../../targets/registry.ts";',
	},
	"features-stand-apart": { file: `${core}/sync/sync.ts`, imports: 'import "../run/run.ts";' },
	"front-door-is-for-others": { file: `${core}/sync/sync.ts`, imports: 'import "../index.ts";' },
	"core-knows-no-app": { file: `${core}/sync/sync.ts`, imports: 'import "../../../../apps/cli/src/output/text.ts";' },
	"rules-stand-alone": { file: `${core}/validate/rules/missing.ts`, imports: 'import "./absolute.ts";' },
	"graders-stand-alone": { file: `${core}/grading/graders/regex.ts`, imports: 'import "./contains.ts";' },
	"targets-stand-alone": { file: `${core}/targets/providers/mock.ts`, imports: 'import "./cli.ts";' },
	"commands-stand-alone": { file: "apps/cli/src/commands/eval-run.ts", imports: 'import "./studio.ts";' },
	"routes-stand-alone": { file: "apps/studio/server/routes/evals.ts", imports: 'import "./runs.ts";' },
	"apps-use-the-front-door": {
		file: "apps/studio/server/routes/evals.ts",
		imports: 'import "../../../../packages/core/src/machine/files.ts";',
	},
	"studio-behind-its-command": {
		file: "apps/cli/src/commands/eval-run.ts",
		imports: 'export const load = () => import("@agentv/studio/server");',
	},
	"studio-loads-lazily": { file: "apps/cli/src/commands/studio.ts", imports: 'import "@agentv/studio/server";' },
	"studio-knows-no-cli": {
		file: "apps/studio/server/routes/evals.ts",
		imports: 'import "../../../cli/src/output/text.ts";',
	},
	"client-takes-types-only": { file: "apps/studio/client/main.tsx", imports: 'import "../server/routes/runs.ts";' },
	"machine-behind-its-door": { file: `${core}/run/run.ts`, imports: 'import { spawn } from "node:child_process";' },
	"machine-packages-behind-its-door": { file: `${core}/run/run.ts`, imports: 'import "execa";' },
	"test-support-in-tests-only": { file: `${core}/run/run.ts`, imports: 'import "@agentv/test-support";' },
	"tests-are-not-imported": { file: `${core}/run/run.ts`, imports: 'import "../lib/slug.test.ts";' },
};

function plant(extra: Record<string, string> = {}): string {
	const tree = tempTree({ ...soundTree, ...extra });
	for (const [name, target] of [
		["packages/core/node_modules/@agentv/test-support", "packages/test-support"],
		["apps/cli/node_modules/@agentv/core", "packages/core"],
		["apps/cli/node_modules/@agentv/studio", "apps/studio"],
		["apps/studio/node_modules/@agentv/core", "packages/core"],
	] as const) {
		mkdirSync(dirname(join(tree, name)), { recursive: true });
		symlinkSync(join(tree, target), join(tree, name));
	}
	for (const name of ["zod", "execa"]) {
		mkdirSync(join(tree, "node_modules", name), { recursive: true });
		writeFileSync(join(tree, "node_modules", name, "index.js"), "");
	}
	return tree;
}

function checkLayers(tree: string): { exitCode: number | null; output: string } {
	const checker = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
	const config = join(root, ".dependency-cruiser.cjs");
	const run = spawnSync(process.execPath, [checker, "--config", config, "packages", "apps"], {
		cwd: tree,
		encoding: "utf8",
		env: { ...process.env, NO_COLOR: "1" },
	});
	return { exitCode: run.status, output: run.stdout + run.stderr };
}

/** Plants all violations together, so that the checker runs only once. */
function plantAll(): string {
	const files: Record<string, string> = {};
	for (const { file, imports, extra } of Object.values(violations)) {
		files[file] = `${imports}\n${files[file] ?? soundTree[file]}`;
		Object.assign(files, extra);
	}
	return plant(files);
}

describe("the import rules", () => {
	let planted: { exitCode: number | null; output: string } | undefined;

	it("pass if every import is allowed", () => {
		const sound = checkLayers(plant());
		expect(sound.output).toContain("no dependency violations");
		expect(sound.exitCode).toBe(0);
	});

	it("are errors, each with a violation in this test", () => {
		expect(Object.keys(violations).sort()).toEqual(rules.map((rule) => rule.name).sort());
		expect(rules.filter((rule) => rule.severity !== "error")).toEqual([]);
	});

	it.each(rules.map((rule) => rule.name))("report a violation of %s", (name) => {
		planted ??= checkLayers(plantAll());
		const reported = planted.output.split("\n").filter((line) => line.startsWith(`  error ${name}: `));
		expect(reported.join("\n")).toContain(violations[name]?.file);
		expect(planted.exitCode).toBeGreaterThan(0);
	});

	it("report a single forbidden import", () => {
		const tree = plant({ [`${core}/lib/slug.ts`]: 'import "node:path";\n' });
		const { exitCode, output } = checkLayers(tree);
		expect(output).toContain("1 dependency violations (1 errors");
		expect(output).toContain(`lib-is-pure: ${core}/lib/slug.ts`);
		expect(exitCode).toBe(1);
	});

	it("suggest an alternative", () => {
		for (const rule of rules) expect(rule.comment, rule.name).toMatch(/[:;,] .+\.$/);
	});
});
