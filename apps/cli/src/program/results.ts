import { type Command, Option } from "commander";
import { type CommandGroup, count, exportFormats, parent, type RunCommand, several, whole } from "./options.ts";

/** Adds `agentv results …`. */
export const resultsCommands: CommandGroup = (program, run) => {
	const results = parent(program, "results", "inspect the results of runs");
	results
		.command("list")
		.description("list runs, newest first")
		.option("--limit <n>", "maximum number of runs", count, 20)
		.option("--offset <n>", "number of runs to skip", whole, 0)
		.option("--experiment <name>", "only runs of this experiment")
		.option("--json", "print one JSON document")
		.action((options) =>
			run(async (context) => (await import("../commands/results.ts")).resultsList(options, context)),
		);
	results
		.command("show")
		.argument("[run]", "run: a directory, <experiment>/<time> or latest", "latest")
		.description("show a run's tests and failures")
		.option("--test <glob>", "only tests whose id matches (repeatable)", several)
		.option("--json", "print one JSON document")
		.action((which, options) =>
			run(async (context) => (await import("../commands/results.ts")).resultsShow(which, options, context)),
		);
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
		.action((before, after, options) =>
			run(async (context) =>
				(await import("../commands/results.ts")).resultsCompare([before, ...after], options, context),
			),
		);
	recordCommands(results, run);
};

function recordCommands(results: Command, run: RunCommand): void {
	results
		.command("export")
		.argument("[run]", "run: a directory, <experiment>/<time> or latest", "latest")
		.description("export a run as one document")
		.addOption(new Option("--format <format>", "output format").choices(exportFormats).makeOptionMandatory())
		.option("--output <file>", "write to a file instead of stdout")
		.action((which, options) =>
			run(async (context) => (await import("../commands/results-export.ts")).resultsExport(which, options, context)),
		);
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
		.action((which, options) =>
			run(async (context) => (await import("../commands/results.ts")).resultsVerify(which, options, context)),
		);
	results
		.command("sign")
		.argument("[run]", "run: a directory, <experiment>/<time> or latest", "latest")
		.description("sign a run's digest with ssh-keygen (writes run.sha256.sig to its directory)")
		.requiredOption("--key <file>", "private key, or public key whose private key is in ssh-agent")
		.action((which, options) =>
			run(async (context) => (await import("../commands/results.ts")).resultsSign(which, options, context)),
		);
}
