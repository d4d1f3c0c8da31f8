import { type Command, Option } from "commander";
import { matrixFormats, runReporters, validationFormats } from "../exporters/formats.ts";
import {
	addAccessChoices,
	addRunChoices,
	type CommandGroup,
	count,
	type MakeAction,
	several,
	shard,
	whole,
} from "./options.ts";

export const evalCommands: CommandGroup = (program, action) => {
	const evals = program.command("eval").description("validate and run evals");
	addValidate(evals, action);
	addRun(evals, action);
	addMatrix(evals, action);
	addRecord(evals, action);
};

function siblingsOf(command: Command): string[] {
	return command.parent?.commands.map((sibling) => sibling.name()) ?? [];
}

function addValidate(evals: Command, action: MakeAction): void {
	evals
		.command("validate")
		.argument("[evals...]", "eval files, directories, globs; !pattern subtracts")
		.description("check that evals are valid, self-contained and portable")
		.option("--fix", "apply safe fixes in place")
		.option("--dry-run", "with --fix: print the changes as a diff, without writing them")
		.option("--migrate", "migrate deprecated fields to their current names")
		.option("--pin", "pin workspace repositories to the current commits of their remotes")
		.addOption(new Option("--format <format>", "output format").choices(Object.keys(validationFormats)).default("text"))
		.option("--strict", "treat warnings as errors")
		.option("--quiet", "only report failures")
		.option("--rule <id=level>", "set a rule to off, warn or error (repeatable)", several, [])
		.option("--benchmark <id>", "resolve eval paths relative to this benchmark (default: all its evals)")
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--explain <rule>", "explain a rule, with an example and how to fix its findings")
		.addHelpText("after", "\nExit code: 0 no errors, 1 errors (with --strict also warnings), 2 wrong usage.")
		.action(action(async () => (await import("../commands/eval-validate.ts")).evalValidate, "reads"));
}

/** `agentv eval <evals>` is the short form. */
function addRun(evals: Command, action: MakeAction): void {
	const run = action(async () => (await import("../commands/eval-run.ts")).evalRun);
	addRunChoices(evals.command("run", { isDefault: true }))
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
		.addOption(new Option("--reporter <name>", "output format").choices(Object.keys(runReporters)).default("text"))
		.option("--json", 'print only {"run_dir", "summary"} as one JSON document')
		.addHelpText(
			"after",
			"\nExit code: 0 all passed, 1 a test below its threshold, 2 wrong usage or configuration, 4 a test was not graded (takes precedence over 1), 130 interrupted.",
		)
		.action((evals, options, command) => run(evals, { ...options, siblings: siblingsOf(command) }, command));
}

function addMatrix(evals: Command, action: MakeAction): void {
	const run = action(async () => (await import("../commands/eval-run.ts")).evalMatrix, "reads");
	addRunChoices(evals.command("matrix"))
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
		.action((evals, options, command) => run(evals, { ...options, siblings: siblingsOf(command) }, command));
}

function addRecord(evals: Command, action: MakeAction): void {
	addAccessChoices(
		evals
			.command("record")
			.argument("<eval>", "eval file")
			.description("record a target's answers for the replay provider, without grading them")
			.requiredOption("-o, --out <file>", "output file (JSON Lines)")
			.option("--target <name>", "target to record, instead of the eval's own", several)
			.option("--test <glob>", "only tests whose id matches (repeatable)", several)
			.option("--workers <n>", "maximum number of concurrent tests", count)
			.option("--repeat <n>", "number of attempts per test", count),
	).action(action(async () => (await import("../commands/eval-run.ts")).evalRecord));
}
