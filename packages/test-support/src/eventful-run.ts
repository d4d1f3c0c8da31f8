import { agentv, tempTree, writeTree } from "./index.ts";

/** Markup, a script or a terminal command, unless it is treated as text only. */
export const hostile = `</script><script>document.title = "owned"</script><img src=x onerror='document.title = "owned"'>\u0007\u001b[31m & \u202e | \`x\` **y**`;
export const secret = "correct-horse-battery";

const answers = [
	{
		test_id: "greets",
		output: "hello there",
		duration_ms: 1500,
		cost_usd: 0.25,
		token_usage: { input: 20, output: 5 },
	},
	...["no", "yes", "no"].map((output, index) => ({ test_id: "tried-thrice", attempt: index + 1, output })),
	{ test_id: "hostile <b>|id`", output: hostile },
	{ test_id: "long", output: `${"all work and no play\n".repeat(5000)}z` },
	{ test_id: "keeps-secrets", output: `the token is ${secret}` },
];

export const eventfulFiles = {
	"support.eval.yaml": `name: support
targets: [careful, quick]
tests:
  - { id: greets, input: "say <hello>", expected_output: hello there, assertions: [{ type: equals, value: hello there, weight: 2 }, { type: latency, threshold: 2000 }] }
  - { id: tried-thrice, input: hi, repeat: { count: 3, strategy: pass_any }, assertions: [{ type: contains, value: "yes" }] }
  - { id: "hostile <b>|id\`", input: hi, assertions: [{ type: equals, name: "<i>name", value: nothing }] }
  - { id: long, input: hi, assertions: [{ type: ends-with, value: z }] }
  - { id: keeps-secrets, input: "\${{ MY_TOKEN }}", assertions: [{ type: contains, value: token }] }
  - { id: unanswered, input: hi, assertions: [{ type: contains, value: x }] }
`,
	"targets.yaml": `targets:
  - { name: careful, provider: replay, fixtures: ./answers.jsonl }
  - { name: quick, provider: replay, fixtures: ./quick.jsonl }
`,
	"answers.jsonl": answers.map((answer) => JSON.stringify(answer)).join("\n"),
	"quick.jsonl": answers.map((answer) => JSON.stringify({ ...answer, duration_ms: 300 })).join("\n"),
	".env": `MY_TOKEN=${secret}\n`,
};

/** Writes a run of all kinds of results and answers to `out`. */
export async function eventfulRun(cwd = tempTree()): Promise<string> {
	writeTree(cwd, eventfulFiles);
	const { exitCode, stderr } = await agentv(["eval", "run", "support.eval.yaml", "--output", "out", "--workers", "1"], {
		cwd,
	});
	if (exitCode !== 4) throw new Error(`the run exited with ${exitCode}: ${stderr}`);
	return cwd;
}
