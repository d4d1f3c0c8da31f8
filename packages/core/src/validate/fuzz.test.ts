import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, gitTestEnvironment, inputWatch, law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { findScope } from "../eval/discover-evals.ts";
import { loadTargets } from "../eval/load-targets.ts";
import { resolveTarget } from "../eval/resolve-target.ts";
import { openDiskView } from "../eval/source.ts";
import { mutatedText } from "./testing/mutated-text.ts";
import { type ValidationFinding, validateEvals } from "./validate-evals.ts";

/** Valid evals that together use most of the format. */
const seeds = [
	`# greets
name: greetings
target: local
workspace:
  template: ./template
  repos:
    - path: ./app
      source: { type: git, url: https://example.com/app.git }
      checkout: { ref: main }
  hooks: { before_all: { command: [node, ./setup.mjs] } }
tests:
  - id: hello
    input: |
      Say hello
      to me
    criteria: greets
    assertions: &checks
      - { type: contains, value: hello, weight: 2 }
      - { type: regex, value: "^h.*o$" }
      - type: code-grader
        command: [node, ./setup.mjs]
  - id: again
    depends_on: [hello]
    input: [{ role: user, content: [{ type: file, value: ./cases.jsonl }] }]
    assertions: *checks
`,
	`tests: ./cases.jsonl
execution:
  targets: [local, other]
  threshold: 0.5
suite_assertions:
  - type: composite
    assertions: [{ type: contains, value: x }]
    aggregator: { type: weighted_average }
extensions: ["./setup.mjs:beforeAll"]
`,
	`target: { name: mine, use_target: local }
vars: { WHO: "\${{ WHO:-you }}" }
tests:
  - { id: a, vars: { x: 1 }, input: "Merge PR \${{ NUMBER }}", expected_outcome: merged }
`,
].map((text) => text.replaceAll("\t", "  "));

test("validates any mutated eval quickly, with findings that have a location", async () => {
	const root = tempTree();
	gitRepository(root, {
		"evals/cases.jsonl": '{"id":"a","input":"hi","criteria":"greets"}\n',
		"evals/setup.mjs": "export function beforeAll() {}\n",
		"evals/template/a.txt": "a\n",
		"evals/targets.yaml": "targets:\n  - { name: local, provider: mock }\n  - { name: other, use_target: local }\n",
	});
	execFileSync("mkfifo", [join(root, "evals/fifo")]);
	writeFileSync(join(root, "evals", "a".repeat(250)), "");
	// Batches are faster because git is started once per batch.
	const batch = fc.array(fc.constantFrom(...seeds).chain(mutatedText), { minLength: 50, maxLength: 50 });
	let slowest: { ms: number; text: string | undefined } = { ms: 0, text: "" };
	await fc.assert(
		fc.asyncProperty(batch, async (texts) => {
			const files = texts.map((_, index) => join(root, `evals/${index}.eval.yaml`));
			for (const [index, file] of files.entries()) writeFileSync(file, texts[index] ?? "");
			// A view reads each file only once, so each batch needs its own view.
			const validation = validateEvals(files, { view: openDiskView(), env: gitTestEnvironment, cwd: root });
			const judged: string[] = [];
			let started = process.cpuUsage();
			for await (const { file, diagnostics } of validation) {
				// CPU time of this process, independent of the load of the machine.
				const { user, system } = process.cpuUsage(started);
				const ms = (user + system) / 1000;
				if (ms > slowest.ms) slowest = { ms, text: texts[files.indexOf(file)]?.slice(0, 2000) };
				judged.push(file);
				expect(diagnostics.filter((one) => !isPlaced(one, root))).toEqual([]);
				started = process.cpuUsage();
			}
			expect(judged).toEqual(files);
			expect(slowest).toMatchObject({ ms: expect.toSatisfy((ms: number) => ms < 2000) });
		}),
		{ ...law(200), endOnFailure: true },
	);
	console.log(`The slowest of the mutated evals took ${Math.round(slowest.ms)} ms.`);
}, 900_000);

function isPlaced({ at, range: { start, end }, message }: ValidationFinding, root: string): boolean {
	const inText = [start, end].every(({ line, column }) => Number.isInteger(line) && line >= 1 && column >= 1);
	return message !== "" && at.file.startsWith(root) && inText && end.offset >= start.offset;
}

/** Valid targets files that together use most providers. */
const targetSeeds = [
	`targets:
  - name: local
    provider: mock
    response: "hi {{ id }}"
  - { name: other, use_target: local }
  - name: program
    provider: cli
    command: [node, ./setup.mjs, "{PROMPT}", "{OUTPUT_FILE}"]
    timeout_seconds: 30
    healthcheck: { url: "http://localhost:1", timeout_seconds: 1 }
  - name: model
    provider: openai
    model: gpt-x
    api_key: "\${{ OPENAI_API_KEY }}"
    base_url: "\${{ BASE:-http://localhost:1 }}"
    max_output_tokens: 100
    prices: { input: 1, output: 2 }
`,
	`targets:
  - { name: local, provider: replay, fixtures: ./cases.jsonl }
  - { name: other, provider: claude, model: x, grader_target: local, max_turns: 3 }
  - { name: loop, use_target: ring }
  - { name: ring, use_target: loop }
`,
].map((text) => text.replaceAll("\t", "  "));

test("validates evals with any mutated targets file quickly, with findings that have a location", async () => {
	const watch = inputWatch();
	const root = tempTree();
	gitRepository(root, { "evals/setup.mjs": "", "evals/cases.jsonl": "" });
	const env = gitTestEnvironment;
	await fc.assert(
		fc.asyncProperty(fc.constantFrom(...targetSeeds).chain(mutatedText), async (text) => {
			writeFileSync(join(root, "evals/targets.yaml"), text);
			const scope = { view: openDiskView(), env, cwd: root };
			const targets = watch.look(text, () => loadTargets(findScope(join(root, "evals"), root, scope.view), scope));
			expect(targets.diagnostics.filter((one) => one.at.file === "" || one.message === "")).toEqual([]);
			for (const name of ["local", "other", "program", "model", "loop", "__proto__", "constructor", "toString"])
				watch.look(text, () => resolveTarget({ name, at: { file: root } }, targets));
		}),
		law(10_000),
	);
	console.log(`Targets: the slowest took ${watch.slowest.ms} ms, memory grew by ${watch.grownMb()} MB.`);
	expect(watch.slowest).toMatchObject({ ms: expect.toSatisfy((ms: number) => ms < 2000) });
	expect(watch.grownMb()).toBeLessThan(500);
}, 900_000);
