import type { ErrorCause } from "../format/run-file.ts";
import { AgentvError, type AgentvErrorOptions } from "../lib/errors.ts";
import { errnoCode } from "../machine/files.ts";
import { GitError } from "../machine/git-error.ts";
import type { WorkspaceStage, WorkspaceWarning } from "./contract.ts";

export interface WorkspaceErrorOptions extends AgentvErrorOptions {
	readonly causedBy?: ErrorCause;
}

/** The affected tests become execution errors `{stage, code: reason, message}`. */
export class WorkspaceError extends AgentvError {
	/** Present if the tested agent or the machine is the cause. */
	readonly causedBy?: ErrorCause;
	readonly stage: WorkspaceStage;
	/** Short and stable: `path.symlink-escape`, `exit-code`, `timeout`, `git`, … */
	readonly reason: string;

	constructor(stage: WorkspaceStage, reason: string, message: string, options: WorkspaceErrorOptions = {}) {
		const { causedBy, ...rest } = options;
		super("not-runnable", message, rest);
		if (causedBy) this.causedBy = causedBy;
		this.stage = stage;
		this.reason = reason;
	}

	/** Only if the agent had the workspace to itself; others can have filled the disk. */
	ofAgent(): WorkspaceError {
		if (this.reason === "disk-full") return this;
		return new WorkspaceError(this.stage, this.reason, this.message, { causedBy: "agent", cause: this });
	}
}

/** Keeps an interruption and rethrows unknown errors. */
export function atStage(stage: WorkspaceStage, error: unknown): AgentvError {
	if (error instanceof WorkspaceError) return error;
	if (error instanceof AgentvError) {
		if (error.code === "interrupted") return error;
		const options = { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) };
		return new WorkspaceError(stage, reasonOf(error), error.message, options);
	}
	if (errnoCode(error) !== undefined && error instanceof Error) {
		return new WorkspaceError(stage, reasonOf(error), error.message, { cause: error });
	}
	throw error;
}

/** Returns the error for an aborted `who`: by Ctrl-C, or else by the test's time limit. */
export function stoppedError(stage: WorkspaceStage, who: string, run: AbortSignal | undefined): AgentvError {
	if (run === undefined || run.aborted) return new AgentvError("interrupted", `${who} was interrupted`);
	return new WorkspaceError(stage, "timeout", `${who} was ended at the test's time limit`);
}

/** Runs `work`; what it throws gets the stage. */
export async function staged<T>(stage: WorkspaceStage, work: () => T | Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		throw atStage(stage, error);
	}
}

/** Runs `work` and returns what it threw as warnings. */
export async function warned(stage: WorkspaceStage, work: () => unknown): Promise<WorkspaceWarning[]> {
	try {
		await work();
		return [];
	} catch (error) {
		const at = atStage(stage, error);
		return [{ stage, code: at instanceof WorkspaceError ? at.reason : at.code, message: at.message }];
	}
}

function reasonOf(error: Error): string {
	const system = systemCode(error);
	if (system === "ENOSPC" || system === "EDQUOT") return "disk-full";
	if (error instanceof GitError) return error.reason === "disk-full" ? "disk-full" : "git";
	return error instanceof AgentvError ? error.code : (system?.toLowerCase() ?? "failed");
}

function systemCode(error: unknown): string | undefined {
	return error instanceof AgentvError ? systemCode(error.cause) : errnoCode(error);
}
