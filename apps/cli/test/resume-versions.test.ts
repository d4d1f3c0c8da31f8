import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";

const verdict = "console.log(JSON.stringify({ score: 1 }));\n";
const files = {
	"my.eval.yaml": `assertions: [{type: code-grader, command: [node, ./graders/check.mjs]}]
tests: [{id: one, input: hi}, {id: two, input: hi}, {id: three, input: hi}]
`,
	"targets.yaml": "targets: [{name: default, provider: mock, response: hello}]\n",
	"graders/check.mjs": `import "./rules.mjs";\n${verdict}`,
	"graders/rules.mjs": "export {};\n",
};

/** Creates a run that stopped before its last test. */
async function interrupted() {
	const cwd = tempTree(files);
	const run = (...args: string[]) => agentv(args, { cwd });
	await run("eval", "my.eval.yaml", "--output", "out", "--workers", "1");
	const index = join(cwd, "out/index.jsonl");
	const rows = readFileSync(index, "utf8").split("\n");
	writeFileSync(index, `${rows.slice(0, 2).join("\n")}\n`);
	rmSync(join(cwd, "out/summary.json"));
	return { cwd, run, index };
}

describe("agentv eval run --resume after a script has changed", () => {
	test("exits with 2 and names the script and the affected results", async () => {
		const { cwd, run } = await interrupted();
		writeFileSync(join(cwd, "graders/rules.mjs"), "export {}; \n");
		for (const args of [["--resume"], ["--retry-errors"], ["--resume", "--dry-run"]]) {
			const session = await run("eval", "run", ...args, "--run", "out");
			expect(session).toMatchObject({ exitCode: 2, stdout: "" });
			expect(session.stderr).toBe(`error: inputs of this run's results have changed since
  graders/rules.mjs changed: 2 results (one, two)
hint: Undo the change, rerun the affected tests with --rerun-changed, or start a new run. \`agentv results regrade\` grades the recorded answers of a run again. Results of different versions are not mixed.
`);
		}
		expect((await run("eval", "run", "--only-missing", "out")).exitCode).toBe(2);
		expect((await run("eval", "run", "--only-missing", "out", "--output", "rest")).exitCode).toBe(2);
		expect(readdirSync(cwd)).not.toContain("rest");
	});

	test("runs the affected tests again with --rerun-changed", async () => {
		const { cwd, run, index } = await interrupted();
		writeFileSync(join(cwd, "graders/rules.mjs"), "export {}; \n");
		const session = await run("eval", "run", "--only-missing", "out", "--rerun-changed", "--json");
		expect(JSON.parse(session.stdout).summary).toMatchObject({ planned: 3, passed: 3 });
		expect(readFileSync(index, "utf8").trimEnd().split("\n")).toHaveLength(5);
		expect(await run("results", "verify", "out")).toMatchObject({ exitCode: 0 });
		expect(await run("eval", "my.eval.yaml", "--rerun-changed")).toMatchObject({
			exitCode: 2,
			stderr: expect.stringContaining("--rerun-changed requires a run to resume"),
		});
	});
});

test("agentv results verify exits with 1 and names the script if results come from two of its versions", async () => {
	const cwd = tempTree(files);
	const run = (...args: string[]) => agentv(args, { cwd });
	await run("eval", "my.eval.yaml", "--output", "before", "--workers", "1");
	writeFileSync(join(cwd, "graders/check.mjs"), `${verdict}// changed\n`);
	await run("eval", "my.eval.yaml", "--output", "after", "--workers", "1");
	const rowsOf = (name: string) => readFileSync(join(cwd, name, "index.jsonl"), "utf8").split("\n");
	const [first = ""] = rowsOf("after");
	writeFileSync(join(cwd, "before/index.jsonl"), [first, ...rowsOf("before").slice(1)].join("\n"));
	const folder = JSON.parse(first).file.split("/").slice(0, 2).join("/");
	cpSync(join(cwd, "after", folder), join(cwd, "before", folder), { recursive: true });
	const { stdout, exitCode } = await run("results", "verify", "before");
	expect(exitCode).toBe(1);
	expect(stdout).toMatch(
		/graders\/check\.mjs: results come from 2 versions: [0-9a-f]{12} made 1 \(one\); [0-9a-f]{12} made 2 \(two, three\)/,
	);
	const { differences } = JSON.parse((await run("results", "verify", "before", "--json")).stdout);
	expect(differences).toEqual(
		expect.arrayContaining([expect.objectContaining({ kind: "mixed-versions", of: "graders/check.mjs" })]),
	);
});
