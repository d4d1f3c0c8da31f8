import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { main } from "../main.ts";

const schemaFile = new URL("../../../../docs/schemas/validate-output.schema.json", import.meta.url);

function tree() {
	const root = tempTree();
	gitRepository(root, {
		"my-eval.yaml": "target: claude\ntests: ./cases.jsonl\n",
		"cases.jsonl": '{"id":"a","input":"hi","criteria":"<greets>"}\n',
		"targets.yaml": "targets:\n  - { name: claude, provider: mock, response: '${{ ANSWER }}' }\n",
		"below/eval.yaml": 'target: claude\ntests: "/cases.jsonl"\n',
	});
	return root;
}

async function session(cwd: string, ...argv: string[]) {
	const said = { stdout: "", stderr: "" };
	const output = (name: "stdout" | "stderr") => ({
		write: (text: string) => {
			said[name] += text;
		},
		...{ isTTY: false, columns: 80, color: false },
	});
	const env = { PATH: process.env["PATH"], HOME: "/nonexistent" };
	const signal = new AbortController().signal;
	const context = { env, cwd, stdout: output("stdout"), stderr: output("stderr"), signal };
	return { exitCode: await main(["eval", "validate", ...argv], context), ...said };
}

describe("agentv eval validate", () => {
	it("prints a short tree, then a code frame for each finding", async () => {
		const { stdout, exitCode } = await session(tree(), "my-eval.yaml");
		expect(exitCode).toBe(0);
		expect(stdout.replace(/commit: [0-9a-f]{7}/, "commit: …")).toBe(`⚠ my-eval.yaml
  ✓ All test data paths resolve (tests: ./cases.jsonl)
  ✓ Targets are defined next to the eval (claude)
  ⚠ ANSWER referenced but not documented   env.undocumented  targets.yaml:2:47
  ✓ Git repo detected (commit: …)

targets.yaml:2:47  warning  ANSWER referenced but not documented
    1 | targets:
  > 2 |   - { name: claude, provider: mock, response: '\${{ ANSWER }}' }
      |                                               ^^^^^^^^^^^^^^^
  hint: list it in .env.example or the README next to the eval, or write \${{ ANSWER:-default }}

0 errors, 1 warning.
`);
	});

	it.each([
		[["my-eval.yaml"], 0],
		[["my-eval.yaml", "--strict"], 1],
		[["my-eval.yaml", "--strict", "--rule", "env.undocumented=off"], 0],
		[["my-eval.yaml", "--rule", "env.undocumented=error"], 1],
		[["below"], 1],
		[["below", "--fix"], 0],
		[["below", "--fix", "--dry-run"], 1],
		[["nowhere.yaml"], 2],
		[[], 2],
		[["my-eval.yaml", "--format", "xml"], 2],
		[["my-eval.yaml", "--rule", "path.mising=off"], 2],
		[["--explain", "path.missing"], 0],
	])("%j exits %i", async (argv, exitCode) => {
		expect((await session(tree(), ...argv)).exitCode).toBe(exitCode);
	});

	it("fixes findings, reports the fixes, and finds nothing to fix on the next run", async () => {
		const root = tree();
		const dry = await session(root, "below", "--fix", "--dry-run");
		expect(dry.stdout).toContain('-tests: "/cases.jsonl"\n+tests: "../cases.jsonl"');
		const first = await session(root, "below", "--fix", "--format", "json");
		expect(JSON.parse(first.stdout).summary).toMatchObject({ errors: 0, fixed: 2 });
		expect(readFileSync(join(root, "below/eval.yaml"), "utf8")).toBe('target: claude\ntests: "../cases.jsonl"\n');
		const again = await session(root, "below", "--fix", "--format", "json");
		expect(JSON.parse(again.stdout).summary).toMatchObject({ errors: 0, fixed: 0 });
	});

	it("prints JSON that matches the checked-in schema", async () => {
		const { stdout } = await session(tree(), ".", "--format", "json");
		const schema = JSON.parse(readFileSync(schemaFile, "utf8"));
		const document = JSON.parse(stdout);
		const keys = (value: object) => Object.keys(value).sort();
		const found = schema.$defs.diagnostic;
		for (const one of document.evals) {
			expect(keys(one)).toEqual([...schema.properties.evals.items.required].sort());
			for (const diagnostic of one.diagnostics) expect(keys(diagnostic)).toEqual([...found.required].sort());
		}
		expect(document.evals.map(({ file }: { file: string }) => file)).toEqual(["below/eval.yaml"]);
	});

	it("includes its fixes with regions in SARIF", async () => {
		const { stdout } = await session(tree(), "below", "--format", "sarif");
		const { version, runs } = JSON.parse(stdout);
		expect(version).toBe("2.1.0");
		const absolute = runs[0].results.find(({ ruleId }: { ruleId: string }) => ruleId === "path.absolute");
		expect(absolute).toMatchObject({
			level: "error",
			locations: [{ physicalLocation: { region: { startLine: 2, startColumn: 8 } } }],
		});
		expect(absolute.fixes[0].artifactChanges[0].artifactLocation).toEqual({ uri: "below/eval.yaml" });
	});

	it("prints annotations as escaped workflow commands", async () => {
		const root = tree();
		const github = (await session(root, ".", "--format", "github")).stdout.trimEnd().split("\n");
		for (const line of github.slice(0, -1))
			expect(line).toMatch(
				/^::(error|warning) file=[^,:]+,line=\d+,endLine=\d+,col=\d+(,endColumn=\d+)?,title=[a-z.-]+::.+$/,
			);
	});
});
