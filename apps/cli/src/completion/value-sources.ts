import { Argument, type Option } from "commander";
import type { ValueSource } from "./asked.ts";

const benchmarks: ValueSource = async (request) => (await import("./sources/benchmarks.ts")).benchmarkIds(request);
const targets: ValueSource = async (request) => (await import("./sources/targets.ts")).targetNames(request);
const tests: ValueSource = async (request) => (await import("./sources/tests.ts")).testIds(request);
const runs: ValueSource = async (request) => (await import("./sources/runs.ts")).runNames(request);
const experiments: ValueSource = async (request) => (await import("./sources/runs.ts")).experimentNames(request);
const rules: ValueSource = async () => (await import("./sources/rules.ts")).ruleIds();
const ruleLevels: ValueSource = async (request) => (await import("./sources/rules.ts")).ruleSettings(request);
const evals: ValueSource = async (request) => (await import("./sources/paths.ts")).evalPaths(request);
const files: ValueSource = async (request) => (await import("./sources/paths.ts")).filePaths(request);
const directories: ValueSource = async (request) => (await import("./sources/paths.ts")).directoryPaths(request);
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
