import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunVerification } from "../../format/json-schema.ts";
import { runTree } from "../../run/testing/run-fixture.ts";

/** Everything that affects a score. The answers come from a file so that repeats differ. */
const files = {
	"my.eval.yaml": `
threshold: 0.6
assertions:
  - {type: latency, threshold: 60000, weight: 0}
tests:
  - id: weighed
    input: hi
    assertions:
      - {type: contains, value: hello, weight: 3}
      - {type: regex, value: "^h", name: begins}
      - {type: equals, value: nothing, negate: true}
      - {type: is-json, min_score: 0.5}
  - id: required
    input: hi
    assertions: [{type: icontains, value: BYE, required: true}, {type: contains, value: hello, weight: 9}]
  - id: fields
    input: hi
    expected_output: '{"a": 1, "b": 2}'
    assertions: [{type: field-accuracy, fields: [{path: a, weight: 3}, {path: b}]}]
  - id: used
    input: hi
    assertions:
      - {type: tool-trajectory, mode: in_order, expected: [{tool: read, args: {file: a}, max_duration_ms: 50}, {tool: write}]}
      - {type: token-usage, max_total: 30}
      - {type: cost, budget: 0.5}
      - {type: execution-metrics, max_tool_calls: 1, max_tokens: 1000}
      - {type: skill-trigger, skill: pdf, should_trigger: false}
  - id: composed
    input: hi
    assertions:
      - type: composite
        name: both
        aggregator: {type: weighted_average, weights: {one: 3}}
        assertions:
          - {type: contains, value: hello, name: one}
          - {type: code-grader, name: program, command: [node, -e, "console.log(JSON.stringify({score: 0.5}))"]}
          - type: composite
            aggregator: {type: threshold, threshold: 0.5}
            assertions: [{type: contains, value: hello}, {type: contains, value: bye}]
  - {id: long, input: hi, assertions: [{type: ends-with, value: z}]}
  - {id: repeated, input: hi, repeat: {count: 3, strategy: pass_any}, assertions: [{type: contains, value: "yes"}]}
  - {id: early, input: hi, repeat: {count: 3, strategy: pass_all, early_exit: true}, assertions: [{type: contains, value: "yes"}]}
  - {id: fails, input: hi, assertions: [{type: contains, value: never}]}
  - {id: skipped, input: hi, depends_on: [fails], on_dependency_failure: fail, assertions: [{type: contains, value: x}]}
  - {id: left out, input: hi, depends_on: [fails], assertions: [{type: contains, value: x}]}
  - {id: unanswered, input: hi, assertions: [{type: contains, value: x}]}
`,
	"targets.yaml":
		"targets:\n  - {name: default, provider: replay, fixtures: ./answers.jsonl}\n  - {name: other, provider: replay, fixtures: ./answers.jsonl}\n",
	"answers.jsonl": [
		{ test_id: "weighed", output: "hello there" },
		{ test_id: "required", output: "hello there" },
		{ test_id: "fields", output: '{"a": 1, "b": 3}' },
		{
			...{ test_id: "used", output: "done", token_usage: { input: 20, output: 5 }, cost_usd: 0.25 },
			messages: [
				{ role: "assistant", content: "", tool_calls: [{ tool: "read", input: { file: "a" }, duration_ms: 20 }] },
				{ role: "assistant", content: "done", tool_calls: [{ tool: "write", input: {} }] },
			],
		},
		{ test_id: "composed", output: "hello" },
		{ test_id: "long", output: `${"x".repeat(70_000)}z` },
		...["no", "yes", "no"].map((output, index) => ({ test_id: "repeated", attempt: index + 1, output })),
		...["yes", "no", "yes"].map((output, index) => ({ test_id: "early", attempt: index + 1, output })),
		{ test_id: "fails", output: "hello" },
	]
		.map((answer) => JSON.stringify(answer))
		.join("\n"),
};

/** Returns the directory of a run of all these tests with two equal targets. */
export const recordedRun = async () => (await runTree(files, { workers: 2, targets: ["default", "other"] })).runDir;

/** Returns the differences that can be detected without the run's digest. */
export const byRecords = ({ differences }: RunVerification) =>
	differences.filter(
		({ kind, attempt }) =>
			attempt !== undefined || !["file-added", "file-changed", "file-kind", "file-missing"].includes(kind),
	);

/** Returns each difference as its kind, attempt, grader and field. */
export const told = (verified: RunVerification) =>
	byRecords(verified).map(({ kind, testId, grader, field, file }) =>
		[kind, testId ?? file?.replace(/^tests\/[^/]+\//, ""), grader, field].filter((part) => part).join(" "),
	);

export function editIndex(directory: string, change: (rows: Record<string, unknown>[]) => readonly unknown[]): void {
	const file = join(directory, "index.jsonl");
	const rows = readFileSync(file, "utf8")
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as Record<string, unknown>);
	const lines = change(rows).map((row) => (typeof row === "string" ? row : JSON.stringify(row)));
	writeFileSync(file, `${lines.join("\n")}\n`);
}

/** Matches rows of the test `id` with the first target. */
export const isOf = (id: string) => (row: Record<string, unknown>) => row.test_id === id && row.target === "default";

/** Returns the path of the file of a test's first attempt, or of another file in its directory. */
export function fileOf(directory: string, id: string, name = "1.json"): string {
	let found = "";
	editIndex(directory, (rows) => {
		found = String(rows.find(isOf(id))?.file);
		return rows;
	});
	return join(directory, found.replace(/1\.json$/, name));
}

export function editAttempt(directory: string, id: string, change: (file: Record<string, unknown>) => object): void {
	const path = fileOf(directory, id);
	writeFileSync(path, `${JSON.stringify(change(JSON.parse(readFileSync(path, "utf8"))))}\n`);
}

/** Returns the attempt files, relative to the directory. */
export function recordsIn(directory: string): string[] {
	return readdirSync(join(directory, "tests"), { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".json"))
		.map((name) => join("tests", name));
}

/** Changes leaf number `place` (modulo the number of leaves) unless it may have any value. */
export function changeOne(value: unknown, place: number): unknown {
	const leaves: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
	const walk = (holder: Record<string, unknown>): void => {
		for (const [key, inner] of Object.entries(holder)) {
			if (typeof inner === "object" && inner !== null) walk(inner as Record<string, unknown>);
			else leaves.push({ holder, key });
		}
	};
	walk(value as Record<string, unknown>);
	const leaf = leaves[place % leaves.length];
	// The time between attempts is not recorded, so the summary's duration can't be recomputed.
	if (!leaf || (leaf.key === "duration_ms" && "planned" in leaf.holder)) return undefined;
	const was = leaf.holder[leaf.key];
	leaf.holder[leaf.key] = typeof was === "number" ? was + 0.25 : typeof was === "boolean" ? !was : `${was}x`;
	return value;
}
