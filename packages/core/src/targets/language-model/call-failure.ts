import type { TargetFailure } from "../contract.ts";

/** What the SDK's errors carry, however they are wrapped. */
interface CallError {
	readonly name: string;
	readonly message: string;
	readonly statusCode?: number;
	readonly isRetryable?: boolean;
	readonly responseHeaders?: Readonly<Record<string, string>>;
	readonly responseBody?: string;
	readonly text?: string;
	readonly cause?: unknown;
	readonly lastError?: unknown;
}

const passingCodes = new Set([
	"ECONNRESET",
	"ECONNREFUSED",
	"EPIPE",
	"ETIMEDOUT",
	"UND_ERR_SOCKET",
	"UND_ERR_HEADERS_TIMEOUT",
	"UND_ERR_BODY_TIMEOUT",
	"UND_ERR_CONNECT_TIMEOUT",
]);

/** Says why a call failed and whether it may pass later: 429, 5xx, resets and stalls do; a refused request does not. */
export function callFailure(thrown: unknown, signal: AbortSignal): TargetFailure {
	const error = innermost(thrown);
	if (signal.aborted) {
		const timeout = signal.reason instanceof Error && signal.reason.name === "TimeoutError";
		return {
			code: timeout ? "timeout" : "aborted",
			message: timeout ? "the model did not answer in time" : "the call was stopped",
			retryable: timeout,
		};
	}
	if (error.statusCode !== undefined) return httpFailure(error, error.statusCode);
	if (/NoObjectGenerated|NoOutputGenerated|JSONParse|TypeValidation|InvalidResponse|EmptyResponse/.test(error.name)) {
		return {
			code: "bad-answer",
			message: `the answer could not be read: ${error.message}`,
			retryable: true,
			...(error.text ? { partial: { text: error.text } } : {}),
		};
	}
	const code = systemCode(error);
	if (code !== undefined && passingCodes.has(code))
		return { code: "network", message: `the connection failed (${code})`, retryable: true };
	return {
		code: code ?? "call-failed",
		message: error.message || "the call failed",
		retryable: error.isRetryable === true || /fetch failed|socket hang up|terminated/i.test(error.message),
	};
}

function innermost(thrown: unknown): CallError {
	const error = thrown as CallError;
	return error.name === "AI_RetryError" && error.lastError ? innermost(error.lastError) : error;
}

function httpFailure(error: CallError, status: number): TargetFailure {
	const wait = retryAfter(error.responseHeaders);
	return {
		code: `http-${status}`,
		message: `the server answered ${status}: ${error.message}`,
		retryable: status === 408 || status === 409 || status === 429 || status >= 500 || status === 200,
		status,
		...(wait === undefined ? {} : { retryAfterMs: wait }),
	};
}

/** `Retry-After` in milliseconds: seconds, an HTTP date, or the `-ms` form some servers send. */
function retryAfter(headers: Readonly<Record<string, string>> | undefined): number | undefined {
	const exact = Number(headers?.["retry-after-ms"]);
	if (Number.isFinite(exact) && headers?.["retry-after-ms"] !== undefined) return exact;
	const text = headers?.["retry-after"];
	if (text === undefined) return undefined;
	const seconds = Number(text);
	if (Number.isFinite(seconds)) return seconds * 1000;
	const date = Date.parse(text);
	return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

function systemCode(error: CallError): string | undefined {
	let current: unknown = error;
	for (let depth = 0; depth < 5 && typeof current === "object" && current !== null; depth += 1) {
		const code = (current as { code?: unknown }).code;
		if (typeof code === "string") return code;
		current = (current as { cause?: unknown }).cause;
	}
	return undefined;
}
