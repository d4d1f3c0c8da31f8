import { type Command, Option } from "commander";
import {
	addAccessChoices,
	addRunChoices,
	type CommandGroup,
	count,
	exporters,
	matrixFormats,
	parent,
	positive,
	type RunCommand,
	runReporters,
	several,
	shard,
	whole,
} from "./options.ts";

/** Adds `agentv eval run`, the default of `agentv eval`. */
export const runCommands: CommandGroup = (program, run) => {
	addRunChoices(parent(program, "eval", "validate and run evals").command("run", { isDefault: true }))
		.description("run evals against their targets and grade the answers (short form: `agentv eval <evals>`)")
		.option("--output <dir>", "directory for the results (default: a new one under .agentv/results/runs)")
		.option("--resume", "resume the last run of these evals (or the run given by --run or --output)")
		.option("--retry-errors", "like --resume, but also retry tests that were not graded")
		.option("--rerun-changed", "with --resume, --retry-errors or --only-missing: rerun tests that changed since")
		.option("--run <run>", "run to resume: a directory, <experiment>/<time> or latest")
		.option("--shard <i/n>", "only shard i of n (combine the results with `agentv results merge`)", shard)
		.option("--only-missing <run>", "only tests without a result in this run (evals need not be given)")
		.option(
			"--rerun-failed <run>",
			"rerun the tests of this run that did not pass, as a new run (evals need not be given)",
		)
		.option("--dry-run", "show what would be run, without running it")
		.addOption(new Option("--reporter <name>", "output format").choices(runReporters).default("text"))
		.option("--json", 'print only {"run_dir", "summary"} as one JSON document')
		.addHelpText(
			"after",
			"\nExit code: 0 all passed, 1 a test below its threshold, 2 wrong usage or configuration, 4 a test was not graded (takes precedence over 1), 130 interrupted.",
		)
		.action((evals, options, command) => {
			const siblings = command.parent?.commands.map((sibling: { name(): string }) => sibling.name()) ?? [];
			return run(async (context) =>
				(await import("../commands/eval-run.ts")).evalRun(evals, { ...options, siblings }, context),
			);
		});
};

export const recordCommand: CommandGroup = (program, run) => {
	addAccessChoices(
		parent(program, "eval", "validate and run evals")
			.command("record")
			.argument("<eval>", "eval file")
			.description("record a target's answers for the replay provider, without grading them")
			.requiredOption("-o, --out <file>", "output file (JSON Lines)")
			.option("--target <name>", "target to record, instead of the eval's own", several)
			.option("--test <glob>", "only tests whose id matches (repeatable)", several)
			.option("--workers <n>", "maximum number of concurrent tests", count)
			.option("--repeat <n>", "number of attempts per test", count),
	).action((file, options) =>
		run(async (context) => (await import("../commands/eval-run.ts")).evalRecord(file, options, context)),
	);
};

export const regradeCommand: CommandGroup = (program, run) => {
	const command = parent(program, "results", "look at the results of runs").command("regrade");
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
		.addOption(new Option("--reporter <name>", "output format").choices(runReporters).default("text"))
		.option("--json", 'print only {"run_dir", "summary"} as one JSON document')
		.addHelpText(
			"after",
			`
Uses the run's recorded answers, transcripts and diffs; rebuilds workspaces for graders that inspect them. A test
whose input, template or repositories changed is not graded; fix its eval, or run it again with \`agentv eval run --rerun-failed\`.

Exit code: 0 all passed, 1 a test below its threshold, 2 wrong usage or configuration, 4 a test was not graded, 130 interrupted.`,
		);
	addAccessChoices(command).action((which, options) =>
		run(async (context) => (await import("../commands/results.ts")).resultsRegrade(which, options, context)),
	);
};

export const mergeCommand: CommandGroup = (program, run) => {
	parent(program, "results", "look at the results of runs")
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
		.action((runs, options) =>
			run(async (context) => (await import("../commands/results.ts")).resultsMerge(runs, options, context)),
		);
};

export const matrixCommand: CommandGroup = (program, run) => {
	addRunChoices(parent(program, "eval", "validate and run evals").command("matrix"))
		.description("print how to run evals in shards: commands, a GitHub Actions matrix or a Kubernetes Job")
		.requiredOption("--shards <n>", "number of shards", count)
		.addOption(new Option("--format <format>", "output format").choices(matrixFormats).default("lines"))
		.option("--output <dir>", "parent directory of the shards' results (default: shards; k8s: /results)")
		.option("--image <image>", "k8s: container image with agentv, a shell and the evals")
		.option("--name <name>", "k8s: name of the Job (default: agentv-<name of the first eval>)")
		.option("--claim <name>", "k8s: PersistentVolumeClaim for the results (default: agentv-results)")
		.option("--secret <name>", "k8s: Secret whose keys become environment variables (repeatable)", several)
		.option("--retries <n>", "k8s: number of retries per shard (default: 3)", whole)
		.option("--parallelism <n>", "k8s: maximum number of concurrent shards (default: all)", count)
		.addHelpText(
			"after",
			`
Checks evals and options like \`agentv eval run --dry-run\`. Merge the shards' results with \`agentv results merge\`.

github: one line of JSON for \`matrix: \${{ fromJSON(…) }}\`: shard, name, tests, output and command of each shard.
k8s: an Indexed Job. Failed tests (exit code 1) are not retried; a shard that ends otherwise is retried and resumes.
lines: one command per shard.`,
		)
		.action((evals, options, command) => {
			const siblings = command.parent?.commands.map((sibling: { name(): string }) => sibling.name()) ?? [];
			return run(async (context) =>
				(await import("../commands/eval-matrix.ts")).evalMatrix(evals, { ...options, siblings }, context),
			);
		});
};

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
		.addOption(new Option("--format <format>", "output format").choices(Object.keys(exporters)).makeOptionMandatory())
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
