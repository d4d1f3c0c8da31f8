import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { loadEval } from "./load-eval.ts";
import { loadTargets } from "./load-targets.ts";
import { resolvedTargets, usedTargets } from "./resolve-target.ts";
import { openDiskView } from "./source.ts";
import { visit } from "./visit.ts";

/** Yields every path and command in loaded values, at any depth. */
function* referencesIn(value: unknown, seen = new Set<unknown>()): Generator<{ kind: string; base: string }> {
	if (typeof value !== "object" || value === null || seen.has(value)) return;
	seen.add(value);
	if ("kind" in value && "base" in value && ("raw" in value || "text" in value)) {
		yield value as { kind: string; base: string };
		// A command's working directory is part of the command.
		return;
	}
	for (const [key, item] of Object.entries(value)) if (!fromReading.has(key)) yield* referencesIn(item, seen);
}

/** Keys of files that loading reads, which are listed in `LoadedEval.files`. */
const fromReading = new Set(["files", "file", "includedBy", "sources", "texts", "part", "origin", "via"]);

test("visits every path and command of an eval and its targets", () => {
	const root = tempTree({
		"x.eval.yaml": `workspace:
  template: ./template
  repos: [{ repo: ./repo, path: r }]
  hooks: { before_all: { command: ./setup.sh, cwd: sub }, after_each: [sh, ./clean.sh] }
extensions: [file://./ext.mjs:beforeEach, { id: agentv:agent-rules, skills: [./skill], rules: [./rules.md] }]
preprocessors: [{ type: pdf, command: [node, ./pdf.mjs] }]
target: agent
tests:
  - id: t
    input_files: [./in.txt]
    input: { role: user, content: [{ type: image, value: ./image.png }] }
    expected_output: { role: assistant, content: [{ type: file, value: ./out.txt }] }
    metadata: { patch_file: ./in.txt }
    workspace: { template: ./other, hooks: { before_each: ./own.sh } }
    assertions:
      - { type: code-grader, command: [node, ./grade.mjs], cwd: sub }
      - { type: llm-grader, prompt: ./judge.md }
      - { type: llm-grader, prompt: { command: [node, ./prompt.mjs] } }
      - { type: own, cwd: sub }
      - type: composite
        assertions: [{ type: code-grader, command: ./part.sh }]
        aggregator: { type: code-grader, command: ./all.sh }
    turns: [{ input: { role: user, content: [{ type: file, value: ./turn.txt }] }, assertions: [{ type: code-grader, command: ./turn.sh }] }]
`,
		"targets.yaml": `targets:
  - name: agent
    provider: cli
    command: ./agent.sh {PROMPT}
    cwd: sub
    healthcheck: { command: ./healthy.sh }
    hooks: { before_all: ./target.sh }
    fallback_targets: [recorded]
  - { name: recorded, provider: replay, fixtures: ./fixtures.jsonl }
`,
		".agentv/graders/own.mjs": "",
		"in.txt": "",
		"judge.md": "Grade {{ output }}",
	});
	const view = openDiskView();
	const loaded = loadEval(join(root, "x.eval.yaml"), { view, env: {}, cwd: root });
	const targets = resolvedTargets(usedTargets(loaded, loadTargets(loaded.scope, { view, env: {} })));
	expect(loaded.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
	expect(targets.map(({ name }) => name)).toEqual(["agent", "recorded"]);

	const visits = [...visit(loaded, targets)];
	const visited = new Set<unknown>(visits.flatMap(({ path, command }) => [path, command, command?.cwd]));
	const missed = [...referencesIn({ loaded, targets })].filter((reference) => !visited.has(reference));
	expect(missed).toEqual([]);
	expect(new Set(visits.map(({ path, command }) => (path ?? command)?.kind))).toEqual(
		new Set([
			...["template", "repository", "hook", "extension", "agent-rules", "preprocessor", "input-file"],
			...["metadata-file", "grader", "prompt", "prompt-command", "working-directory", "custom-grader"],
			...["target-command", "healthcheck", "fixtures"],
		]),
	);
});
