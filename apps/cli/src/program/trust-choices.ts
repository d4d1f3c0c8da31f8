import type { Command } from "commander";
import { several } from "./option-values.ts";

/** Adds the options of `benchmark trust` and `bundle trust`. */
export function addTrustChoices(command: Command): Command {
	return command
		.option("--yes", "skip the confirmation")
		.option("--revoke", "revoke earlier consent")
		.option("--target <name>", "additional target to run against (repeatable)", several)
		.option("--targets <file>", "targets file (overrides all others)")
		.option("--env-file <file>", "load variables from this file (overrides .env files)")
		.option("--json", "print one JSON document on stdout")
		.addHelpText(
			"after",
			`
Variables, hosts and files outside the evals' root must be trusted once; after a sync, only new ones.
Their digests are stored in $AGENTV_HOME/state.

Exit code: 0 everything is trusted, 1 declined, 2 consent is needed but there is no terminal (use --yes).`,
		);
}
