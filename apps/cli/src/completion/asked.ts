import type { Context } from "../context.ts";
import type { Candidate } from "./candidate.ts";
import type { Position } from "./position.ts";

/** The machine, as far as completion depends on it. */
export type Surroundings = Pick<Context, "env" | "cwd">;

export interface CompletionRequest extends Surroundings {
	readonly position: Position;
	/** The part of the value that has been typed. */
	readonly typed: string;
}

/** Lists possible values. Loads what it needs on demand. */
export type ValueSource = (request: CompletionRequest) => Promise<readonly Candidate[]>;
