import { AgentvError } from "../base/agentv-error.ts";
import type { RowError } from "../schema/result-row.ts";
import { WorkspaceError } from "../workspace/workspace-error.ts";
import type { GivenAnswer } from "./attempt-outcome.ts";

/** Why an attempt could not be run to its end: it becomes an execution error. */
export class AttemptError extends AgentvError {
	readonly row: RowError;
	/** What the target said before it failed: it stays on record, and what it cost is counted. */
	readonly partial: GivenAnswer | undefined;

	constructor({ stage, code, message, causedBy }: RowError, partial?: GivenAnswer) {
		super("not-runnable", message);
		this.row = { stage, code, message, ...(causedBy ? { causedBy } : {}) };
		this.partial = partial;
	}
}

/** Ended by Ctrl-C: nothing is recorded, so that the attempt is run again. */
export function interrupted(): AgentvError {
	return new AgentvError("interrupted", "the run was interrupted");
}

/** What an error means for the attempt. @throws an interruption, and errors that are none of a test's */
export function rowError(error: unknown): RowError {
	if (error instanceof AttemptError) return error.row;
	if (error instanceof WorkspaceError) {
		const causedBy = error.causedBy ?? (error.reason === "disk-full" ? "machine" : undefined);
		return { stage: error.stage, code: error.reason, message: error.message, ...(causedBy ? { causedBy } : {}) };
	}
	if (error instanceof AgentvError && error.code !== "interrupted" && error.code !== "internal")
		return { stage: "run", code: error.code, message: error.message };
	throw error;
}
