import type { Diagnostic } from "./diagnostic.ts";

/**
 * Why AgentV could not go on. The code decides the exit code at the one boundary that prints errors:
 * `usage`, `config` and `not-found` exit 2, `refused` and `failed` exit 1, `not-runnable` exits 4, `interrupted` 130, `internal` 3.
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
	/** What the user can do, one sentence. */
	readonly hint?: string;
	readonly cause?: unknown;
	/** Positioned findings behind the failure; printed with code frames. */
	readonly diagnostics?: readonly Diagnostic[];
}

/** The one error class for "cannot go on": what is wrong (message), what to do (hint), why (cause, diagnostics). */
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

/** The exit code that each error code stands for. */
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
