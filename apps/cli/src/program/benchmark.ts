import { type Command, InvalidArgumentError } from "commander";
import { type CommandGroup, parent, type RunCommand } from "./command-group.ts";
import { addTrustChoices } from "./trust-choices.ts";

/** `agentv benchmark …`: the registry, sync and its status. */
export const benchmarkCommands: CommandGroup = (program, run) => {
	const benchmark = parent(program, "benchmark", "register benchmarks and bring them up to date");
	addList(benchmark, run);
	addAdd(benchmark, run);
	addRemove(benchmark, run);
	addStatus(benchmark, run);
	addSync(benchmark, run);
	addTrust(benchmark, run);
};

const json = ["--json", "print one JSON document on stdout"] as const;

function addList(benchmark: Command, run: RunCommand): void {
	benchmark
		.command("list")
		.description("list the registered benchmarks and how they stand on disk; goes nowhere")
		.option(...json)
		.action((options) =>
			run(async (context) => (await import("../commands/benchmark-list.ts")).benchmarkList(options, context)),
		);
}

function addAdd(benchmark: Command, run: RunCommand): void {
	benchmark
		.command("add")
		.argument("<path-or-git-url>", "a local directory, or the git repository that holds the benchmark")
		.description("register a benchmark; clones nothing unless --sync is given")
		.option("--id <id>", "its id; default: the last part of the path or URL")
		.option("--name <name>", "its name for people; default: the id")
		.option("--ref <ref>", "branch, tag or full commit SHA; default: the remote's default branch")
		.option("--path <path>", "where the clone goes; default: $AGENTV_HOME/benchmarks/<id>")
		.option("--sync", "sync it at once")
		.option(...json)
		.addHelpText(
			"after",
			"\nA plain path is a local directory, used as it is, unless --ref or --path is given.\n" +
				"Credentials belong in variables: 'https://x-access-token:${{ GITHUB_TOKEN }}@host/…'.",
		)
		.action((location, options) =>
			run(async (context) => (await import("../commands/benchmark-add.ts")).benchmarkAdd(location, options, context)),
		);
}

function addRemove(benchmark: Command, run: RunCommand): void {
	benchmark
		.command("remove")
		.argument("<id>", "the benchmark's id")
		.description("take a benchmark out of the registry; its directory stays")
		.option(...json)
		.action((id, options) =>
			run(async (context) => (await import("../commands/benchmark-remove.ts")).benchmarkRemove(id, options, context)),
		);
}

function addStatus(benchmark: Command, run: RunCommand): void {
	benchmark
		.command("status")
		.argument("[ids...]", "which benchmarks; default: all")
		.description("compare benchmarks with their remotes; changes nothing")
		.option("--all", "all benchmarks, as without ids")
		.option("--offline", "compare with what was last seen of the remotes")
		.option("--timeout <seconds>", "time for each question to a remote", seconds, 60)
		.option("--concurrency <number>", "how many at once", count, 4)
		.option(...json)
		.addHelpText("after", "\nExit code: 0; 1 where a remote was not reached or a directory holds something else.")
		.action((ids, options) =>
			run(async (context) =>
				(await import("../commands/benchmark-status.ts")).benchmarkStatusOf(chosen(ids, options), options, context),
			),
		);
}

function addSync(benchmark: Command, run: RunCommand): void {
	benchmark
		.command("sync")
		.argument("[ids...]", "which benchmarks; default: all that have a source")
		.description("bring benchmarks up to date with their repositories")
		.option("--all", "all that have a source, as without ids")
		.option("--dry-run", "say what would change, down to the tests, and change nothing")
		.option("--reset", "take over a rewritten upstream where no local work would be lost")
		.option("--concurrency <number>", "how many at once", count, 3)
		.option("--timeout <seconds>", "time for each command that talks to a remote", seconds, 600)
		.option(...json)
		.addHelpText("after", "\nExit code: 0 all is up to date; 1 something was refused or failed; 130 interrupted.")
		.action((ids, options) =>
			run(async (context) =>
				(await import("../commands/benchmark-sync.ts")).benchmarkSync(chosen(ids, options), options, context),
			),
		);
}

function addTrust(benchmark: Command, run: RunCommand): void {
	addTrustChoices(
		benchmark
			.command("trust")
			.argument("<id>", "the benchmark's id")
			.argument("[evals...]", "files, directories or globs in it; default: every eval")
			.description("show what a synced benchmark's evals read and reach, and let them"),
	).action((id, evals, options) =>
		run(async (context) => (await import("../commands/trust.ts")).benchmarkTrust(id, evals, options, context)),
	);
}

/** `--all` says in a word what no ids say in silence. */
function chosen(ids: readonly string[], { all }: { readonly all?: boolean }): readonly string[] {
	if (all && ids.length > 0) throw new InvalidArgumentError("Name benchmarks, or say --all, not both.");
	return ids;
}

function seconds(text: string): number {
	const value = Number(text);
	if (Number.isFinite(value) && value > 0 && value <= 86_400) return value;
	throw new InvalidArgumentError("It is a number of seconds, at most 86400.");
}

function count(text: string): number {
	const value = Number(text);
	if (Number.isInteger(value) && value >= 1 && value <= 64) return value;
	throw new InvalidArgumentError("It is a whole number from 1 to 64.");
}
