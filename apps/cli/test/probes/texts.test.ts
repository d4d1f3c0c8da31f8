import { type Probe, replay } from "./probe.ts";
import { grader, smallEval, target, testEntry } from "./small-evals.ts";

/** Texts on which a scanner that restarts at every character takes hours. */
const texts: Readonly<Record<string, string>> = {
	"80,000 open variables": "${{ ".repeat(80_000),
	"nested defaults": `${"${{ A:-".repeat(20_000)}x${" }}".repeat(20_000)}`,
	"80,000 open names": "{{ ".repeat(80_000),
	"escaped names": "{{{{ a }}}} ".repeat(40_000),
	"open tags": "{{#if ".repeat(40_000),
	"a megabyte of blanks": ` ${" ".repeat(1_000_000)}x`,
	"a megabyte of one letter": "a".repeat(1_000_000),
	"open URLs": "https://a:".repeat(60_000),
	"half a key": "sk-".repeat(200_000),
	"half a token": "eyJ.".repeat(200_000),
	backslashes: "\\".repeat(400_000),
	braces: "[{".repeat(200_000),
	"bidirectional marks": "\u202e\u2066".repeat(100_000),
	"lone surrogates": "\ud800".repeat(1000),
};

const quoted = (text: string) => JSON.stringify(text);

const places: Readonly<Record<string, (text: string) => Pick<Probe, "files" | "commands">>> = {
	"an input": (text) => run({ tests: `tests:\n  - { id: a, input: ${quoted(text)}, assertions: [${grader}] }\n` }),
	"a value of vars": (text) => run({ tests: `tests:\n${testEntry([`vars: { x: ${quoted(text)} }`])}` }),
	"a grader's value": (text) =>
		run({ tests: `tests:\n${testEntry([], [`{ type: contains, value: ${quoted(text)} }`])}` }),
	metadata: (text) => run({ tests: `tests:\n${testEntry([`metadata: { x: ${quoted(text)} }`])}` }),
	"a target's answer": (text) =>
		run({ targets: `targets:\n  - { name: default, provider: mock, response: ${quoted(text)} }\n` }),
	"a target's setting": (text) => run({ targets: `${target}    description: ${quoted(text)}\n` }),
	"an id": (text) => run({ tests: `tests:\n${testEntry([], undefined, quoted(text))}` }),
	PROMPT: (text) => run({ tests: `tests:\n  - { id: a, assertions: [${grader}] }\n`, files: { "PROMPT.md": text } }),
	"the eval itself": (text) => ({ files: { "my.eval.yaml": text }, commands: [["eval", "validate", "my.eval.yaml"]] }),
	"the registry": (text) => ({
		files: { ".home/benchmarks.yaml": `benchmarks:\n  - { id: a, path: ${quoted(text)} }\n` },
		commands: [["benchmark", "list"]],
	}),
};

function run(parts: Parameters<typeof smallEval>[0]): Pick<Probe, "files" | "commands"> {
	return { files: smallEval(parts), commands: [["eval", "run", "my.eval.yaml", "--output", "r"]] };
}

const probes: readonly Probe[] = Object.entries(places).flatMap(([place, probe]) =>
	Object.entries(texts).map(([name, text]) => ({ name: `texts: ${name} as ${place}`, ...probe(text) })),
);

replay("as a text", probes);
