import { resolve } from "node:path";
import { resolveRun, signRun } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { shownDirectory } from "../run/summary-text.ts";

/** Signs the digest of a run with `ssh-keygen`. */
export async function resultsSign(
	which: string,
	{ key }: { readonly key: string },
	context: Context,
): Promise<CommandResult> {
	const directory = resolveRun(which, context);
	const { env, cwd, signal } = context;
	const { digest, file } = await signRun(directory, resolve(cwd, key), { env, signal });
	return { text: `Signed: ${shownDirectory(file, cwd)}\ndigest ${digest}\n`, exitCode: 0 };
}
