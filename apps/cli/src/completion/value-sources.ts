import { Argument, type Option } from "commander";
import type { ValueSource } from "./asked.ts";

const benchmarks: ValueSource = async (asked) => (await import("./sources/benchmarks.ts")).benchmarkIds(asked);
const targets: ValueSource = async (asked) => (await import("./sources/targets.ts")).targetNames(asked);
const tests: ValueSource = async (asked) => (await import("./sources/tests.ts")).testIds(asked);
const runs: ValueSource = async (asked) => (await import("./sources/runs.ts")).runNames(asked);
const experiments: ValueSource = async (asked) => (await import("./sources/runs.ts")).experimentNames(asked);
const rules: ValueSource = async () => (await import("./sources/rules.ts")).ruleIds();
const ruleLevels: ValueSource = async (asked) => (await import("./sources/rules.ts")).ruleSettings(asked);
const evals: ValueSource = async (asked) => (await import("./sources/paths.ts")).evalPaths(asked);
const files: ValueSource = async (asked) => (await import("./sources/paths.ts")).filePaths(asked);
const directories: ValueSource = async (asked) => (await import("./sources/paths.ts")).directoryPaths(asked);
/** Numbers and new names, which can't be completed. */
const free: ValueSource = async () => [];

/**
 * Sources of values, by the option's long name or by the value's name in help. A test fails if an option or argument
 * without fixed choices is missing here.
 */
const sources: ReadonlyMap<string, ValueSource> = new Map([
	["--benchmark", benchmarks],
	["--target", targets],
	["--grader-target", targets],
	["--eval", evals],
	["--test", tests],
	["--experiment", experiments],
	["--explain", rules],
	["--rule", ruleLevels],
	["--include", files],
	["--allow-outside", files],
	...[
		"--id",
		"--name",
		"--ref",
		"--tag",
		"--exclude-tag",
		"--grader",
		"--allow-secret",
		"--host",
		"--signer",
		"--allow-host",
		"--token",
		"--image",
		"--claim",
		"--secret",
	].map((name) => [name, free] as const),
	["ids", benchmarks],
	["id", benchmarks],
	["eval", evals],
	["evals", evals],
	...["run", "runs", "shard", "shards", "before", "after"].map((name) => [name, runs] as const),
	["file", files],
	...["dir", "directory", "path", "path-or-git-url"].map((name) => [name, directories] as const),
	...["age", "i/n", "n", "number", "score", "seconds", "usd"].map((name) => [name, free] as const),
]);

/** Returns the source of an option's or argument's values; undefined if it is not listed. */
export function sourceOf(wanted: Option | Argument): ValueSource | undefined {
	if (wanted instanceof Argument) return sources.get(wanted.name());
	const placeholder = /[<[]([^.\]>]+)/.exec(wanted.flags)?.[1] ?? "";
	return sources.get(wanted.long ?? "") ?? sources.get(placeholder);
}
