import { resolveRun, verifyRun } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { verifyJson } from "../report/verify-json.ts";
import { verifyText } from "../report/verify-text.ts";
import { shownDirectory } from "../run/summary-text.ts";
import { colorsFor } from "../terminal/colors.ts";

/** `agentv results verify`: whether a run's records agree with each other and with what its graders make of the recorded answers. */
export async function resultsVerify(
	which: string,
	{ json }: { readonly json?: boolean },
	context: Context,
): Promise<CommandResult> {
	const directory = resolveRun(which, context);
	const verified = await verifyRun(directory, context.signal);
	const text = json
		? verifyJson(verified)
		: verifyText(verified, shownDirectory(directory, context.cwd), colorsFor(context.stdout));
	return { text, exitCode: verified.differences.length === 0 ? 0 : 1 };
}
