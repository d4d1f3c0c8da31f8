import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { agentv, gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";

const oneTest = "tests:\n  - {id: a, input: hello, assertions: [{type: contains, value: x}]}\n";

/** Ten levels of ten aliases each, which expand to ten billion values. */
function aliasBomb(): string {
	const letters = [..."abcdefghij"];
	const lines = letters.map((letter, level) => {
		const inner = level === 0 ? Array(10).fill("x") : Array(10).fill(`*${letters[level - 1]}`);
		return `${letter}: &${letter} [${inner.join(", ")}]`;
	});
	return `${lines.join("\n")}\n${oneTest}`;
}

/** Runs a command that must print no stack. Returns its exit code and output. */
async function mistake(args: readonly string[], files: Record<string, string>, env: Record<string, string> = {}) {
	const cwd = tempTree(files);
	const { exitCode, stdout, stderr } = await agentv(args, { cwd, env });
	expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m); // no stack
	return { exitCode, stdout, stderr };
}

describe("bad input is reported on stderr with an exit code and without a stack", () => {
	test.each(["run", "validate"])("eval %s: a file that does not exist", async (verb) => {
		const said = await mistake(["eval", verb, "missing.eval.yaml"], {});
		expect(said).toMatchObject({ exitCode: 2, stdout: "" });
		expect(said.stderr).toContain("missing.eval.yaml does not exist");
	});

	test.each(["run", "validate"])("eval %s: a directory without evals, and a glob without matches", async (verb) => {
		const empty = await mistake(["eval", verb, "empty"], { "empty/readme.md": "" });
		expect(empty).toMatchObject({ exitCode: 2, stdout: "" });
		expect(empty.stderr).toContain("empty contains no eval");
		const glob = await mistake(["eval", verb, "*.eval.yaml"], {});
		expect(glob).toMatchObject({ exitCode: 2, stdout: "" });
		expect(glob.stderr).toContain("*.eval.yaml matches no eval");
	});

	test("invalid YAML: shows file, line, column and a code frame", async () => {
		const { exitCode, stderr } = await mistake(["eval", "bad.eval.yaml"], {
			"bad.eval.yaml": "tests:\n  - id: a\n    input: 'open\n",
		});
		expect(exitCode).toBe(2);
		expect(stderr).toMatch(/bad\.eval\.yaml:\d+:\d+ {2}error/);
		expect(stderr).toMatch(/> \d+ \|/);
	});

	test("an alias bomb: is refused immediately", async () => {
		const { exitCode, stderr } = await mistake(["eval", "bomb.eval.yaml"], { "bomb.eval.yaml": aliasBomb() });
		expect(exitCode).toBe(2);
		expect(stderr).toContain("more than 1,000,000 values");
	});

	test("an unknown target: lists the known ones and the searched files", async () => {
		const { exitCode, stderr } = await mistake(["eval", "my.eval.yaml"], {
			"my.eval.yaml": `target: cluade\n${oneTest}`,
			"targets.yaml": "targets:\n  - {name: claude, provider: mock}\n  - {name: other, provider: mock}\n",
		});
		expect(exitCode).toBe(2);
		expect(stderr).toContain('target "cluade" is not defined');
		expect(stderr).toContain("targets.yaml");
		expect(stderr).toContain('did you mean "claude"? Known targets: claude, other');
		expect(stderr).toContain("my.eval.yaml:1:9");
	});

	test("a use_target cycle: shows all of its targets", async () => {
		const { exitCode, stderr } = await mistake(["eval", "my.eval.yaml"], {
			"my.eval.yaml": `target: one\n${oneTest}`,
			"targets.yaml":
				"targets:\n  - {name: one, use_target: two}\n  - {name: two, use_target: three}\n  - {name: three, use_target: one}\n",
		});
		expect(exitCode).toBe(2);
		expect(stderr).toContain("one → two → three → one");
	});

	test("an unset variable: shows file, line and name", async () => {
		const { exitCode, stderr } = await mistake(["eval", "my.eval.yaml"], {
			"my.eval.yaml":
				"target: {name: t, provider: mock}\ntests:\n  - id: a\n    input: Say ${{ WORD }}\n    assertions: [{type: contains, value: x}]\n",
		});
		expect(exitCode).toBe(2);
		expect(stderr).toMatch(/my\.eval\.yaml:4:\d+ {2}error {2}variable WORD is not set/);
	});

	test("git missing from PATH: suggests installing it", async () => {
		const source = gitRepository(tempTree(), { "a.eval.yaml": oneTest });
		const bin = join(tempTree(), "bin");
		mkdirSync(bin);
		symlinkSync(process.execPath, join(bin, "node"));
		const { exitCode, stderr } = await mistake(
			["benchmark", "sync", "b"],
			{ ".home/benchmarks.yaml": `benchmarks:\n  - {id: b, path: b, source: {url: "file://${source.root}"}}\n` },
			{ PATH: bin },
		);
		expect(exitCode).toBe(2);
		expect(stderr).toBe("error: git was not found in PATH\nhint: Install git, or add its directory to PATH.\n");
	});

	test("an unknown command or option: suggests the nearest", async () => {
		const command = await mistake(["benchmrk"], {});
		expect(command).toMatchObject({ exitCode: 2, stdout: "" });
		expect(command.stderr).toContain("Did you mean benchmark?");
		const option = await mistake(["eval", "run", "--workrs", "2", "x"], {});
		expect(option).toMatchObject({ exitCode: 2, stdout: "" });
		expect(option.stderr).toContain("Did you mean --workers?");
		const subcommand = await mistake(["eval", "vaildate", "x"], {});
		expect(subcommand).toMatchObject({ exitCode: 2, stdout: "" });
		expect(subcommand.stderr).toContain("agentv eval validate");
	});

	test("--debug: shows the cause", async () => {
		const cwd = tempTree();
		const debugged = await agentv(["--debug", "eval", "missing.eval.yaml"], { cwd });
		expect(debugged.stderr).toMatch(/^\s+at /m);
	});
});
