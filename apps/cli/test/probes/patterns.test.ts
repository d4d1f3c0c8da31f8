import { type Probe, replay } from "./probe.ts";
import { smallEval, testEntry } from "./small-evals.ts";

/** Patterns on which a backtracking matcher takes years, and invalid ones. */
const patterns: Readonly<Record<string, string>> = {
	"30 stars": `${"*a".repeat(30)}b`,
	"30 double stars": `${"**/".repeat(30)}x`,
	"stars in braces": `{${"*a,".repeat(40)}}${"*a".repeat(20)}b`,
	"nested braces": `${"{a,".repeat(40)}b${"}".repeat(40)}`,
	"braces that multiply": "{a,b}".repeat(24),
	"a range without end": "{1..100000000}",
	"nested groups": `${"+(a|".repeat(20)}b${")".repeat(20)}`,
	"an open bracket": "[".repeat(5000),
	classes: "[a-z]*".repeat(30),
	"question marks": `${"?*".repeat(40)}b`,
	"100 kB": "*a".repeat(50_000),
};

/** Names on which such patterns are slow. */
const longName = "a".repeat(200);
const quoted = (pattern: string) => JSON.stringify(pattern);

const places: Readonly<Record<string, (pattern: string) => Pick<Probe, "files" | "commands">>> = {
	tests: (pattern) => ({
		files: smallEval({ tests: `tests: ${quoted(`./${pattern}`)}\n`, files: { [`${longName}.yaml`]: "[]" } }),
		commands: [["eval", "validate", "my.eval.yaml"]],
	}),
	"bundle.include": (pattern) => ({
		files: smallEval({ head: `bundle: { include: [${quoted(pattern)}] }\n`, files: { [longName]: "" } }),
		commands: [["bundle", "my.eval.yaml", "--output", "OUT/b"]],
	}),
	"bundle.exclude": (pattern) => ({
		files: smallEval({
			head: `workspace: { template: ./w }\nbundle: { exclude: [${quoted(pattern)}] }\n`,
			files: { [`w/${longName}`]: "" },
		}),
		commands: [["bundle", "my.eval.yaml", "--output", "OUT/b"]],
	}),
	"--test": (pattern) => ({
		files: smallEval({ tests: `tests:\n${testEntry([], undefined, longName)}` }),
		commands: [["eval", "run", "my.eval.yaml", "--output", "r", "--test", pattern]],
	}),
	"--test of results": (pattern) => ({
		files: smallEval({ tests: `tests:\n${testEntry([], undefined, longName)}` }),
		commands: [
			["eval", "run", "my.eval.yaml", "--output", "r"],
			["results", "show", "r", "--test", pattern],
		],
	}),
	"an eval's path": (pattern) => ({
		files: { ...smallEval(), [`${longName}/${longName}.eval.yaml`]: "tests: []" },
		commands: [["eval", "validate", pattern.length > 90_000 ? pattern.slice(0, 90_000) : pattern]],
	}),
	"ignore rules": (pattern) => ({
		files: smallEval({
			head: "workspace: { template: ./w }\n",
			files: { "w/.gitignore": `${pattern}\n`, [`w/${longName}`]: "" },
		}),
		commands: [["eval", "run", "my.eval.yaml", "--output", "r"]],
	}),
};

const probes: readonly Probe[] = Object.entries(places).flatMap(([place, probe]) =>
	Object.entries(patterns).map(([name, pattern]) => ({ name: `patterns: ${name} as ${place}`, ...probe(pattern) })),
);

replay("as a pattern", probes);
