import { join } from "node:path";
import { AgentvError } from "@agentv/core";
import { tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import type { Context, Output } from "../context.ts";
import { reportError } from "./error.ts";

const nowhere: Output = { write: () => undefined, isTTY: false, columns: 80, color: false };

function context(overrides: Partial<Context> = {}): Context {
	const signal = new AbortController().signal;
	return { env: {}, cwd: "/", stdout: nowhere, stderr: nowhere, signal, debug: false, ...overrides };
}

describe("reportError", () => {
	it("prints the message, the location and the hint", async () => {
		const cwd = tempTree({ "a.eval.yaml": "name: greeting\ntarget: clod\ntests: []\n" });
		const error = new AgentvError("config", "The eval can't be run.", {
			hint: "Correct the eval and run it again.",
			diagnostics: [
				{
					rule: "target.unknown",
					severity: "error",
					message: 'there is no target "clod"',
					hint: 'Did you mean "claude"?',
					at: { file: join(cwd, "a.eval.yaml"), path: ["target"] },
					data: {},
				},
			],
		});
		expect(await reportError(error, context({ cwd }))).toEqual({
			exitCode: 2,
			text: `error: The eval can't be run.
a.eval.yaml:2:9  error  there is no target "clod"  target.unknown
    1 | name: greeting
  > 2 | target: clod
      |         ^^^^
    3 | tests: []
  hint: Did you mean "claude"?
hint: Correct the eval and run it again.
`,
		});
	});

	it("prints causes and stacks only with --debug", async () => {
		const error = new AgentvError("failed", "git could not clone.", {
			cause: new Error("exit 128", { cause: "no network" }),
		});
		expect((await reportError(error, context())).text).toBe("error: git could not clone.\n");
		const { text } = await reportError(error, context({ debug: true }));
		expect(text).toMatch(
			/^error: git could not clone\.\n\s+at .*caused by: Error: exit 128\n.*caused by: no network\n$/s,
		);
	});

	it("stops at a cycle in the causes", async () => {
		const first = new Error("first");
		first.cause = new Error("second", { cause: first });
		const { text } = await reportError(first, context({ debug: true }));
		expect(text.match(/caused by: Error: second/g)).toHaveLength(1);
	});

	it("reports an unexpected error as a bug in AgentV", async () => {
		expect(await reportError(new TypeError("x is not a function"), context())).toEqual({
			exitCode: 3,
			text: `error: internal error: x is not a function
hint: This is a bug in AgentV. Re-run with --debug for a stack trace.
`,
		});
		expect((await reportError("thrown text", context())).exitCode).toBe(3);
	});

	it.each([
		["usage", 2],
		["not-found", 2],
		["failed", 1],
		["not-runnable", 4],
		["interrupted", 130],
	] as const)("returns the exit code of %s: %i", async (code, exitCode) => {
		expect(await reportError(new AgentvError(code, "no"), context())).toMatchObject({ exitCode });
	});
});
