import type { Context } from "../context.ts";
import type { Candidate } from "./candidate.ts";
import type { Position } from "./position.ts";

/** What a completion may know of the machine. */
export type Surroundings = Pick<Context, "env" | "cwd">;

export interface Asked extends Surroundings {
	readonly position: Position;
	/** What is typed of the value. */
	readonly typed: string;
}

/** Names values that a place can take. Each loads what it needs when it is asked. */
export type ValueSource = (asked: Asked) => Promise<readonly Candidate[]>;
