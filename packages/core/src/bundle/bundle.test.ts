import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { verifyBundle } from "../eval/bundle-manifest.ts";
import { makeBundle, treeOf } from "./testing/make-bundle.ts";

const sample = {
	"evals/my.eval.yaml": `# What this eval is about
target: default
tests: ./cases.jsonl # one a line
workspace:
  template: ./template
  hooks:
    before_each: { command: [node, ../shared/setup.mjs] } # breaks it
assertions:
  - type: code-grader
    command: node ./graders/check.mjs --strict
`,
	"evals/cases.jsonl": `{"id": "007", "input": "Say $\${{ HOME }}", "metadata": {"diff_file": "patches/a.diff"}}\n{"id": "b", "input": "\${{ NAME:-you }}", "input_files": ["files/read me.md"]}\n`,
	"evals/patches/a.diff": "diff",
	"evals/files/read me.md": "Read me",
	"evals/graders/check.mjs": 'import { score } from "../../shared/lib/score.mjs";\n',
	"shared/setup.mjs": "",
	"shared/lib/score.mjs": "export const score = 1;\n",
	"evals/template/run.sh": "#!/bin/sh\n",
	"targets.yaml":
		"targets:\n  - name: default\n    use_target: ${{ AGENT:-offline }}\n  - name: offline\n    provider: mock\n    response: ${{ ANSWER:-yes }}\n",
};

test("bundles an eval with its tests, template, scripts and targets into one directory", async () => {
	const root = tempTree({ ".git/HEAD": "ref: refs/heads/main\n", ...sample });
	const { read, output, manifest } = await makeBundle(join(root, "evals/my.eval.yaml"));
	expect(Object.keys(treeOf(output)).sort()).toEqual([
		"data/read me.md",
		"eval.yaml",
		"manifest.json",
		"patches/a.diff",
		"scripts/evals/graders/check.mjs",
		"scripts/shared/lib/score.mjs",
		"scripts/shared/setup.mjs",
		"targets.yaml",
		"workspace/run.sh",
	]);
	expect(read("eval.yaml")).toBe(`# What this eval is about
name: my
target: default
tests:
  - id: "007"
    input: Say $\${{ HOME }}
    metadata:
      diff_file: patches/a.diff
  - id: b
    input: \${{ NAME:-you }}
    input_files:
      - ./data/read me.md
workspace:
  template: ./workspace
  hooks:
    before_each: {command: [node, ./scripts/shared/setup.mjs]} # breaks it
assertions:
  - type: code-grader
    command: node ./scripts/evals/graders/check.mjs --strict
`);
	expect(read("targets.yaml")).toBe(
		"targets:\n  - name: default\n    provider: mock\n    response: ${{ ANSWER:-yes }}\n",
	);
	expect(manifest.variables).toEqual([
		{ name: "ANSWER", usedIn: ["targets.yaml"], captured: false, required: false },
		{ name: "NAME", usedIn: ["eval.yaml"], captured: false, required: false },
	]);
	expect((await verifyBundle(output)).problems).toEqual([]);
});
