import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { Argument, type Command, type Option } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../main.ts";
import { complete } from "./complete.ts";
import { takesValue } from "./shell-line.ts";
import { sourceOf } from "./sources.ts";

const output = { write: () => undefined, isTTY: false, columns: 80, color: false };
const nothing = { env: {}, cwd: "/", stdout: output, stderr: output, signal: AbortSignal.abort(), debug: false };
const program = createProgram(nothing, { finish: () => undefined, complain: () => undefined });

async function offered(words: readonly string[], cwd = "/nowhere", env = {}): Promise<string[]> {
	return (await complete(program, words, { env: { HOME: cwd, AGENTV_HOME: "/nowhere", ...env }, cwd })).map(
		({ text }) => text,
	);
}

function* commandsOf(command: Command): Generator<Command> {
	yield command;
	for (const one of command.commands) yield* commandsOf(one);
}

const evalText = "tests: [{ id: one, input: hi, criteria: greets }, { id: other, input: hi, criteria: greets }]\n";

describe("complete", () => {
	it("knows the values of every option and argument", () => {
		const unknown = [...commandsOf(program)].flatMap((command) => {
			if (command.name().startsWith("__")) return [];
			const wanted: (Option | Argument)[] = [...command.options.filter(takesValue), ...command.registeredArguments];
			return wanted
				.filter((one) => !one.argChoices && !sourceOf(one))
				.map((one) => `${command.name()} ${one instanceof Argument ? one.name() : one.flags}`);
		});
		expect(unknown, "name their source in sources.ts").toEqual([]);
	});

	it("offers the commands that the help lists, but no hidden ones", async () => {
		const all = await offered([""]);
		expect(all).toEqual(expect.arrayContaining(["init", "eval", "benchmark", "help"]));
		expect(all.filter((name) => name.startsWith("_"))).toEqual([]);
		expect(await offered(["benchmark", "s"])).toEqual(["status", "sync"]);
		expect(await offered(["help", "bench"])).toEqual(["benchmark"]);
		expect(await offered(["benchmark", "help", "sy"])).toEqual(["sync"]);
	});

	it("offers the remaining options, also for the short form, and none after --", async () => {
		expect(await offered(["eval", "validate", "--f"])).toEqual(["--fix", "--format"]);
		expect(await offered(["eval", "validate", "--fix", "--f"])).toEqual(["--format"]);
		expect(await offered(["eval", "run", "--tag", "a", "--ta"])).toEqual(["--target", "--targets", "--tag"]);
		expect(await offered(["eval", "--rep"])).toEqual(["--repeat", "--reporter"]);
		expect(await offered(["eval", "a.yaml", "--rep"])).toEqual(["--repeat", "--reporter"]);
		expect(await offered(["eval", "run", "--", "--rep"])).toEqual([]);
		expect(await offered(["schema", "--de"])).toEqual(["--debug"]);
	});

	it("offers the choices of an option in both notations", async () => {
		expect(await offered(["eval", "validate", "--format", "s"])).toEqual(["sarif"]);
		expect(await offered(["eval", "validate", "--format=s"])).toEqual(["--format=sarif"]);
		expect(await offered(["eval", "run", "--reporter", ""])).toEqual(["text", "json", "junit", "github"]);
		expect(await offered(["results", "compare", "--vary", "test", "g"])).toEqual(["graders"]);
		expect(await offered(["schema", "m"])).toEqual(["manifest"]);
		expect(await offered(["completion", ""])).toEqual(["bash", "zsh", "fish"]);
	});

	it("offers rules, then the levels of a rule", async () => {
		expect(await offered(["eval", "validate", "--explain", "git.no"])).toEqual(["git.no-repo"]);
		expect(await offered(["eval", "validate", "--rule", "git.no"])).toEqual(["git.no-repo="]);
		expect(await offered(["eval", "validate", "--rule", "git.no-repo="])).toEqual([
			...["git.no-repo=off", "git.no-repo=warn", "git.no-repo=error"],
		]);
	});

	it("offers eval files and their directories", async () => {
		const cwd = tempTree({ "a/x.eval.yaml": "", "a/notes.md": "", "a/.hidden/y.eval.yaml": "", "b/other.yaml": "" });
		expect(await offered(["eval", "run", ""], cwd)).toEqual(["a/", "b/"]);
		expect(await offered(["eval", "run", "a/"], cwd)).toEqual(["a/x.eval.yaml"]);
		expect(await offered(["eval", "run", "a/."], cwd)).toEqual(["a/.hidden/"]);
		expect(await offered(["eval", "run", "b/"], cwd)).toEqual(["b/other.yaml"]);
		expect(await offered(["eval", "run", `${cwd}/a/x`], "/")).toEqual([`${cwd}/a/x.eval.yaml`]);
		expect(await offered(["eval", "run", "~/a/x"], cwd)).toEqual(["~/a/x.eval.yaml"]);
		expect(await offered(["bundle", "a/x.eval.yaml", "-o", ""], cwd)).toEqual(["a/", "b/"]);
		expect(await offered(["results", "export", "--output", "a/"], cwd)).toEqual(["a/notes.md", "a/x.eval.yaml"]);
	});

	it("offers benchmarks, and with --benchmark the evals of that benchmark", async () => {
		const cwd = tempTree({
			"home/benchmarks.yaml": "benchmarks:\n  - { id: alpha, path: ../a, name: First }\n  - { id: beta, path: ../b }\n",
			"a/in-alpha.eval.yaml": evalText,
		});
		const env = { AGENTV_HOME: join(cwd, "home") };
		expect(await offered(["benchmark", "sync", ""], cwd, env)).toEqual(["alpha", "beta"]);
		expect(await offered(["benchmark", "sync", "alpha", ""], cwd, env)).toEqual(["beta"]);
		expect(await offered(["eval", "run", "--benchmark", "b"], cwd, env)).toEqual(["beta"]);
		expect(await offered(["eval", "run", "--benchmark", "alpha", "in"], cwd, env)).toEqual(["in-alpha.eval.yaml"]);
		expect(await offered(["benchmark", "add", "--id", ""], cwd, env)).toEqual([]);
	});

	it("offers the targets and tests of the given eval, or else the nearest targets", async () => {
		const cwd = tempTree({
			"one/x.eval.yaml": evalText,
			"one/targets.yaml": "targets: [{ name: first, provider: mock }]\n",
			"two/targets.yaml": "targets: [{ name: second, provider: mock }]\n",
			"three.yaml": "targets: [{ name: third, provider: mock }]\n",
		});
		expect(await offered(["eval", "one/x.eval.yaml", "--target", ""], cwd)).toEqual(["first"]);
		expect(await offered(["eval", "run", "one", "--target", ""], cwd)).toEqual(["first"]);
		expect((await offered(["eval", "run", "--target", ""], cwd)).sort()).toEqual(["first", "second"]);
		expect(await offered(["eval", "one", "--targets", "three.yaml", "--target", "t"], cwd)).toEqual(["third"]);
		expect(await offered(["eval", "one/x.eval.yaml", "--test", "o"], cwd)).toEqual(["one", "other"]);
	});

	it("offers the newest runs first", async () => {
		const run = (time: string) => `.agentv/results/runs/default/${time}/run.json`;
		const cwd = tempTree({ [run("2026-01-01T00-00-00Z")]: "{}", [run("2026-01-02T00-00-00Z")]: "{}" });
		expect(await offered(["results", "show", ""], cwd)).toEqual([
			...["latest", "default/2026-01-02T00-00-00Z", "default/2026-01-01T00-00-00Z"],
		]);
		expect(await offered(["results", "list", "--experiment", ""], cwd)).toEqual(["default"]);
	});

	it("ignores unreadable files and removes control characters", async () => {
		const cwd = tempTree({
			"home/benchmarks.yaml": "benchmarks: {",
			"a\u001b[31m.eval.yaml": "",
			"b\nc.eval.yaml": "",
		});
		expect(await offered(["benchmark", "sync", ""], cwd, { AGENTV_HOME: join(cwd, "home") })).toEqual([]);
		expect(await offered(["eval", "run", ""], cwd)).toEqual(["home/"]);
		expect(await offered(["eval", "run", "missing/"], cwd)).toEqual([]);
	});
});
