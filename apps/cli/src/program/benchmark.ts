import { type Command, InvalidArgumentError } from "commander";
import { addTrustChoices, type CommandGroup, parent, type RunCommand } from "./options.ts";

/** Adds `agentv benchmark …`: the registry, sync and its status. */
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
		.description("list registered benchmarks and their local state (offline)")
		.option(...json)
		.action((options) =>
			run(async (context) => (await import("../commands/benchmark.ts")).benchmarkList(options, context)),
		);
}

function addAdd(benchmark: Command, run: RunCommand): void {
	benchmark
		.command("add")
		.argument("<path-or-git-url>", "local directory or git repository of the benchmark")
		.description("register a benchmark (cloned only with --sync)")
		.option("--id <id>", "benchmark id (default: the last part of the path or URL)")
		.option("--name <name>", "display name (default: the id)")
		.option("--ref <ref>", "branch, tag or full commit SHA (default: the remote's default branch)")
		.option("--path <path>", "directory of the clone (default: $AGENTV_HOME/benchmarks/<id>)")
		.option("--sync", "sync immediately")
		.option(...json)
		.addHelpText(
			"after",
			"\nA plain path is used in place as a local directory unless --ref or --path is given.\n" +
				"Keep credentials in variables: 'https://x-access-token:${{ GITHUB_TOKEN }}@host/…'.",
		)
		.action((location, options) =>
			run(async (context) => (await import("../commands/benchmark.ts")).benchmarkAdd(location, options, context)),
		);
}

function addRemove(benchmark: Command, run: RunCommand): void {
	benchmark
		.command("remove")
		.argument("<id>", "benchmark id")
		.description("remove a benchmark from the registry (keeps its directory)")
		.option(...json)
		.action((id, options) =>
			run(async (context) => (await import("../commands/benchmark.ts")).benchmarkRemove(id, options, context)),
		);
}

function addStatus(benchmark: Command, run: RunCommand): void {
	benchmark
		.command("status")
		.argument("[ids...]", "benchmark ids (default: all)")
		.description("compare benchmarks with their remotes, without changing anything")
		.option("--all", "all benchmarks (default if no ids are given)")
		.option("--offline", "compare with the last fetched state of the remotes")
		.option("--timeout <seconds>", "timeout for each request to a remote", seconds, 60)
		.option("--concurrency <number>", "maximum number of concurrent requests", count, 4)
		.option(...json)
		.addHelpText(
			"after",
			"\nExit code: 0 all were compared; 1 a remote was unreachable or a directory has different contents.",
		)
		.action((ids, options) =>
			run(async (context) =>
				(await import("../commands/benchmark.ts")).benchmarkStatusOf(chosen(ids, options), options, context),
			),
		);
}

function addSync(benchmark: Command, run: RunCommand): void {
	benchmark
		.command("sync")
		.argument("[ids...]", "benchmark ids (default: all that have a source)")
		.description("bring benchmarks up to date with their repositories")
		.option("--all", "all that have a source (default if no ids are given)")
		.option("--dry-run", "show what would change, per test, without changing anything")
		.option("--reset", "accept a force-pushed upstream if no local work would be lost")
		.option("--concurrency <number>", "maximum number of concurrent syncs", count, 3)
		.option("--timeout <seconds>", "timeout for each git command that contacts a remote", seconds, 600)
		.option(...json)
		.addHelpText("after", "\nExit code: 0 everything is up to date; 1 a sync was refused or failed; 130 interrupted.")
		.action((ids, options) =>
			run(async (context) =>
				(await import("../commands/benchmark.ts")).benchmarkSync(chosen(ids, options), options, context),
			),
		);
}

function addTrust(benchmark: Command, run: RunCommand): void {
	addTrustChoices(
		benchmark
			.command("trust")
			.argument("<id>", "benchmark id")
			.argument("[evals...]", "files, directories or globs in the benchmark (default: every eval)")
			.description("review and allow what a synced benchmark's evals read and connect to"),
	).action((id, evals, options) =>
		run(async (context) => (await import("../commands/trust.ts")).benchmarkTrust(id, evals, options, context)),
	);
}

function chosen(ids: readonly string[], { all }: { readonly all?: boolean }): readonly string[] {
	if (all && ids.length > 0) throw new InvalidArgumentError("Pass either benchmark ids or --all, not both.");
	return ids;
}

function seconds(text: string): number {
	const value = Number(text);
	if (Number.isFinite(value) && value > 0 && value <= 86_400) return value;
	throw new InvalidArgumentError("Expected a number of seconds between 0 and 86400.");
}

function count(text: string): number {
	const value = Number(text);
	if (Number.isInteger(value) && value >= 1 && value <= 64) return value;
	throw new InvalidArgumentError("Expected an integer from 1 to 64.");
}
