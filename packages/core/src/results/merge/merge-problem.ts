import { optionOf } from "../../model/plan-flags.ts";
import type { AttemptName } from "./merge-part.ts";

/** Why runs can't be merged. */
export type MergeProblem =
	/** One run is named twice, or was merged into another that is named, too. */
	| { readonly kind: "same-run"; readonly runs: readonly [string, string] }
	| {
			readonly kind: "same-shard";
			readonly index: number;
			readonly count: number;
			readonly runs: readonly [string, string];
	  }
	/** They were not begun as parts of one plan. */
	| {
			readonly kind: "other-plan";
			readonly what: PlanPart;
			/** What of it: an eval, a target, a flag. */
			readonly name?: string;
			/** What each run says of it, where that is short. */
			readonly values?: readonly [string, string];
			readonly runs: readonly [string, string];
	  }
	/** An attempt was made twice; the lines that record it. */
	| { readonly kind: "duplicate"; readonly attempt: AttemptName; readonly places: readonly [string, string] }
	| { readonly kind: "not-planned"; readonly attempt: AttemptName; readonly place: string }
	/** Attempts of one test mean different things. */
	| {
			readonly kind: "fingerprint";
			readonly attempt: AttemptName;
			readonly parts: readonly string[];
			readonly places: readonly [string, string];
	  }
	/** What the tests of several runs are made of is another version in each: a file as `run.json` names it. */
	| {
			readonly kind: "file";
			readonly path: string;
			readonly runs: readonly [string, string];
	  }
	/** Tests of one target were answered by different ones. */
	| {
			readonly kind: "target";
			readonly target: string;
			readonly eval: string;
			readonly places: readonly [string, string];
	  };

export type PlanPart =
	| "agentv"
	| "eval"
	| "target"
	| "bundle"
	| "benchmark"
	| "commit"
	| "flag"
	| "shard-count"
	| "tests"
	| "balance";

/** The problem in a sentence, without a full stop. */
export function mergeProblemText(problem: MergeProblem): string {
	switch (problem.kind) {
		case "same-run":
			return `${problem.runs[0]} and ${problem.runs[1]} contain the same run`;
		case "same-shard":
			return `shard ${problem.index}/${problem.count} is duplicated: ${problem.runs[0]} and ${problem.runs[1]}`;
		case "other-plan":
			return planText(problem);
		case "duplicate":
			return `${attemptText(problem.attempt)} is duplicated: ${problem.places[0]} and ${problem.places[1]}`;
		case "not-planned":
			return `${attemptText(problem.attempt)} is not a test of this run: ${problem.place}`;
		case "fingerprint":
			return `${attemptText(problem.attempt)} has a different ${problem.parts.join(" and ")} in ${problem.places[0]} than in ${problem.places[1]}`;
		case "file":
			return `${problem.path} differs between ${problem.runs[0]} and ${problem.runs[1]}`;
		case "target":
			return `target ${JSON.stringify(problem.target)} of ${problem.eval} differs between ${problem.places[0]} and ${problem.places[1]}`;
	}
}

function planText({ what, name, values, runs: [one, other] }: Extract<MergeProblem, { kind: "other-plan" }>): string {
	const said = values ? `: ${values[0]} and ${values[1]}` : "";
	return `${one} and ${other} ${differences[what](name ?? "")}${said}`;
}

const differences: Readonly<Record<PlanPart, (name: string) => string>> = {
	agentv: () => "were run by different versions of AgentV",
	eval: (name) => `did not run the same ${name}`,
	target: (name) => `had different targets ${JSON.stringify(name)}`,
	bundle: () => "ran different bundles",
	benchmark: () => "ran different revisions of a benchmark",
	commit: () => "ran different commits",
	flag: (name) => `were started with different ${optionOf(name)}`,
	"shard-count": () => "divide the tests into different numbers of shards",
	tests: () => "planned different tests",
	balance: () => "balanced the shards by different durations",
};

/** `test-id (target), attempt 2 of evals/a.eval.yaml`. */
function attemptText({ eval: label, testId, target, attempt }: AttemptName): string {
	return `${JSON.stringify(testId)} (${target}${attempt > 1 ? `, attempt ${attempt}` : ""}) of ${label}`;
}
