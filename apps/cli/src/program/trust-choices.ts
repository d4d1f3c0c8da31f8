import type { Command } from "commander";
import { several } from "./option-values.ts";

/** The options of `benchmark trust` and `bundle trust`. */
export function addTrustChoices(command: Command): Command {
	return command
		.option("--yes", "consent without being asked")
		.option("--revoke", "forget the consent given before")
		.option("--target <name>", "a target that they will run against in addition to their own (repeatable)", several)
		.option("--targets <file>", "a targets file that overrides all others")
		.option("--env-file <file>", "variables that count before those of .env files")
		.option("--json", "print one JSON document on stdout")
		.addHelpText(
			"after",
			`
Each variable, host and file outside the evals' root must be trusted once; after a sync, only new ones.
AgentV keeps digests of them in $AGENTV_HOME/state.

Exit code: 0 everything is trusted, 1 you declined, 2 something is new and there is no terminal to ask on (use --yes).`,
		);
}
