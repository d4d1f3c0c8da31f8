import type { ProcessResult } from "./run-process.ts";

/** The environment is given as the difference from the helper's own. */
export interface SpawnRequest {
	readonly id: number;
	readonly argv?: readonly string[];
	readonly shell?: string;
	readonly cwd: string;
	readonly set: Readonly<Record<string, string>>;
	readonly unset: readonly string[];
	readonly input?: string | undefined;
	readonly timeoutMs?: number | undefined;
	readonly maxBuffer?: number | undefined;
	readonly spillDir?: string | undefined;
	readonly maxSpill?: number | undefined;
	readonly killGraceMs?: number | undefined;
	readonly leftovers?: "leave" | "end" | undefined;
}

/** Requests: run this, or end that. */
export type ToHelper = { readonly run: SpawnRequest } | { readonly abort: number };

/** Responses: how it ended, or what running it threw. */
export type FromHelper =
	| { readonly id: number; readonly result: ProcessResult }
	| { readonly id: number; readonly error: string; readonly code?: string | undefined };
