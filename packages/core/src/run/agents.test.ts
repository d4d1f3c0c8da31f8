import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { nodeExecutable } from "../machine/environment.ts";
import { fakeAgent } from "../targets/testing/fake-agent.ts";
import { runTree } from "./testing/run-fixture.ts";

const acpAgent = fileURLToPath(new URL("../targets/testing/fixtures/acp-agent.mjs", import.meta.url));
const key = "sk-agent-0123456789abcdef";

/** A grader that reads a file in the workspace, and an eval whose template contains that file. */
const files = {
	"my.eval.yaml":
		"workspace: {template: ./template, isolation: per_test}\ntests:\n  - {id: t, input: edit it, assertions: [{type: code-grader, command: [node, ./check.mjs]}, {type: tool-trajectory, mode: superset, expected: [{tool: edit}]}]}\n",
	"template/greet.js": "console.log('helo')\n",
	"check.mjs": `
import { readFileSync } from "node:fs";
const { workspace_path } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify({ score: readFileSync(workspace_path + "/greet.js", "utf8").includes("hello") ? 1 : 0, assertions: [] }));`,
};

describe("a run against an agent", () => {
	test("grades the edits that an ACP agent makes in the workspace", async () => {
		const command = JSON.stringify([nodeExecutable, acpAgent]);
		const targets = `targets:\n  - {name: default, provider: acp, command: ${command}}\n`;
		const run = await runTree({ ...files, "targets.yaml": targets }, { allowOutside: [acpAgent] });
		expect(run.row("t")).toMatchObject({
			...{ executionStatus: "ok", score: 1, tokenUsage: { input: 100, output: 20 }, costUsd: 0.02 },
			scores: [
				{ type: "code-grader", score: 1 },
				{ type: "tool-trajectory", score: 1 },
			],
		});
		const record = run.row("t").file ?? "";
		expect(readFileSync(join(run.runDir, record.replace(/json$/, "file_changes.diff")), "utf8")).toContain(
			"+console.log('hello')",
		);
		expect(readFileSync(join(run.root, "template/greet.js"), "utf8")).toBe("console.log('helo')\n");
	});

	test("passes the key to a command-line agent only by its environment, and records it nowhere", async () => {
		const said = { type: "assistant", message: { content: [{ type: "text", text: `my key is ${key}` }] } };
		const end = { type: "result", subtype: "success", is_error: false, result: `my key is ${key}`, usage: {} };
		const agent = fakeAgent("claude", {
			lines: [said, end],
			writes: { "greet.js": "console.log('hello')\n" },
			stderr: key,
		});
		const targets = `targets:\n  - {name: default, provider: claude, executable: ${agent.path}, api_key: "\${{ AGENT_KEY }}"}\n`;
		const run = await runTree({ ...files, "targets.yaml": targets }, { env: { AGENT_KEY: key } });
		expect(run.row("t").scores[0]).toMatchObject({ type: "code-grader", score: 1 });
		const [call] = agent.calls();
		expect(call?.argv.join(" ")).not.toContain(key);
		expect(Object.values(call?.env ?? {})).toContain(key);
		expect(JSON.stringify([run.events, readFileSync(join(run.runDir, run.row("t").file ?? ""), "utf8")])).not.toContain(
			key,
		);
		expect(readFileSync(join(run.runDir, "run.json"), "utf8")).toContain('"1.2.3 (Fake Agent)"');
	});
});
