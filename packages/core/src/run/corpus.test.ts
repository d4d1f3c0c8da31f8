import { cpSync, existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gitTestEnvironment, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { discoverEvals } from "../eval/discover-evals.ts";
import { loadEval } from "../eval/load-eval.ts";
import { openDiskView } from "../eval/source.ts";
import { AgentvError } from "../lib/errors.ts";
import { planRun } from "./plan-run.ts";
import { runEvals } from "./run-evals.ts";

const checkout = fileURLToPath(new URL("../../../../", import.meta.url));
const corpus = process.env["AGENTV_CORPUS"] ?? resolve(checkout, "../shared/corpus");

/**
 * Variables that evals of the corpus use, so that a missing variable is not mistaken for a broken
 * target.
 */
const variables = {
	...{ AGENT_TARGET: "mock", LLM_TARGET: "mock", GRADER_TARGET: "mock" },
	...{ EXPECTED_GREETING: "Hello", CUSTOM_SYSTEM_PROMPT: "Be brief." },
};
const mockTargets = `targets:
  - { name: mock, provider: mock, response: This is an answer., grader_target: judge }
  - { name: judge, provider: mock, response: '{"score": 1}' }
`;

describe.skipIf(!existsSync(corpus))("published evals", () => {
	// Runs write into the working directory, so a copy is run.
	const place = () => {
		const root = tempTree({ "mock-targets.yaml": mockTargets });
		cpSync(join(corpus, "examples"), join(root, "examples"), { recursive: true });
		if (existsSync(join(corpus, ".agentv")))
			cpSync(join(corpus, ".agentv"), join(root, ".agentv"), { recursive: true });
		return root;
	};

	test("load without errors and run as far as possible on this machine", { timeout: 300_000 }, async () => {
		const root = place();
		const env = { ...gitTestEnvironment, ...variables, HOME: root, AGENTV_HOME: join(root, ".home") };
		const machine = { env, cwd: root, version: "0.0.0" };
		const ran: string[] = [];
		const skipped: string[] = [];
		const view = openDiskView();
		const files = discoverEvals([join(root, "examples")], root, view);
		expect(files.length).toBeGreaterThan(20);
		for (const file of files) {
			const name = relative(join(root, "examples"), file);
			const loaded = loadEval(file, { view, env, cwd: root });
			expect([
				name,
				loaded.diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message),
			]).toEqual([name, []]);
			const own = await runOne(file, {}, machine);
			const outcome = typeof own === "string" ? await runOne(file, mocked(root), machine) : own;
			if (typeof outcome === "string") skipped.push(`${name}: ${outcome}`);
			else {
				ran.push(`${name}: ${outcome.rows} rows${typeof own === "string" ? ` under a mock (${own})` : ""}`);
				expect(outcome.rows).toBeGreaterThan(0);
			}
		}
		console.log(
			`Ran ${ran.length} of ${files.length}:\n  ${ran.join("\n  ")}\nSkipped ${skipped.length}:\n  ${skipped.join("\n  ")}`,
		);
		expect(ran.length + skipped.length).toBe(files.length);
		expect(ran.length).toBeGreaterThan(0);
	});
});

function mocked(root: string) {
	return { targets: ["mock"], targetsFile: join(root, "mock-targets.yaml") };
}

/** Returns the number of rows of an eval's run, or the reason why it can't be run here. */
async function runOne(
	file: string,
	how: object,
	machine: Parameters<typeof planRun>[1],
): Promise<{ readonly rows: number } | string> {
	try {
		const plan = planRun({ evals: [file], timeoutSeconds: 30, ...how }, machine);
		let rows = 0;
		const output = join(dirname(file), `.results-${Math.random().toString(36).slice(2)}`);
		for await (const event of runEvals(plan, machine, { signal: AbortSignal.timeout(120_000), output }))
			if (event.type === "attempt-finished") rows += 1;
		return { rows };
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code !== "config") throw error;
		const [first] = error.diagnostics;
		return first?.message ?? error.message;
	}
}
