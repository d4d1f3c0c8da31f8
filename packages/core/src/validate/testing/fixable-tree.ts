import fc from "fast-check";

/** Files by path (null: absent). `ROOT` in a text is the repository's directory. */
export type FixableTree = Readonly<Record<string, string | null>>;

/** Files in every tree, for evals to refer to. */
export const commonFiles: Readonly<Record<string, string>> = {
	"a/data/cases.jsonl": '{"id":"a","input":"hi","criteria":"greets"}\n{"id":"b","input":"ho","criteria":"greets"}\n',
	"a/prompts/judge.md": "Judge {{ output }}\n",
	"a/scripts/check.mjs": "console.log(1)\n",
	"a/template/README.md": "template\n",
	"tools/run.mjs": "console.log(2)\n",
	"tools/answers.jsonl": '{"prompt":"hi","response":"hello"}\n',
};

/** Spellings of a path below `a/` from `a/evals/`: correct ones and fixable ones. */
const pathTo = (below: string) =>
	fc.constantFrom(
		...[`../${below}`, `..\\${below.replaceAll("/", "\\")}`, `/a/${below}`, `ROOT/a/${below}`, below],
		`../${below.replace(/^./, (first) => first.toUpperCase())}`,
	);

/** Spellings of a scalar: plain, quoted, anchored, with a comment. */
const scalar = (path: fc.Arbitrary<string>) =>
	fc
		.tuple(
			path,
			fc.constantFrom(
				(text: string) => text,
				(text: string) => `'${text}'`,
				(text: string) => JSON.stringify(text),
			),
			fc.constantFrom("", "&here ", "!!str "),
			fc.constantFrom("", "   # note 'a' \"b\""),
		)
		.map(([text, quoted, anchor, comment]) => `${anchor}${quoted(text)}${comment}`);

const block = fc.constantFrom(
	"description: |\n  # no comment\n    deeper\n\n  last\n",
	"description: >-\n  folded: text\n  [more]\n",
	'# lone\n\n\ndescription: &d "two\n  lines"\nmetadata: { again: *d }\n',
	"",
);

const target = fc.constantFrom(
	...["", "target: fast   # chosen\n", "target: 'tool'\n", "target: ${{ WHICH:-fast }}\n"],
	"target: { name: mine, use_target: fast }\n",
	"execution:\n  targets: [fast, tool]\n",
);

const evalText = fc
	.record({
		block,
		target,
		workspace: fc.option(scalar(pathTo("template")), { nil: undefined }),
		prompt: scalar(pathTo("prompts/judge.md")),
		script: scalar(pathTo("scripts/check.mjs")),
		cases: scalar(pathTo("data/cases.jsonl")),
		first: fc.boolean(),
	})
	.map(({ block, target, workspace, prompt, script, cases, first }) => {
		// An anchor's name occurs once, so that later ones don't replace it.
		const named = (text: string, name: string) => text.replace("&here", `&${name}`);
		const graders = [
			"assertions:",
			`  - type: llm-grader\n    name: judge\n    prompt: ${named(prompt, "p")}`,
			`  - name: check   # runs\n    type: code-grader\n    command: [node, ${named(script.replace(/ {3}#.*/, ""), "s")}]`,
		].join("\n");
		const tests = `tests: ${named(cases, "c")}\n`;
		const space = workspace === undefined ? "" : `workspace:\n  # copied\n  template: ${named(workspace, "w")}\n`;
		return first ? `${tests}${block}${target}${space}${graders}\n` : `${block}${space}${target}${graders}\n${tests}`;
	});

const targetsText = fc
	.record({
		run: fc.constantFrom("./tools/run.mjs", "tools\\run.mjs", "ROOT/tools/run.mjs"),
		hop: fc.constantFrom("base", "${{ HOP:-base }}"),
		fixtures: fc.constantFrom("./tools/answers.jsonl", "ROOT/tools/answers.jsonl"),
	})
	.map(
		({ run, hop, fixtures }) => `# everyone's
targets:
  - name: default
    use_target: fast   # by default
  - { name: fast, use_target: '${hop}', model: "\${{ MODEL:-small }}" }
  - name: base
    provider: cli
    command: [node, '${run}', "{PROMPT}"]
    grader_target: judge
    fallback_targets: &others [tool]
  - name: judge
    provider: mock
    response: |
      {"score": 1}   # no comment
  - { name: tool, provider: mock, fixtures: '${fixtures}', fallback_targets: [] }
`,
	);

const ownTargets = fc.constantFrom(
	null,
	"# ours\ntargets:\n\n  - name: default   # first\n    use_target: fast\n",
	"targets: [{ name: other, provider: mock }]\n",
	"targets:\n- name: judge\n  provider: mock\n  response: ours\n",
);

/** One or two evals with fixable findings in many spellings. */
export const fixableTree: fc.Arbitrary<FixableTree> = fc
	.record({
		text: evalText,
		other: fc.option(evalText, { nil: null }),
		targets: targetsText,
		own: ownTargets,
		newline: fc.constantFrom("\n", "\r\n"),
		mark: fc.constantFrom("", "\ufeff"),
	})
	.map(({ text, other, targets, own, newline, mark }) => {
		const written = (one: string | null) => (one === null ? null : mark + one.replaceAll("\n", newline));
		return {
			"a/evals/eval.yaml": written(text),
			"a/evals/other.eval.yaml": written(other),
			"a/evals/targets.yaml": written(own),
			"targets.yaml": written(targets),
		};
	});
