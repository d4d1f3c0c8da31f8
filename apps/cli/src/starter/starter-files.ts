import { jsonSchemaOf } from "@agentv/core";

export interface StarterFile {
	/** Relative to the directory that is set up. */
	readonly path: string;
	readonly content: string;
	readonly purpose: string;
	/** Serves the others; one that is already there is as good. */
	readonly isSupport?: boolean;
}

/** A small eval that passes offline as it stands, and shows the parts one changes first. */
export function starterFiles(): StarterFile[] {
	const schema = (format: "eval" | "targets") => `${JSON.stringify(jsonSchemaOf(format), null, 2)}\n`;
	return [
		{ path: "evals/greeting.eval.yaml", content: evalText, purpose: "the eval" },
		{ path: "evals/cases.jsonl", content: casesText, purpose: "its tests, one a line" },
		{ path: "evals/targets.yaml", content: targetsText, purpose: "what is tested: an offline stand-in, or a model" },
		{ path: "evals/scripts/check-length.mjs", content: graderText, purpose: "a grader of your own" },
		{ path: "evals/.env.example", content: envText, purpose: "the variables it knows" },
		{ path: "evals/.gitignore", content: ".env\n", purpose: "keeps keys out of git", isSupport: true },
		{ path: ".agentv/schemas/eval.schema.json", content: schema("eval"), purpose: "for editors", isSupport: true },
		{
			path: ".agentv/schemas/targets.schema.json",
			content: schema("targets"),
			purpose: "for editors",
			isSupport: true,
		},
	];
}

const evalText = `# yaml-language-server: $schema=../.agentv/schemas/eval.schema.json
name: greeting
description: Greets people by name, briefly.

# Which target of targets.yaml is tested; --target model tests the real one.
target: default

tests: ./cases.jsonl

# Graders of every test; a test may have its own besides.
assertions:
  - type: icontains-any
    value: [hello, welcome, hi]
  - name: brief
    type: code-grader
    command: [node, ./scripts/check-length.mjs]
    config: { most: 120 }
`;

const casesText = `{"id": "ada", "input": "Greet Ada.", "assertions": [{"type": "contains", "value": "Ada"}]}
{"id": "grace", "input": "Greet Grace.", "assertions": [{"type": "contains", "value": "Grace"}]}
`;

const targetsText = `# yaml-language-server: $schema=../.agentv/schemas/targets.schema.json
targets:
  # Answers the same every time: for trying graders without a network.
  - name: default
    provider: mock
    responses:
      ada: Hello Ada, nice to see you.
      grace: Welcome, Grace!

  # Any server that speaks OpenAI's chat completions; without base_url OpenAI's own.
  - name: model
    provider: openai
    base_url: \${{ OPENAI_BASE_URL:-https://api.openai.com/v1 }}
    api_key: \${{ OPENAI_API_KEY }}
    model: \${{ OPENAI_MODEL:-gpt-5-mini }}
`;

const graderText = `// A grader reads one JSON object from stdin and prints {score, assertions}.
import { readFileSync } from "node:fs";

const { output, config } = JSON.parse(readFileSync(0, "utf8"));
const passed = output.length <= config.most;
console.log(
	JSON.stringify({
		score: passed ? 1 : 0,
		assertions: [{ text: \`has at most \${config.most} characters\`, passed, evidence: \`\${output.length} characters\` }],
	}),
);
`;

const envText = `# Copy to .env and fill in, for the target "model". The offline one needs nothing.
OPENAI_BASE_URL=https://api.openai.com/v1
OPENAI_API_KEY=
OPENAI_MODEL=gpt-5-mini
`;
