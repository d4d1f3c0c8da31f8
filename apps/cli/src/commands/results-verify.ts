import { resolve } from "node:path";
import { AgentvError, resolveRun, verifyRun } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { verifyJson } from "../report/verify-json.ts";
import { verifyText } from "../report/verify-text.ts";
import { shownDirectory } from "../run/summary-text.ts";
import { colorsFor } from "../terminal/colors.ts";

export interface ResultsVerifyOptions {
	readonly json?: boolean;
	readonly printDigest?: boolean;
	readonly allowedSigners?: string;
	readonly signer?: string;
}

/** Checks that a run's records agree with each other and with grading its recorded answers again. */
export async function resultsVerify(
	which: string,
	{ json, printDigest, allowedSigners, signer }: ResultsVerifyOptions,
	context: Context,
): Promise<CommandResult> {
	if (signer !== undefined && allowedSigners === undefined)
		throw new AgentvError("usage", "--signer requires --allowed-signers FILE");
	const { env, signal } = context;
	const directory = resolveRun(which, context);
	const demand = allowedSigners && { allowedSigners: resolve(context.cwd, allowedSigners), signer, env, signal };
	const verified = await verifyRun(directory, { signal, env, ...(demand ? { signature: demand } : {}) });
	const agrees = verified.differences.length === 0;
	if (printDigest && agrees && !json) return { text: `${verified.digest}\n`, exitCode: 0 };
	const text = json
		? verifyJson(verified)
		: verifyText(verified, shownDirectory(directory, context.cwd), colorsFor(context.stdout));
	return { text, exitCode: agrees ? 0 : 1 };
}
