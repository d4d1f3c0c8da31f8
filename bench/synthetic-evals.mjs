// Deterministic evals for measurements: the same bytes on every machine.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const words = ["add", "list", "sort", "parse", "merge", "split", "count", "trim", "join", "find", "hash", "walk"];

/** Returns the paths of all YAML files; each eval has its own directory. */
export function writeSyntheticEvals(root, count) {
	const files = [];
	const write = (path, text) => {
		mkdirSync(join(root, path, ".."), { recursive: true });
		writeFileSync(join(root, path), text);
		if (path.endsWith(".yaml")) files.push(join(root, path));
	};
	write(
		"targets.yaml",
		"targets:\n  - name: default\n    use_target: local\n  - name: local\n    provider: mock\n    response: ${{ ANSWER:-ok }}\n",
	);
	for (let index = 0; index < count; index++) {
		const folder = `suite-${Math.floor(index / 100)}/eval-${index}`;
		write(`${folder}/eval.yaml`, evalText(index));
		write(`${folder}/scripts/check.mjs`, "console.log(JSON.stringify({ score: 1 }));\n");
		write(`${folder}/prompts/judge.md`, "Judge the answer.\n");
	}
	return files;
}

function evalText(index) {
	const tests = Array.from({ length: 4 + (index % 5) }, (_, number) => testText(index, number));
	return `# Eval ${index}: what a target makes of small tasks.
name: eval-${index}
description: Small tasks about ${words[index % words.length]}
tags: [synthetic, "${words[(index + 3) % words.length]}"]
target: default
threshold: 0.8
assertions:
  - type: code-grader
    command: [node, ./scripts/check.mjs]
tests:
${tests.join("\n")}
`;
}

function testText(index, number) {
	const word = words[(index + number) % words.length];
	return `  - id: ${word}-${number}
    # The question comes as one message.
    input:
      - role: system
        content: You are a careful programmer who explains every step.
      - role: user
        content: |
          Write a function that can ${word} ${number + 2} items.
          It gets a list and returns a new one; the list itself stays as it is.
    criteria: The function does ${word} and keeps its argument.
    expected_output: "export const ${word} = (items) => [...items];"
    metadata: { level: ${number % 3}, area: "${word}" }
    assertions:
      - type: contains
        value: ${word}
      - type: llm-grader
        prompt: ./prompts/judge.md
        weight: 2`;
}
