import { type Command, Option } from "commander";
import { exportFormats } from "./choices.ts";
import type { CommandGroup, RunCommand } from "./command-group.ts";
import { parent } from "./command-group.ts";
import { count, several, whole } from "./option-values.ts";

/** What is done with finished runs: `agentv results …`. */
export const resultsCommands: CommandGroup = (program, run) => {
	const results = parent(program, "results", "look at the results of runs");
	results
		.command("list")
		.description("list runs, newest first")
		.option("--limit <n>", "how many", count, 20)
		.option("--offset <n>", "how many to pass by", whole, 0)
		.option("--experiment <name>", "only this experiment's")
		.option("--json", "print one JSON document")
		.action((options) =>
			run(async (context) => (await import("../commands/results-list.ts")).resultsList(options, context)),
		);
	results
		.command("show")
		.argument("[run]", "a directory, <experiment>/<time> or latest", "latest")
		.description("show a run's tests and failures")
		.option("--test <glob>", "only tests whose id matches (repeatable)", several)
		.option("--json", "print one JSON document")
		.action((which, options) =>
			run(async (context) => (await import("../commands/results-show.ts")).resultsShow(which, options, context)),
		);
	results
		.command("compare")
		.argument("<before>", "the run to compare with: a directory, <experiment>/<time>, run id or latest")
		.argument("<after...>", "the runs to compare with it")
		.description("compare runs, test by test, where their fingerprints say that they can be compared")
		.addOption(
			new Option("--vary <parts...>", "parts of the fingerprint that are meant to differ").choices([
				...["test", "graders", "workspace", "hooks", "target"],
			]),
		)
		.addOption(new Option("--fail-on <finding>", "exit 1 where a run is shown to be worse").choices(["regression"]))
		.option("--allow-incomparable", "with --fail-on: let it pass where no test can be compared")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nExit code: 0 compared, 1 a regression with --fail-on, 2 wrong usage, or --fail-on with nothing to compare.",
		)
		.action((before, after, options) =>
			run(async (context) =>
				(await import("../commands/results-compare.ts")).resultsCompare([before, ...after], options, context),
			),
		);
	recordCommands(results, run);
};

/** What is done with one run's records. */
function recordCommands(results: Command, run: RunCommand): void {
	results
		.command("export")
		.argument("[run]", "a directory, <experiment>/<time> or latest", "latest")
		.description("write a run as one document")
		.addOption(new Option("--format <format>", "of the document").choices(exportFormats).makeOptionMandatory())
		.option("--output <file>", "write it there instead of to stdout")
		.action((which, options) =>
			run(async (context) => (await import("../commands/results-export.ts")).resultsExport(which, options, context)),
		);
	results
		.command("verify")
		.argument("[run]", "a directory, <experiment>/<time> or latest", "latest")
		.description("judge a run's recorded answers again and add everything up anew: does it agree with its records?")
		.option("--print-digest", "print the run's digest alone if all agrees, to be noted elsewhere")
		.option("--allowed-signers <file>", "demand a signature by one of these signers, as ssh-keygen reads them")
		.option("--signer <principal>", "with --allowed-signers: only by this one")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nEvery file of the run is compared with its digest. No program and no model is run: graders that need one are counted, and their recorded scores taken over.\nExit code: 0 all agrees, 1 something differs, 2 wrong usage.",
		)
		.action((which, options) =>
			run(async (context) => (await import("../commands/results-verify.ts")).resultsVerify(which, options, context)),
		);
	results
		.command("sign")
		.argument("[run]", "a directory, <experiment>/<time> or latest", "latest")
		.description("sign a run's digest by ssh-keygen: run.sha256.sig in its directory")
		.requiredOption("--key <file>", "a private key, or a public one whose private key ssh-agent holds")
		.action((which, options) =>
			run(async (context) => (await import("../commands/results-sign.ts")).resultsSign(which, options, context)),
		);
}
