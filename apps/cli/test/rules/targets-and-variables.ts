import { asks, evals, type RuleFixture, sha, sound, targets, test, top } from "./rule-fixture.ts";

const hop = (name: string, to: string) => `  - { name: ${name}, use_target: ${to} }\n`;
const end = (name: string) => `  - { name: ${name}, provider: mock }\n`;
const keyed = (key: string) => targets(`  - name: local\n    provider: openai\n    model: m\n    api_key: ${key}\n`);
const who = evals(test("    description: by ${{ WHO }}\n"));

export const targetFixtures: readonly RuleFixture[] = [
	{
		rule: "targets.undefined",
		bad: evals(test("").replace("local", "locl")),
		found: 'evals/eval.yaml:1:9 error target "locl" is not defined (looked in targets.yaml)',
		good: sound,
	},
	{
		rule: "targets.not-local",
		bad: { "evals/targets.yaml": null, ".agentv/targets.yaml": `targets:\n${end("local")}` },
		found: 'evals/eval.yaml:1:9 error Target "local" resolved from parent .agentv/targets.yaml — not self-contained',
		hint: false,
		good: { ".agentv/targets.yaml": `targets:\n${end("other")}` },
	},
	{
		rule: "targets.not-local",
		bad: {
			...evals(test("").replace("local", "{ name: mine, extends: far, model: m }")),
			"targets.yaml": `targets:\n${hop("far", "farther")}  - name: farther # a comment\n    provider: mock\n    response: \${{ ANSWER:-42 }}\n`,
		},
		found: 'evals/eval.yaml:1:32 error Target "far" resolved from parent targets.yaml — not self-contained',
		hint: false,
		fixed: {
			"evals/targets.yaml": `${sound["evals/targets.yaml"]}  - name: far\n    provider: mock\n    response: \${{ ANSWER:-42 }}\n`,
		},
	},
	{
		rule: "targets.not-local",
		bad: {
			...evals(test("").replace("local", "far")),
			"targets.yaml": "targets: [{ name: far, provider: openai, model: m, api_key: 0123456789abcdef }]\n",
		},
		found: 'evals/eval.yaml:1:9 error Target "far" resolved from parent targets.yaml — not self-contained',
		hint: false,
		fixed: false, // credentials are not copied
	},
	{
		rule: "targets.circular",
		bad: targets(hop("local", "b") + hop("b", "local")),
		found: "evals/targets.yaml:3:28 error use_target forms a cycle: local → b → local",
		good: targets(hop("local", "b") + end("b")),
	},
	{
		rule: "targets.env-chosen",
		bad: targets(hop("local", "'${{ T:-b }}'") + end("b")),
		found: "evals/targets.yaml:2:32 warning the target depends on T (currently b)",
		hint: false,
		good: targets(hop("local", "b") + end("b")),
	},
	{
		rule: "targets.literal-secret",
		bad: keyed("0123456789abcdef"),
		found: "evals/targets.yaml:5:14 error api_key contains a literal credential",
		good: keyed("${{ API_KEY }}"),
	},
	{
		rule: "targets.literal-secret",
		bad: keyed("${{ API_KEY:-sk-0123456789abcdefghij }}"),
		found: "evals/targets.yaml:5:14 error api_key contains a literal credential",
		good: keyed("${{ API_KEY:-not-needed }}"),
	},
	{
		rule: "targets.empty-credential",
		bad: keyed('""'),
		found: 'evals/targets.yaml:5:14 error `api_key` of target "local" is empty',
		good: keyed("${{ API_KEY:-}}"),
	},
	{
		rule: "targets.empty-credential",
		bad: { ...keyed("${{ API_KEY }}"), "evals/.env": "API_KEY=\n" },
		found: 'evals/targets.yaml:5:14 warning `api_key` of target "local" is empty: variable API_KEY is set to ""',
		good: { ...keyed("${{ API_KEY:-}}"), "evals/.env": "API_KEY=\n" },
	},
	{
		rule: "targets.literal-secret",
		bad: evals(top(`workspace: { repos: [{ repo: 'https://me:0123456789@git.example.org/a.git', commit: ${sha} }] }`)),
		found: "evals/eval.yaml:1:30 error repo contains a literal credential",
		good: evals(top(`workspace: { repos: [{ repo: 'https://\${{ T }}@git.example.org/a.git', commit: ${sha} }] }`), {
			"evals/.env.example": "T=\n",
		}),
	},
];

export const variableFixtures: readonly RuleFixture[] = [
	{
		rule: "vars.unknown",
		bad: evals(asks("Hello {{ whom }}", "").replace("- id: a", "- id: a\n    vars: { who: Ada }")),
		found: "evals/eval.yaml:5:18 error {{ whom }} is not one of the test's vars (who)",
		good: evals(asks("Hello {{ who }} and {{{{ whom }}}}", "").replace("- id: a", "- id: a\n    vars: { who: Ada }")),
	},
	{
		rule: "vars.unknown",
		bad: evals(asks("Explain {{ this }}")),
		found: "evals/eval.yaml:4:20 warning {{ this }} is not replaced: the test has no `vars`",
		good: evals(asks("Explain {{{{ this }}}}, {{#if that}} and {% for %}")),
	},
	{
		rule: "env.undocumented",
		bad: who,
		found: "evals/eval.yaml:6:21 warning WHO referenced but not documented",
		good: { ...who, "evals/.env.example": "WHO=\n" },
	},
	{
		rule: "env.undocumented",
		bad: who,
		found: "evals/eval.yaml:6:21 warning WHO referenced but not documented",
		good: { ...who, "evals/README.md": "Set `WHO` first.\n" },
	},
	{
		rule: "env.malformed",
		bad: evals(top("workspace: ./${{ env.DIR }}")),
		found: `evals/eval.yaml:1:14 error "\${{ env.DIR }}" looks like a variable reference but is not one`,
		good: evals(top("workspace: ./${{ DIR:-template }}"), { "evals/template/a.txt": "a" }),
	},
	{
		rule: "env.malformed",
		bad: evals(asks('"Explain ${{ github.ref }}"')),
		found: `evals/eval.yaml:4:21 warning "\${{ github.ref }}" looks like a variable reference but is not one; it is not replaced`,
		good: evals(asks('"Explain $${{ github.ref }}"')),
	},
];
