import type { Command } from "commander";
import { addTrustChoices, type CommandGroup, parent, type RunCommand, several, timeSpan } from "./options.ts";

/** Adds `agentv bundle` and its subcommands. */
export const bundleCommands: CommandGroup = (program, run) => {
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
		.action((file, options) =>
			run(async (context) => (await import("../commands/bundle.ts")).bundle(file, options, context)),
		);
	bundle
		.command("verify")
		.description("check every file of a bundle against its manifest")
		.argument("<dir>", "bundle")
		.option("--list", "print checksums in the format of `sha256sum --check`, without verifying them")
		.option("--json", "print one JSON document")
		.action((directory, options, command) =>
			run(async (context) =>
				(await import("../commands/bundle.ts")).bundleVerify(
					directory,
					{ ...command.optsWithGlobals(), ...options },
					context,
				),
			),
		);
	bundle
		.command("inspect")
		.description("show a bundle's contents, origin and requirements")
		.argument("<dir>", "bundle")
		.option("--json", "print the manifest")
		.action((directory, options, command) =>
			run(async (context) =>
				(await import("../commands/bundle.ts")).bundleInspect(
					directory,
					{ ...command.optsWithGlobals(), ...options },
					context,
				),
			),
		);
	addTrust(bundle, run);
};

function addTrust(bundle: Command, run: RunCommand): void {
	addTrustChoices(
		bundle
			.command("trust")
			.argument("<dir>", "bundle")
			.argument("[evals...]", "evals in the bundle (default: its eval.yaml)")
			.description("review and allow what a received bundle reads and connects to"),
	).action((directory, evals, options, command) =>
		run(async (context) =>
			(await import("../commands/trust.ts")).bundleTrust(
				directory,
				evals,
				{ ...command.optsWithGlobals(), ...options },
				context,
			),
		),
	);
}

/** Adds `agentv cache …`. */
export const cacheCommands: CommandGroup = (program, run) => {
	parent(program, "cache", "manage cached data")
		.command("prune")
		.description("remove old mirrors, model answers and kept workspaces, and leftovers of killed runs")
		.option(
			"--older-than <age>",
			"only entries unused for at least this long: 90m, 12h, 30d, 2w (default: 30d)",
			timeSpan,
		)
		.option("--all", "all unused entries, regardless of age")
		.option("--dry-run", "list what would be removed, without removing it")
		.option("--json", "print one JSON document")
		.addHelpText(
			"after",
			"\nMirrors are fetched and answers requested again when needed. Entries in use by a running process,\n" +
				"results, bundles and benchmarks are never removed.\n" +
				"Exit code: 0 done, 1 an entry could not be removed.",
		)
		.action((options) =>
			run(async (context) => (await import("../commands/maintenance.ts")).cachePrune(options, context)),
		);
};
