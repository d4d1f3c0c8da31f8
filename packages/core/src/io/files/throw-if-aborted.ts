import { AgentvError } from "../../base/agentv-error.ts";

/**
 * @throws AgentvError `interrupted`, with what was interrupted (`copying`), once the signal is
 * aborted
 */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
	if (signal?.aborted) throw new AgentvError("interrupted", `${what} was interrupted`, { cause: signal.reason });
}
