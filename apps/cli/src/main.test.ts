import { AgentvError } from "@agentv/core";
import { describe, expect, it } from "vitest";
import type { Context } from "./context.ts";
import { main } from "./main.ts";
import type { CommandGroup } from "./program/options.ts";

/** Groups with an `eval` group, whose default command is `run`, and a command that throws. */
const groups: CommandGroup[] = [
	(program, action) => {
		const evals = program.command("eval").description("evals");
		evals
			.command("run <evals...>", { isDefault: true })
			.option("--json")
			.action(
				action(async () => async (evals: string[], options: object) => {
					return { text: `run ${evals} ${JSON.stringify(options)}\n`, exitCode: 1 };
				}),
			);
		evals
			.command("validate <evals...>")
			.action(action(async () => async (evals: string[]) => ({ text: `validate ${evals}\n`, exitCode: 0 })));
	},
	(program, action) => {
		program.command("refuse").action(
			action(async () => async (_: object, { debug }: Context) => {
				throw new AgentvError("refused", "No.", { cause: new Error(`because (${debug})`) });
			}),
		);
	},
];

async function session(...argv: string[]) {
	const said = { stdout: "", stderr: "" };
	const output = (name: "stdout" | "stderr") => ({
		write: (text: string) => {
			said[name] += text;
		},
		isTTY: false,
		columns: 80,
		color: false,
	});
	const signal = new AbortController().signal;
	const context = { env: {}, cwd: "/", stdout: output("stdout"), stderr: output("stderr"), signal };
	return { exitCode: await main(argv, context, groups), ...said };
}

describe("main", () => {
	it("prints a command's text and exits with its code", async () => {
		expect(await session("eval", "validate", "a.yaml")).toEqual({
			exitCode: 0,
			stdout: "validate a.yaml\n",
			stderr: "",
		});
	});

	it("treats `eval <eval…>` as `eval run <eval…>`", async () => {
		const expected = { exitCode: 1, stdout: 'run a.yaml,b.yaml {"json":true}\n', stderr: "" };
		expect(await session("eval", "run", "a.yaml", "b.yaml", "--json")).toEqual(expected);
		expect(await session("eval", "a.yaml", "b.yaml", "--json")).toEqual(expected);
	});

	it.each([
		[["evl", "run", "x"], "unknown command 'evl'", "Did you mean eval?"],
		[["eval", "run", "x", "--jsn"], "unknown option '--jsn'", "Did you mean --json? `agentv eval run --help`"],
		[["eval", "x", "--jsn"], "unknown option '--jsn'", "Did you mean --json?"],
		[["eval", "run"], "missing required argument 'evals'", "`agentv eval run --help` lists the options."],
		[["refuse", "twice"], "too many arguments", "`agentv refuse --help`"],
	])("rejects %j with an error and a hint", async (argv, message, hint) => {
		const { exitCode, stdout, stderr } = await session(...argv);
		expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
		expect(stderr).toMatch(/^error: .+\nhint: .+\n$/);
		expect(stderr).toContain(message);
		expect(stderr).toContain(hint);
	});

	it("shows help on stderr as a usage error if no command is given", async () => {
		expect(await session()).toMatchObject({
			exitCode: 2,
			stdout: "",
			stderr: expect.stringContaining("Usage: agentv"),
		});
	});

	it("reports a command's error, with its causes if --debug is given anywhere", async () => {
		expect(await session("refuse")).toEqual({ exitCode: 1, stdout: "", stderr: "error: No.\n" });
		expect((await session("refuse", "--debug")).stderr).toContain("caused by: Error: because (true)");
		expect((await session("--debug", "refuse")).stderr).toContain("caused by: Error: because (true)");
	});
});
