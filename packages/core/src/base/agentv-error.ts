import type { Diagnostic } from "./diagnostic.ts";

/**
 * Why AgentV failed. The entry point maps the code to an exit code:
 * `usage`, `config` and `not-found` exit 2, `refused` and `failed` exit 1, `not-runnable` exits 4,
 * `interrupted` 130, `internal` 3.
 */
export type ErrorCode =
	| "usage"
	| "config"
	| "not-found"
	| "refused"
	| "failed"
	| "not-runnable"
	| "interrupted"
	| "internal";

export interface AgentvErrorOptions {
	/** What the user can do, as one sentence. */
	readonly hint?: string;
	readonly cause?: unknown;
	/** Source locations of the failure; printed with code frames. */
	readonly diagnostics?: readonly Diagnostic[];
}

/** The only error class for expected failures. */
export class AgentvError extends Error {
	override readonly name = "AgentvError";
	readonly code: ErrorCode;
	readonly hint: string | undefined;
	readonly diagnostics: readonly Diagnostic[];

	constructor(code: ErrorCode, message: string, options: AgentvErrorOptions = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.code = code;
		this.hint = options.hint;
		this.diagnostics = options.diagnostics ?? [];
	}
}

export const exitCodes: Readonly<Record<ErrorCode, number>> = {
	usage: 2,
	config: 2,
	"not-found": 2,
	refused: 1,
	failed: 1,
	"not-runnable": 4,
	interrupted: 130,
	internal: 3,
};
