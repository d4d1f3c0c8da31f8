import { AgentvError } from "../../base/agentv-error.ts";
import { answerTooLong, impossibleStatus } from "../../io/post-http.ts";
import { tooLarge } from "../answer-limits.ts";
import type { TargetFailure } from "../contract.ts";
import { retryAfterMs } from "./retry-after.ts";

/** Fields of the SDK's errors. */
interface CallError {
	readonly name: string;
	readonly message: string;
	readonly statusCode?: number;
	readonly responseHeaders?: Readonly<Record<string, string>>;
	readonly cause?: unknown;
}

/** Codes of broken or failed connections, which can succeed later. */
const passingCodes = new Set([
	"ECONNRESET",
	"ECONNREFUSED",
	"ECONNABORTED",
	"EPIPE",
	"ETIMEDOUT",
	"EAI_AGAIN",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"UND_ERR_SOCKET",
	"UND_ERR_HEADERS_TIMEOUT",
	"UND_ERR_BODY_TIMEOUT",
	"UND_ERR_CONNECT_TIMEOUT",
	"UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
]);
const longestMessage = 2000;
const ofServer = { causedBy: "provider", retryable: true } as const;

/** Retries can help for 429, 5xx, resets and stalls, but not for a rejected request. */
export function callFailure(thrown: unknown, signal: AbortSignal): TargetFailure {
	if (signal.aborted) return stopped(signal);
	const error = thrown as CallError;
	const status = error.statusCode;
	// A truncated body is an SDK error with its original status: the actual problem is its cause.
	if (status !== undefined && (status < 200 || status > 299)) return httpFailure(error, status);
	const code = systemCode(error);
	if (code !== undefined && passingCodes.has(code))
		return { ...ofServer, code: "network", message: `the connection failed (${code})` };
	if (code === answerTooLong) return tooLarge(`could not be parsed: ${deepest(error)}`);
	if (code === impossibleStatus || code?.startsWith("HPE_"))
		return { ...ofServer, code: "bad-answer", message: `the server's response could not be parsed: ${deepest(error)}` };
	const network = code === undefined && /fetch failed|socket hang up|terminated|other side closed/i.test(error.message);
	if (network) return { ...ofServer, code: "network", message: `the connection failed: ${deepest(error)}` };
	// The SDK throws its own TypeError for responses of the right shape with wrong content.
	const stumbled = thrown instanceof TypeError && code === undefined;
	if (
		stumbled ||
		status !== undefined ||
		/JSONParse|TypeValidation|InvalidResponse|EmptyResponse|NoContent/.test(error.name)
	)
		return { ...ofServer, code: "bad-answer", message: `the server's response could not be parsed: ${said(error)}` };
	if (/Unsupported|InvalidPrompt|InvalidArgument/.test(error.name))
		return { code: "unsupported", message: said(error), retryable: false };
	if (thrown instanceof AgentvError) return { code: thrown.code, message: said(error), retryable: false };
	return { code: "call-failed", message: deepest(error), retryable: false };
}

function stopped({ reason }: AbortSignal): TargetFailure {
	const timeout = reason instanceof Error && reason.name === "TimeoutError";
	return timeout
		? { code: "timeout", message: "the model did not respond in time", retryable: true }
		: { code: "interrupted", message: "the call was interrupted", retryable: false };
}

function httpFailure(error: CallError, status: number): TargetFailure {
	const wait = retryAfterMs(error.responseHeaders, Date.now());
	return {
		code: `http-${status}`,
		message: `the server responded with ${status}: ${said(error)}`,
		retryable: status === 408 || status === 409 || status === 425 || status === 429 || status >= 500,
		status,
		causedBy: "provider",
		...(wait === undefined ? {} : { retryAfterMs: wait }),
	};
}

function said({ message }: CallError): string {
	const text = message.trim() || "(no message)";
	return text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
}

/** Returns the first code in an error and its causes. */
function systemCode(error: CallError): string | undefined {
	for (const { code } of causes(error)) if (typeof code === "string") return code;
	return undefined;
}

/** Returns the message of the innermost cause: "fetch failed" alone is useless. */
function deepest(error: CallError): string {
	return said(causes(error).findLast(({ message }) => message) ?? error);
}

function causes(error: CallError): (CallError & { readonly code?: unknown })[] {
	const chain: CallError[] = [];
	for (let current: unknown = error; current instanceof Error && chain.length < 5; current = current.cause)
		chain.push(current);
	return chain;
}
