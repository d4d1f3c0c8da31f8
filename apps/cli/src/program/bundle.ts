import { type Command, InvalidArgumentError } from "commander";
import { addTrustChoices, type CommandGroup, type MakeAction, number, several } from "./options.ts";

export const benchmarkCommands: CommandGroup = (program, action) => {
	const benchmark = program.command("benchmark").description("register benchmarks and bring them up to date");
	addList(benchmark, action);
	addAdd(benchmark, action);
	addRemove(benchmark, action);
	addStatus(benchmark, action);
	addSync(benchmark, action);
	addBenchmarkTrust(benchmark, action);
};

const seconds = number("a number of seconds between 0 and 86400", (value) => value > 0 && value <= 86_400);
const count = number("an integer from 1 to 64", (value) => Number.isInteger(value) && value >= 1 && value <= 64);

const json = ["--json", "print one JSON document on stdout"] as const;

function addList(benchmark: Command, action: MakeAction): void {
	benchmark
		.command("list")
		.description("list registered benchmarks and their local state (offline)")
		.option(...json)
		.action(action(async () => (await import("../commands/benchmark.ts")).benchmarkList, "reads"));
}

function addAdd(benchmark: Command, action: MakeAction): void {
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
		.action(action(async () => (await import("../commands/benchmark.ts")).benchmarkAdd));
}

function addRemove(benchmark: Command, action: MakeAction): void {
	benchmark
		.command("remove")
		.argument("<id>", "benchmark id")
		.description("remove a benchmark from the registry (keeps its directory)")
		.option(...json)
		.action(action(async () => (await import("../commands/benchmark.ts")).benchmarkRemove));
}

function addStatus(benchmark: Command, action: MakeAction): void {
	const compare = action(async () => (await import("../commands/benchmark.ts")).benchmarkStatusOf, "reads");
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
		.action((ids, options, command) => compare(chosen(ids, options), options, command));
}

function addSync(benchmark: Command, action: MakeAction): void {
	const sync = action(async () => (await import("../commands/benchmark.ts")).benchmarkSync);
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
		.action((ids, options, command) => sync(chosen(ids, options), options, command));
}

function addBenchmarkTrust(benchmark: Command, action: MakeAction): void {
	addTrustChoices(
		benchmark
			.command("trust")
			.argument("<id>", "benchmark id")
			.argument("[evals...]", "files, directories or globs in the benchmark (default: every eval)")
			.description("review and allow what a synced benchmark's evals read and connect to"),
	).action(action(async () => (await import("../commands/trust.ts")).benchmarkTrust));
}

function chosen(ids: readonly string[], { all }: { readonly all?: boolean }): readonly string[] {
	if (all && ids.length > 0) throw new InvalidArgumentError("Pass either benchmark ids or --all, not both.");
	return ids;
}

export const bundleCommands: CommandGroup = (program, action) => {
	const bundle = program
		.command("bundle")
		.description("pack an eval and everything it needs into a portable directory")
		.argument("<eval>", "eval file")
		.option("-o, --output <dir>", "output directory")
		.option("--benchmark <id>", "resolve the eval's path relative to this benchmark")
		.option("--target <name>", "target to bundle for, instead of the eval's own (repeatable)", several)
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--capture-env", "record the current values of variables, except secrets, as their defaults")
		.option("--pin", "pin repository branches and tags to their current commits")
		.option("--vendor-repos", "include the repositories in the bundle (implies --pin)")
		.option("--include <glob>", "additional files under the eval's directory (repeatable)", several)
		.option(
			"--allow-secret <sha256>",
			"allow a suspected secret, by the SHA-256 prefix shown in the error (repeatable)",
			several,
		)
		.option("--include-outside", "also copy files from outside the repository")
		.option("--archive <file>", "also write the bundle to an archive (.tgz or .zip)")
		.option("--dry-run", "show what would be written, without writing it")
		.option("--force", "overwrite an existing bundle")
		.option("--json", "print one JSON document")
		.addHelpText("after", "\nThe bundle is an ordinary eval directory: `agentv eval run <dir>/eval.yaml`.")
		.action(action(async () => (await import("../commands/bundle.ts")).bundle));
	bundle
		.command("verify")
		.description("check every file of a bundle against its manifest")
		.argument("<dir>", "bundle")
		.option("--list", "print checksums in the format of `sha256sum --check`, without verifying them")
		.option("--json", "print one JSON document")
		.action(action(async () => (await import("../commands/bundle.ts")).bundleVerify, "reads"));
	bundle
		.command("inspect")
		.description("show a bundle's contents, origin and requirements")
		.argument("<dir>", "bundle")
		.option("--json", "print the manifest")
		.action(action(async () => (await import("../commands/bundle.ts")).bundleInspect, "reads"));
	addBundleTrust(bundle, action);
};

function addBundleTrust(bundle: Command, action: MakeAction): void {
	addTrustChoices(
		bundle
			.command("trust")
			.argument("<dir>", "bundle")
			.argument("[evals...]", "evals in the bundle (default: its eval.yaml)")
			.description("review and allow what a received bundle reads and connects to"),
	).action(action(async () => (await import("../commands/trust.ts")).bundleTrust));
}
