import { describe } from "vitest";
import { evalWith, grader, type Kind, mock, passes, refusesToMix, verdict } from "./testing/changed-versions.ts";

const judged = '{"score": 1, "verdict": "pass", "reason": "fine"}';
const model =
	"targets: [{name: default, provider: mock, response: yes, grader_target: judge}, {name: judge, provider: mock, response: '${JUDGE}'}]\n";

const kinds: Readonly<Record<string, Kind>> = {
	"a grader's script": {
		files: { ...mock, "my.eval.yaml": evalWith(grader("[node, ./check.mjs]")), "check.mjs": verdict },
		changes: "check.mjs",
		named: "check.mjs changed: 2 results (a, b)",
	},
	"a module that a grader imports two levels deep": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(grader("[node, ./graders/check.mjs]")),
			"graders/check.mjs": `import "./one.mjs"; ${verdict}`,
			"graders/one.mjs": 'import "../lib/two.mjs";',
			"lib/two.mjs": "",
		},
		changes: "lib/two.mjs",
		named: "lib/two.mjs changed",
	},
	"a Python import": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(grader("python3 check.py")),
			"check.py": "import rules\nprint('{\"score\": 1}')",
			"rules.py": "x = 1\n",
		},
		changes: "rules.py",
		named: "rules.py changed",
	},
	"a module that Python runs by name": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(grader("[python3, -m, checks.main]")),
			"checks/__init__.py": "",
			"checks/main.py": "print('{\"score\": 1}')\n",
		},
		changes: "checks/main.py",
		named: "checks/main.py changed",
	},
	"a sourced shell file": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(grader("[sh, ./check.sh]")),
			"check.sh": '. "$(dirname "$0")/lib.sh"\n',
			"lib.sh": "echo '{\"score\": 1}'\n",
		},
		changes: "lib.sh",
		named: "lib.sh changed",
	},
	"a script in a text command, relative to its cwd": {
		files: {
			...mock,
			"my.eval.yaml": evalWith('assertions: [{type: code-grader, command: "node check.mjs", cwd: ./graders}]'),
			"graders/check.mjs": verdict,
		},
		changes: "graders/check.mjs",
		named: "graders/check.mjs changed",
	},
	"a script in a shell command": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(grader('"true && node check.mjs"')),
			"check.mjs": verdict,
		},
		changes: "check.mjs",
		named: "check.mjs changed",
	},
	"a file in an option": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(grader("[node, ./check.mjs, --rules=./rules.json]")),
			"check.mjs": verdict,
			"rules.json": "{}",
		},
		changes: "rules.json",
		named: "rules.json changed",
	},
	"a script that an older eval finds in a parent directory": {
		files: {
			...mock,
			".git/HEAD": "ref: refs/heads/main\n",
			"my.eval.yaml": "imports: {suites: [./deep/evals/inner.eval.yaml]}\n",
			"deep/evals/inner.eval.yaml": evalWith(grader("[node, ./tools/check.mjs]")),
			"tools/check.mjs": verdict,
		},
		changes: "tools/check.mjs",
		named: "tools/check.mjs changed",
	},
	"data that a grader reads by a computed name": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(`bundle: {include: [data]}\n${grader("[node, ./check.mjs]")}`),
			"check.mjs": `import { readFileSync } from "node:fs"; readFileSync("data/" + "x.json"); ${verdict}`,
			"data/x.json": "{}",
		},
		changes: "data/x.json",
		named: "data/x.json changed",
	},
	"a custom grader": {
		files: { ...mock, "my.eval.yaml": evalWith("assertions: [{type: mine}]"), ".agentv/graders/mine.mjs": verdict },
		changes: ".agentv/graders/mine.mjs",
		named: ".agentv/graders/mine.mjs changed",
	},
	"a part of a composite": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(
				`assertions: [{type: composite, aggregator: {type: weighted_average}, ${grader("[node, ./check.mjs]")}}]`,
			),
			"check.mjs": verdict,
		},
		changes: "check.mjs",
		named: "check.mjs changed",
	},
	"an aggregator's program": {
		files: {
			...mock,
			"my.eval.yaml": evalWith(
				`assertions: [{type: composite, aggregator: {type: code-grader, command: [node, ./sum.mjs]}, ${passes}}]`,
			),
			"sum.mjs": verdict,
		},
		changes: "sum.mjs",
		named: "sum.mjs changed",
	},
	"a prompt file": {
		files: {
			"targets.yaml": model.replace("${JUDGE}", judged),
			"my.eval.yaml": evalWith("assertions: [{type: llm-grader, prompt: ./prompt.md}]"),
			"prompt.md": "Is {{ output }} right?",
		},
		changes: "prompt.md",
		named: "prompt.md changed",
	},
	"a program that prints a prompt": {
		files: {
			"targets.yaml": model.replace("${JUDGE}", judged),
			"my.eval.yaml": evalWith("assertions: [{type: llm-grader, prompt: {command: [node, ./prompt.mjs]}}]"),
			"prompt.mjs": 'console.log("judge it")',
		},
		changes: "prompt.mjs",
		named: "prompt.mjs changed",
	},
	"the settings of a program that prints a prompt": {
		files: {
			"targets.yaml": model.replace("${JUDGE}", judged),
			"my.eval.yaml": evalWith(
				"assertions: [{type: llm-grader, prompt: {command: [node, ./prompt.mjs], config: {strict: 1}}}]",
			),
			"prompt.mjs": 'console.log("judge it")',
		},
		changes: "my.eval.yaml",
		...{ from: "strict: 1", to: "strict: 2" },
		named: "my.eval.yaml changed",
	},
	"a judge's settings": {
		files: {
			"targets.yaml": model.replace("${JUDGE}", judged),
			"my.eval.yaml": evalWith("assertions: [{type: llm-grader, prompt: judge it}]"),
		},
		changes: "targets.yaml",
		...{ from: "fine", to: "good" },
		named: 'grader target "judge": response {"score": 1, "verdict": "pass", "reason": "fine"} → {"score": 1',
	},
};

describe("a run is not resumed with another version of", () => refusesToMix(kinds));
