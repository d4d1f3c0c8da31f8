import { type Command, InvalidArgumentError, Option } from "commander";
import type { CommandResult } from "../context.ts";

export function several(text: string, before: readonly string[] | undefined): readonly string[] {
	return [...(before ?? []), text];
}

export function number(expected: string, accepts: (value: number) => boolean): (text: string) => number {
	return (text) => {
		const value = Number(text);
		if (text.trim() !== "" && accepts(value)) return value;
		throw new InvalidArgumentError(`Expected ${expected}.`);
	};
}

export const count = number("a positive integer", (value) => Number.isInteger(value) && value > 0);
export const whole = number("a non-negative integer", (value) => Number.isInteger(value) && value >= 0);
export const positive = number("a positive number", (value) => Number.isFinite(value) && value > 0);
const fraction = number("a number from 0 to 1", (value) => value >= 0 && value <= 1);

export function shard(text: string): { readonly index: number; readonly count: number } {
	const [, index = 0, count = 0] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
	if (index >= 1 && index <= count) return { index, count };
	throw new InvalidArgumentError("Expected I/N, the I-th (from 1) of N shards, for example 2/4.");
}

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Parses `90m`, `12h`, `30d` or `2w`. */
export function timeSpan(text: string): number {
	const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([mhdw])$/.exec(text.trim()) ?? [];
	const milliseconds = Number(number) * (unitsMs[unit] ?? Number.NaN);
	if (Number.isFinite(milliseconds)) return milliseconds;
	throw new InvalidArgumentError("Expected minutes, hours, days or weeks, for example 90m, 12h, 30d, 2w.");
}

/** A command that only reads may have a read-only home, and so may a `--dry-run`. */
type HomeUse = "writes" | "reads" | "none";

type CommandFunction = (...args: never[]) => Promise<CommandResult>;

/**
 * The action imports the command's function, calls it in the context of this process, prints its
 * result and reports its errors.
 */
export type MakeAction = (
	load: () => Promise<CommandFunction>,
	home?: HomeUse,
) => (...args: unknown[]) => Promise<void>;

/**
 * Adds commands to the program: names, arguments, options and help.
 *
 *     program
 *     	.command("list")
 *     	.description("list the registered benchmarks")
 *     	.option("--json", "print one JSON document")
 *     	.action(action(async () => (await import("../commands/benchmark.ts")).benchmarkList, "reads"));
 */
export type CommandGroup = (program: Command, action: MakeAction) => void;

export function addTrustChoices(command: Command): Command {
	return command
		.option("--yes", "skip the confirmation")
		.option("--revoke", "revoke earlier consent")
		.option("--target <name>", "additional target to run against (repeatable)", several)
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--env-file <file>", "load variables from this file (overrides .env files)")
		.option("--json", "print one JSON document on stdout")
		.addHelpText(
			"after",
			`
Variables, hosts and files outside the evals' root must be trusted once; after a sync, only new ones.
Their digests are stored in $AGENTV_HOME/state.

Exit code: 0 everything is trusted, 1 declined, 2 consent is needed but there is no terminal (use --yes).`,
		);
}

export function addRunChoices(command: Command): Command {
	command
		.argument("[evals...]", "eval files, directories, globs; !pattern subtracts")
		.option("--target <name>", "target to run against, instead of the evals' own (repeatable)", several)
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--grader-target <name>", "model for grading, instead of those that evals and targets name")
		.option("--test <glob>", "only tests whose id matches, and their dependencies (repeatable)", several)
		.option("--tag <tag>", "only tests with this tag (repeatable)", several)
		.option("--exclude-tag <tag>", "exclude tests with this tag (repeatable)", several)
		.option("--limit <n>", "maximum number of tests per eval", count)
		.option("--benchmark <id>", "resolve eval paths relative to this benchmark (default: all its evals)")
		.option(
			"--workers <n>",
			"maximum number of concurrent tests (default: the eval's, else the number of cores)",
			count,
		)
		.option("--threshold <score>", "score needed to pass, 0 to 1", fraction)
		.option("--repeat <n>", "number of attempts per test", count)
		.option("--timeout <seconds>", "timeout for each answer of a target", positive)
		.option("--experiment <name>", "group the results under this name")
		.option("--durations-from <run>", "balance shards by the test durations of this run")
		.option("--env-file <file>", "load variables from this file (overrides .env files)")
		.option("--keep-workspaces", "also keep the workspaces of passing tests")
		.option("--bail", "stop at the first failing test")
		.option(
			"--budget-usd <usd>",
			"stop starting tests once this much is spent, grading included; divided among shards (exits 4; continue with --resume)",
			positive,
		)
		.option("--cache", "reuse cached model responses for identical requests");
	return addAccessChoices(command);
}

export function addAccessChoices(command: Command): Command {
	return command
		.option(
			"--allow-outside <path>",
			"file or directory outside the evals' roots that evals may read (repeatable)",
			several,
		)
		.addOption(
			new Option(
				"--trust <what>",
				"run evals of synced benchmarks, received bundles and received runs without your consent",
			).choices(["any"]),
		);
}
