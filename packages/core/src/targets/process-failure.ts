import { isResourceCode } from "../io/files/file-error.ts";
import type { ProcessResult } from "../io/run-process.ts";
import type { TargetFailure } from "./contract.ts";

const longestSaid = 2000;

/** Undefined if the program succeeded. `what` is the subject of the message. */
export function processFailure(result: ProcessResult, what: string): TargetFailure | undefined {
	const said = (result.stderr.trim() || result.stdout.trim()).slice(-longestSaid);
	const saying = said === "" ? "" : `: ${said}`;
	const failure = (code: string, message: string, retryable: boolean): TargetFailure => ({ code, message, retryable });
	if (result.startError) {
		const notFound = failure("not-found", `${what} could not be started: ${result.startError.message}`, false);
		// Programs are checked before a run: a missing one was removed later.
		return isResourceCode(result.startError.code) ? { ...notFound, causedBy: "machine" } : notFound;
	}
	if (result.timedOut) return failure("timeout", `${what} timed out${saying}`, true);
	if (result.aborted) return failure("interrupted", `${what} was interrupted`, false);
	if (result.signal !== null) return failure("signal", `${what} was ended by ${result.signal}${saying}`, true);
	if (result.exitCode === 0) return undefined;
	const missing = result.exitCode === 126 || result.exitCode === 127;
	return failure("exit-code", `${what} exited with ${result.exitCode}${saying}`, !missing);
}
