import { type Probe, replay } from "./probe.ts";
import { grader, smallEval, target, testEntry } from "./small-evals.ts";

/** Properties of every JavaScript object, and names that are reserved on some systems. */
const names = [
	"constructor",
	"toString",
	"__proto__",
	"hasOwnProperty",
	"valueOf",
	"prototype",
	"..",
	"CON",
	"a/../../b",
];

/** Places where unknown names must be refused with an error that contains the name. */
const unknown: Readonly<Record<string, (name: string) => Record<string, string>>> = {
	"a provider": (name) => smallEval({ targets: `targets:\n  - { name: default, provider: ${name} }\n` }),
	"a grader's type": (name) => smallEval({ tests: `tests:\n${testEntry([], [`{ type: ${name} }`])}` }),
	"a target": (name) => smallEval({ head: `target: ${name}\n` }),
	"a dependency": (name) => smallEval({ tests: `tests:\n${testEntry([`depends_on: ["${name}"]`])}` }),
	"a mode": (name) => smallEval({ tests: `tests:\n${testEntry([`mode: ${name}`])}` }),
	"an aggregator": (name) =>
		smallEval({
			tests: `tests:\n${testEntry([], [`{ type: composite, aggregator: ${name}, assertions: [${grader}] }`])}`,
		}),
};

/** Places where the user may choose any name. */
const free: Readonly<Record<string, (name: string) => Record<string, string>>> = {
	"a test's id": (name) => smallEval({ tests: `tests:\n${testEntry([], undefined, `"${name}"`)}` }),
	"a grader's name": (name) =>
		smallEval({ tests: `tests:\n${testEntry([], [`{ type: contains, value: hello, name: "${name}" }`])}` }),
	"a key of metadata": (name) => smallEval({ tests: `tests:\n${testEntry([`metadata: { "${name}": 1 }`])}` }),
	"a tag": (name) => smallEval({ head: `tags: { "${name}": x }\n` }),
	"a value of vars": (name) => smallEval({ tests: `tests:\n${testEntry([`vars: { "${name}": x }`])}` }),
	"a target that is defined": (name) =>
		smallEval({ head: `target: "${name}"\n`, targets: target.replace("default", JSON.stringify(name)) }),
	"a test's own answer": (name) =>
		smallEval({
			tests: `tests:\n${testEntry([], undefined, `"${name}"`)}`,
			targets: `targets:\n  - { name: default, provider: mock, responses: { "${name}": hello } }\n`,
		}),
};

const refused: readonly Probe[] = Object.entries(unknown).flatMap(([place, files]) =>
	names.map((name) => ({
		name: `names: ${name} as ${place}`,
		files: files(name),
		commands: [["eval", "run", "my.eval.yaml", "--output", "r"]],
		exitCodes: [2],
		says: /my\.eval\.yaml:\d+:\d+|targets\.yaml:\d+:\d+/,
	})),
);

const accepted: readonly Probe[] = Object.entries(free).flatMap(([place, files]) =>
	names.map((name) => ({
		name: `names: ${name} as ${place}`,
		files: files(name),
		commands: [
			["eval", "run", "my.eval.yaml", "--output", "r"],
			["results", "verify", "r"],
		],
		exitCodes: [0],
	})),
);

replay("as a name", [...refused, ...accepted]);
