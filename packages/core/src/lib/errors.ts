/** Keys and indexes from the root of a parsed document. */
export type DocumentPath = readonly (string | number)[];

/**
 * A location in a source file. It remains (document, path) until it is printed; the document's
 * `locate` turns it into lines and columns. `range` (UTF-16 offsets into the text) is for what has
 * no path: syntax errors, parts of strings.
 */
export interface Place {
	/** Absolute. */
	readonly file: string;
	readonly path?: DocumentPath;
	/** Default `value`. */
	readonly part?: "key" | "value";
	readonly range?: readonly [start: number, end: number];
	/**
	 * 1-based; only for line-oriented files (JSONL), where `path` is relative to that line's value.
	 */
	readonly line?: number;
}

export type Severity = "error" | "warning";

/** A finding. Every reporter (terminal, JSON, SARIF, GitHub, Studio) prints this record. */
export interface Diagnostic {
	/** Stable, such as `path.missing`. */
	readonly rule: string;
	readonly severity: Severity;
	/** One sentence without a full stop; a pure function of `data`. */
	readonly message: string;
	readonly hint?: string;
	readonly at: Place;
	readonly data: Readonly<Record<string, unknown>>;
}

export interface FindingKind<Data extends object> {
	readonly rule: string;
	readonly severity: Severity;
	readonly message: (data: Data) => string;
	readonly hint?: (data: Data) => string | undefined;
}

export function finding<Data extends object>(kind: FindingKind<Data>, data: Data, at: Place): Diagnostic {
	const hint = kind.hint?.(data);
	return {
		rule: kind.rule,
		severity: kind.severity,
		message: kind.message(data),
		...(hint === undefined ? {} : { hint }),
		at,
		data: data as Readonly<Record<string, unknown>>,
	};
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
	return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}

/**
 * The entry point maps the code to an exit code: `usage`, `config` and `not-found` exit 2,
 * `refused` and `failed` exit 1, `not-runnable` exits 4, `interrupted` 130, `internal` 3.
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
	/** One sentence that says what the user can do. */
	readonly hint?: string | undefined;
	readonly cause?: unknown;
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
