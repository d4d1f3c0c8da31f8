import type { Command } from "commander";
import { addTrustChoices, type CommandGroup, type MakeAction, several } from "./options.ts";

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
	addTrust(bundle, action);
};

function addTrust(bundle: Command, action: MakeAction): void {
	addTrustChoices(
		bundle
			.command("trust")
			.argument("<dir>", "bundle")
			.argument("[evals...]", "evals in the bundle (default: its eval.yaml)")
			.description("review and allow what a received bundle reads and connects to"),
	).action(action(async () => (await import("../commands/trust.ts")).bundleTrust));
}
