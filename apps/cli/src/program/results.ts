import { type Command, Option } from "commander";
import { exportFormats, runReporters } from "../exporters/formats.ts";
import { addAccessChoices, type CommandGroup, count, type MakeAction, positive, several, whole } from "./options.ts";

export const resultsCommands: CommandGroup = (program, action) => {
	const compare = action(async () => (await import("../commands/results.ts")).resultsCompare, "reads");
	const results = program.command("results").description("inspect the results of runs");
	results
		.command("list")
		.description("list runs, newest first")
		.option("--limit <n>", "maximum number of runs", count, 20)
		.option("--offset <n>", "number of runs to skip", whole, 0)
		.option("--experiment <name>", "only runs of this experiment")
		.option("--json", "print one JSON document")
		.action(action(async () => (await import("../commands/results.ts")).resultsList, "reads"));
	results
		.command("show")
		.argument("[run]", "run: a directory, <experiment>/<time> or latest", "latest")
		.description("show a run's tests and failures")
		.option("--test <glob>", "only tests whose id matches (repeatable)", several)
		.option("--json", "print one JSON document")
		.action(action(async () => (await import("../commands/results.ts")).resultsShow, "reads"));
	results
		.command("compare")
		.argument("<before>", "baseline run: a directory, <experiment>/<time>, run id or latest")
		.argument("<after...>", "runs to compare with the baseline")
		.description("compare runs test by test, if their fingerprints match")
		.addOption(
			new Option("--vary <parts...>", "fingerprint parts that are expected to differ").choices([
				...["test", "graders", "workspace", "hooks", "target"],
			]),
		)
		.addOption(new Option("--fail-on <finding>", "exit 1 if a run is significantly worse").choices(["regression"]))
		.option("--allow-incomparable", "with --fail-on: succeed if no tests are comparable")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nExit code: 0 compared, 1 a regression with --fail-on, 2 wrong usage, or no comparable tests with --fail-on.",
		)
		.action((before, after, options, command) => compare([before, ...after], options, command));
	addRecordCommands(results, action);
	addRegrade(results, action);
	addMerge(results, action);
};

function addRecordCommands(results: Command, action: MakeAction): void {
	results
		.command("export")
		.argument("[run]", "run: a directory, <experiment>/<time> or latest", "latest")
		.description("export a run as one document")
		.addOption(
			new Option("--format <format>", "output format").choices(Object.keys(exportFormats)).makeOptionMandatory(),
		)
		.option("--output <file>", "write to a file instead of stdout")
		.action(action(async () => (await import("../commands/results-export.ts")).resultsExport, "reads"));
	results
		.command("verify")
		.argument("[run]", "run: a directory, <experiment>/<time> or latest", "latest")
		.description("re-grade a run's recorded answers and check the totals against its records")
		.option("--print-digest", "print only the run's digest if everything matches")
		.option(
			"--allowed-signers <file>",
			"require a signature by one of these signers (ssh-keygen's allowed signers file)",
		)
		.option("--signer <principal>", "with --allowed-signers: require this signer")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nCompares every file of the run with its digest. Never runs a program or model: graders that need one keep their recorded scores and are counted.\nExit code: 0 everything matches, 1 something differs, 2 wrong usage.",
		)
		.action(action(async () => (await import("../commands/results.ts")).resultsVerify, "reads"));
	results
		.command("sign")
		.argument("[run]", "run: a directory, <experiment>/<time> or latest", "latest")
		.description("sign a run's digest with ssh-keygen (writes run.sha256.sig to its directory)")
		.requiredOption("--key <file>", "private key, or public key whose private key is in ssh-agent")
		.action(action(async () => (await import("../commands/results.ts")).resultsSign, "reads"));
}

function addRegrade(results: Command, action: MakeAction): void {
	const command = results.command("regrade");
	command
		.argument("[run]", "run: a directory, <experiment>/<time> or latest", "latest")
		.description("grade a run's recorded answers again with the current graders, as a new run without calling targets")
		.option("--grader <name>", "only graders with this name; keeps the other results (repeatable)", several)
		.option("--grader-target <name>", "model for grading, instead of those that evals and targets name")
		.option("--eval <path>", "eval file with the current graders (default: the run's own; repeatable)", several)
		.option("--test <glob>", "only tests whose id matches (repeatable)", several)
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--env-file <file>", "load variables from this file (overrides .env files)")
		.option("--output <dir>", "directory for the new run (default: a new one under .agentv/results/runs)")
		.option("--workers <n>", "maximum number of concurrent tests", count)
		.option("--budget-usd <usd>", "stop starting tests once this much is spent (exits 4)", positive)
		.option("--cache", "reuse cached model responses for identical requests")
		.addOption(new Option("--reporter <name>", "output format").choices(Object.keys(runReporters)).default("text"))
		.option("--json", 'print only {"run_dir", "summary"} as one JSON document')
		.addHelpText(
			"after",
			`
Uses the run's recorded answers, transcripts and diffs; rebuilds workspaces for graders that inspect them. A test
whose input, template or repositories changed is not graded; fix its eval, or run it again with \`agentv eval run --rerun-failed\`.

Exit code: 0 all passed, 1 a test below its threshold, 2 wrong usage or configuration, 4 a test was not graded, 130 interrupted.`,
		);
	addAccessChoices(command).action(action(async () => (await import("../commands/results.ts")).resultsRegrade));
}

function addMerge(results: Command, action: MakeAction): void {
	results
		.command("merge")
		.argument("<run...>", "shard runs, plus follow-up runs of missing tests: directories or <experiment>/<time>")
		.description("merge the shards of a run and verify that nothing is missing, duplicated, or from a different run")
		.requiredOption("--output <dir>", "new or empty directory for the merged run")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			`
Lists missing tests; run them with \`agentv eval run --only-missing <dir>\`. Refuses to merge runs that contradict each other.

Exit code: 0 merged and complete, 1 tests are missing or the runs contradict each other, 2 wrong usage.`,
		)
		.action(action(async () => (await import("../commands/results.ts")).resultsMerge, "reads"));
}
