import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { runProcess } from "../machine/run-process.ts";
import type { CommandSpec } from "./command.ts";
import { loadEval } from "./load-eval.ts";
import { loadTargets } from "./load-targets.ts";
import { resolveCommand } from "./resolve-command.ts";
import { resolveTarget } from "./resolve-target.ts";
import { openDiskView } from "./source.ts";

const nasty = "a b; echo 'x' $(echo no) `id` \"q\" {PROMPT} {{ somebody }}";
const env = { PATH: process.env.PATH, NASTY: nasty, PLACE: "./data dir", SHELL_NAME: "/bin/sh", OTHER: "no" };
const vars = { x: nasty, other: "no", deep: { list: [1, "b c"] }, folder: "./data dir" };

/** Returns the commands of a test's graders, loaded from a file. */
function loaded(commands: readonly (string | readonly string[])[], file = "x.eval.yaml"): CommandSpec[] {
	const assertions = commands.map((command) => ({ type: "code-grader", command }));
	const one = { id: "one", input: "hi", vars, assertions };
	const text = file.endsWith(".jsonl") ? JSON.stringify(one) : JSON.stringify({ tests: [one] });
	const root = tempTree({ [file]: text, "data dir/words.txt": "" });
	const { tests, diagnostics } = loadEval(join(root, file), { view: openDiskView(), env, cwd: root });
	expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
	return tests.flatMap((test) => test.assertions.flatMap(({ command }) => command ?? []));
}

function resolved(command: CommandSpec, values = {}) {
	const scope = { directory: command.base, root: command.base, rootKind: "eval-directory" } as const;
	return resolveCommand(command, { view: openDiskView(), scope, env, values });
}

const argvOf = (...commands: (string | readonly string[])[]) => loaded(commands).map((one) => resolved(one).argv);

describe.each(["x.eval.yaml", "x.jsonl"])("values in commands of %s", (file) => {
	test("are one argument each, in a string and in a list, and are not expanded again", () => {
		const commands = ["tool {{ x }} --y={{x}}!", ["tool", "{{ x }}", "--y={{x}}!"]];
		const variables = ["tool ${{ NASTY }} --y=${{NASTY}}!", ["tool", "${{ NASTY }}", "--y=${{NASTY}}!"]];
		for (const command of loaded([...commands, ...variables], file)) {
			const run = resolved(command, { PROMPT: "no", somebody: "no" });
			expect(run.argv).toEqual(["tool", nasty, `--y=${nasty}!`]);
		}
	});

	test.each([
		["{{ x }}", "printf '<%s>' {{ x }} \"{{ x }}\" 'a{{ x }}' | cat"],
		["${{ }}", "printf '<%s>' ${{ NASTY }} \"${{ NASTY }}\" 'a${{ NASTY }}' | cat"],
		["{{ x }} in a script of sh -c", ["sh", "-c", "printf '<%s>' {{ x }} \"{{ x }}\" 'a{{ x }}'"]],
		["${{ }} in a script of a shell named by a variable", ["${{ SHELL_NAME }}", "-c", "printf '<%s>' ${{ NASTY }}"]],
	])("are quoted for a shell: %s", async (_, text) => {
		const [command] = loaded([text], file);
		const run = await runProcess(resolved(command as CommandSpec));
		const one = `<${nasty}>`;
		expect(run.stdout).toBe(String(text).includes("SHELL_NAME") ? one : `${one}${one}<a${nasty}>`);
	});
});

test("only the written text decides if a command needs a shell", () => {
	expect(argvOf("tool {{ x }}", "tool ${{ NASTY }}").map((argv) => argv?.length)).toEqual([2, 2]);
	const [shell] = loaded(["tool {{ other }}; true"]);
	expect(resolved(shell as CommandSpec).shell).toBe('tool "${AGENTV_VALUE_1}"; true');
});

test("inserts objects as JSON, refuses unset variables, and keeps escapes and unknown names", () => {
	const [json, unset, kept] = loaded([
		"tool {{ deep.list }}",
		"tool ${{ NOT_SET }}",
		"tool $${{ OTHER }} {{ unknown }}",
	]);
	expect(resolved(json as CommandSpec).argv).toEqual(["tool", '[1,"b c"]']);
	expect(() => resolved(unset as CommandSpec)).toThrow(/the variable NOT_SET is not set/);
	expect(resolved(kept as CommandSpec).argv).toEqual(["tool", "${{ OTHER }}", "{{ unknown }}"]);
});

test("resolves a path from variables relative to the file, and keeps a path known only at run time", () => {
	const commands = loaded(["cat ${{ PLACE }}/words.txt", "cat {{ folder }}/words.txt", "cat {PROMPT}"]);
	for (const [index, command] of commands.entries()) {
		const path = "./data dir/words.txt";
		const { argv } = resolved(command, { PROMPT: path });
		expect(argv?.[1]).toBe(index === 2 ? path : join(command.base, path));
	}
});

test("inline targets of an eval and of a test fill in values in the same way", () => {
	const target = { name: "own", provider: "cli", timeout_seconds: "${{ SECONDS_GIVEN }}" };
	const text = JSON.stringify({
		target: { ...target, command: "tool ${{ NASTY }} {PROMPT}" },
		tests: [
			{ id: "one", input: "hi", vars, target: { ...target, command: "tool {{ x }} {PROMPT}" }, assertions: ["good"] },
		],
	});
	const root = tempTree({ "x.eval.yaml": text });
	const view = openDiskView();
	const given = { ...env, SECONDS_GIVEN: "7" };
	const evaluation = loadEval(join(root, "x.eval.yaml"), { view, env: given, cwd: root });
	const scope = loadTargets(evaluation.scope, { view, env: given });
	for (const choice of [evaluation.suite.targets[0], evaluation.tests[0]?.target]) {
		const resolution = choice && resolveTarget(choice, scope);
		if (!resolution?.ok) throw new Error("the target does not resolve");
		expect(resolution.target.settings.timeoutSeconds).toBe(7);
		const command = resolution.target.command as CommandSpec;
		expect(resolved(command, { PROMPT: "p" }).argv).toEqual(["tool", nasty, "p"]);
	}
});
