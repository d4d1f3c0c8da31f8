import type { Command } from "commander";
import type { CommandGroup, RunCommand } from "./command-group.ts";
import { several } from "./option-values.ts";
import { addTrustChoices } from "./trust-choices.ts";

/** `agentv bundle`, and what is done with bundles. */
export const bundleCommands: CommandGroup = (program, run) => {
	const bundle = program
		.command("bundle")
		.description("pack one eval with all it needs into a directory that runs anywhere")
		.argument("<eval>", "eval file")
		.option("-o, --output <dir>", "directory that becomes the bundle")
		.option("--benchmark <id>", "an eval of this benchmark: its path is relative to it")
		.option("--target <name>", "bundle for this target, instead of the eval's own (repeatable)", several)
		.option("--targets <file>", "a targets file that overrides all others")
		.option("--capture-env", "record today's values of variables as their defaults, secrets excepted")
		.option("--pin", "replace branches and tags of repositories by the commit they stand at")
		.option("--vendor-repos", "put the repositories into the bundle; implies --pin")
		.option("--include <glob>", "further files below the eval's directory (repeatable)", several)
		.option(
			"--allow-secret <sha256>",
			"let pass what looks like a secret: the digits that the refusal names (repeatable)",
			several,
		)
		.option("--include-outside", "copy files from outside of the repository, too")
		.option("--archive <file>", "also write the bundle as one file, .tgz or .zip")
		.option("--dry-run", "print what would be written, and write nothing")
		.option("--force", "replace a former bundle")
		.option("--json", "print one JSON document")
		.addHelpText("after", "\nThe bundle is an ordinary eval directory: `agentv eval run <dir>/eval.yaml`.")
		.action((file, options) =>
			run(async (context) => (await import("../commands/bundle.ts")).bundle(file, options, context)),
		);
	bundle
		.command("verify")
		.description("check every file of a bundle against its manifest")
		.argument("<dir>", "bundle")
		.option("--list", "print the files as `sha256sum --check` reads them, and check nothing")
		.option("--json", "print one JSON document")
		.action((directory, options, command) =>
			run(async (context) =>
				(await import("../commands/bundle-verify.ts")).bundleVerify(
					directory,
					{ ...command.optsWithGlobals(), ...options },
					context,
				),
			),
		);
	bundle
		.command("inspect")
		.description("show what a bundle holds, where it came from and what it needs")
		.argument("<dir>", "bundle")
		.option("--json", "print the manifest")
		.action((directory, options, command) =>
			run(async (context) =>
				(await import("../commands/bundle-inspect.ts")).bundleInspect(
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
			.argument("[evals...]", "evals in it that are not its own eval.yaml")
			.description("show what a received bundle reads and reaches, and let it"),
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
