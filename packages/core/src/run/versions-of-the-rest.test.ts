import { describe } from "vitest";
import { evalWith, type Kind, mock, passes, refusesToMix } from "./testing/changed-versions.ts";
import { mockTargets } from "./testing/run-fixture.ts";

const kinds: Readonly<Record<string, Kind>> = {
	"a preprocessor": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(`preprocessors: [{type: application/pdf, command: [node, ./text.mjs]}]\n${passes}`),
			"text.mjs": "",
		},
		changes: "text.mjs",
		named: "text.mjs changed",
	},
	"a module that an extension imports": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(`extensions: ["file://setup.mjs:beforeAll"]\n${passes}`),
			"setup.mjs": 'import { one } from "./one.mjs"; export const beforeAll = () => one;',
			"one.mjs": "export const one = undefined;\n",
		},
		changes: "one.mjs",
		named: "one.mjs changed",
	},
	"a directory of agent rules": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(
				`extensions: [{id: "agentv:agent-rules", hook: beforeAll, skills: ./skills}]\n${passes}`,
			),
			"skills/deep/SKILL.md": "do",
		},
		changes: "skills/deep/SKILL.md",
		named: "skills/deep/SKILL.md changed",
	},
	"a hook's script": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(`workspace: {hooks: {before_each: {command: [node, ./setup.mjs]}}}\n${passes}`),
			"setup.mjs": "",
		},
		changes: "setup.mjs",
		named: "setup.mjs changed",
	},
	"a target's hook": {
		files: {
			"targets.yaml":
				"targets: [{name: default, provider: mock, response: yes, hooks: {before_each: {command: [node, ./setup.mjs]}}}]\n",
			"my.eval.yaml": evalWith(passes),
			"setup.mjs": "",
		},
		changes: "setup.mjs",
		named: "setup.mjs changed",
	},
	"a file of a template": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(`workspace: {template: ./template}\n${passes}`),
			"template/in/a.txt": "a",
		},
		changes: "template/in/a.txt",
		named: "template/in/a.txt changed",
	},
	"an external workspace file": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(`workspace: ./space.yaml\n${passes}`),
			"space.yaml": "isolation: per_test\nenv: {MODE: fast}\n",
		},
		changes: "space.yaml",
		...{ from: "fast", to: "slow" },
		named: "space.yaml changed",
	},
	"an input file": {
		files: {
			...mock,
			"my.eval.yaml": `${passes}\ntests: [{id: a, input: hi, input_files: [./in.txt]}, {id: b, input: hi}, {id: c, input: hi}]\n`,
			"in.txt": "in",
		},
		changes: "in.txt",
		named: "in.txt changed: 1 result (a)",
	},
	"a metadata file": {
		files: {
			...mock,
			"my.eval.yaml": `${passes}\ntests: [{id: a, input: hi, metadata: {diff_file: ./a.diff}}, {id: b, input: hi}, {id: c, input: hi}]\n`,
			"a.diff": "diff",
		},
		changes: "a.diff",
		named: "a.diff changed: 1 result (a)",
	},
	"a test in a separate file": {
		files: {
			...mock,
			"my.eval.yaml": `${passes}\ntests: ./tests.jsonl\n`,
			"tests.jsonl": '{"id": "a", "input": "hi"}\n{"id": "b", "input": "hi"}\n{"id": "c", "input": "hi"}\n',
		},
		changes: "tests.jsonl",
		...{ from: '"b", "input": "hi"', to: '"b", "input": "ho"' },
		named: "tests.jsonl changed: 1 result (b)",
	},
	"an included list of graders": {
		files: {
			...mock,
			"my.eval.yaml": evalWith("assertions: [{include: ./graders.yaml}]"),
			"graders.yaml": "- {type: contains, value: yes}\n",
		},
		changes: "graders.yaml",
		...{ from: "yes", to: "ye" },
		named: "graders.yaml changed",
	},
	"PROMPT.md": {
		files: {
			...mock,
			"my.eval.yaml": `${passes}\ntests: [{id: a}, {id: b}, {id: c}]\n`,
			"PROMPT.md": "hi",
		},
		changes: "PROMPT.md",
		...{ from: "hi", to: "ho" },
		named: "PROMPT.md changed",
	},
	"a variable of .env": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(`workspace: {env: {MODE: "\${{ MODE }}"}}\n${passes}`),
			".env": "MODE=fast\n",
		},
		changes: ".env",
		...{ from: "fast", to: "slow" },
		named: "variable MODE changed",
	},
	"a variable of --env-file": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(`assertions: [{type: contains, value: "\${{ WORD }}"}]`),
			"my.env": "WORD=yes\n",
		},
		options: { envFile: "my.env" },
		changes: "my.env",
		...{ from: "yes", to: "ye" },
		named: "variable WORD changed",
	},
	"a target's program": {
		files: {
			"my.eval.yaml": evalWith(passes),
			"targets.yaml": "targets: [{name: default, provider: cli, command: [node, ./agent.mjs]}]\n",
			"agent.mjs": 'import { word } from "./word.mjs"; console.log(word);',
			"word.mjs": 'export const word = "yes";\n',
		},
		changes: "word.mjs",
		named: "word.mjs changed",
	},
	"a target's program in the eval's directory": {
		files: {
			"my.eval.yaml": evalWith(passes),
			".agentv/targets.yaml": "targets: [{name: default, provider: cli, command: [node, agent.mjs]}]\n",
			"agent.mjs": 'console.log("yes");',
		},
		changes: "agent.mjs",
		named: "agent.mjs changed",
	},
	"a target's model": {
		files: {
			"my.eval.yaml": evalWith(passes),
			"targets.yaml": 'targets: [{name: default, provider: mock, response: "yes ${{ MODEL }}"}]\n',
			".env": "MODEL=gpt-5\n",
		},
		changes: ".env",
		...{ from: "gpt-5", to: "gpt-6" },
		named: 'target "default": response yes gpt-5 → yes gpt-6',
	},
	"a mock's answers": {
		files: {
			"my.eval.yaml": evalWith(passes),
			"targets.yaml": "targets: [{name: default, provider: mock, responses: {a: yes, b: yes, c: yes}}]\n",
		},
		changes: "targets.yaml",
		...{ from: "b: yes", to: "b: yess" },
		named: 'target "default": responses {"a":"yes","b":"yes","c":"yes"} → {"a":"yes","b":"yess","c":"yes"}',
	},
	"recorded answers": {
		files: {
			"my.eval.yaml": evalWith(passes),
			"targets.yaml": "targets: [{name: default, provider: replay, fixtures: ./answers.jsonl}]\n",
			"answers.jsonl": ["a", "b", "c"].map((id) => `{"test_id": "${id}", "output": "yes"}\n`).join(""),
		},
		changes: "answers.jsonl",
		...{ from: '"a", "output": "yes"', to: '"a", "output": "no"' },
		named: "answers.jsonl changed",
	},
	"a file given by --targets": {
		files: { "my.eval.yaml": evalWith(passes), "other.yaml": mockTargets("yes") },
		options: { targetsFile: "other.yaml" },
		changes: "other.yaml",
		...{ from: '"yes"', to: '"yes!"' },
		named: 'target "default": response yes → yes!',
	},
	"a threshold": {
		files: { ...mock, "my.eval.yaml": evalWith(`threshold: 0.5\n${passes}`) },
		changes: "my.eval.yaml",
		...{ from: "0.5", to: "0.6" },
		named: "threshold 0.5 → 0.6",
	},
	"a test's vars": {
		files: {
			...mock,
			"my.eval.yaml": `${passes}\ntests: [{id: a, input: "{{ word }}", vars: {word: hi}}, {id: b, input: hi}, {id: c, input: hi}]\n`,
		},
		changes: "my.eval.yaml",
		...{ from: "word: hi", to: "word: ho" },
		named: "my.eval.yaml changed: 1 result (a)",
	},
};

describe("a run is not resumed with another version of", () => refusesToMix(kinds));
