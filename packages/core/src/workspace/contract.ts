import type { CommandRunner } from "../eval/command.ts";
import type { EvalScope } from "../eval/discover-evals.ts";
import type { Extension, Hooks, Workspace, WorkspaceRepo } from "../eval/eval-types.ts";
import type { DiskView } from "../eval/source.ts";
import type { ErrorCause } from "../format/run-file.ts";
import { AgentvError, type AgentvErrorOptions } from "../lib/errors.ts";
import type { Redactor } from "../lib/redact.ts";
import type { Scratch } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { errnoCode } from "../machine/files.ts";
import { GitError } from "../machine/git.ts";

/** Secrets are not redacted. @param name the command line, or the extension's path */
export type PrintedLog = (stage: WorkspaceStage, name: string, text: string) => void;

/** Tests share a workspace if their definitions have the same `workspaceKey`. */
export interface WorkspaceSpec {
	/** Absent if an eval only has extensions or target hooks: the directory starts empty. */
	readonly workspace?: Workspace | undefined;
	readonly extensions: readonly Extension[];
	/** Before-hooks run after the workspace's, after-hooks before them. */
	readonly targetHooks?: Hooks | undefined;
	/** Of the tests' eval; its directory is the extensions' `eval_dir`. */
	readonly scope: EvalScope;
}

export interface WorkspaceServices {
	readonly view: DiskView;
	readonly env: Environment;
	/** For git: excludes `.env` files. */
	readonly processEnv: Environment;
	readonly runCommand: CommandRunner;
	/** `$AGENTV_HOME`, absolute; contains the repository cache. */
	readonly agentvHome: string;
	/** Created if missing, used by this run only. Must not be inside the eval's directories. */
	readonly directory: string;
	/** The `eval_run_id` of hooks and extensions. */
	readonly runId: string;
	/** `AGENTV_EXPERIMENT` and `AGENTV_RUN_TIMESTAMP`; `AGENTV_WORKSPACE_PATH` is added. */
	readonly programEnv: Readonly<Record<string, string>>;
	/** Aborted by Ctrl-C. After-hooks still run on `close`, unless it has its own abort. */
	readonly signal: AbortSignal;
	/** Files with a secret are not recorded in a form that hides it. */
	readonly redact?: Redactor | undefined;
	/** Returns the commit that a resumed run must check out again. */
	readonly recordedCommit?: ((repo: WorkspaceRepo) => string | undefined) | undefined;
	/** For output outside attempts: `beforeAll`, `afterAll`, cleanup. */
	readonly log?: PrintedLog | undefined;
}

export interface RepositoryRecord {
	readonly path: string;
	/** As written, without credentials. */
	readonly repo: string;
	/** Branch, tag or SHA as written; absent for the remote's HEAD. */
	readonly requested?: string;
	/** Number of commits before it; absent for 0. */
	readonly ancestor?: number;
	/** The full SHA that was checked out. */
	readonly sha: string;
}

export interface WorkspaceTest {
	readonly log?: PrintedLog;
	readonly id: string;
	/** 1-based. */
	readonly attempt: number;
	readonly target: string;
	/** The `case_input` of hooks and extensions: the test's input in file spelling. */
	readonly input: unknown;
	/** The `case_metadata` and `metadata` of hooks and extensions. */
	readonly metadata: Readonly<Record<string, unknown>>;
	/** For changes that are too large for memory. Default: a directory of the base. */
	readonly scratch?: Scratch | undefined;
	/** Ends this attempt's before-hooks and extensions: the test's own time limit, or Ctrl-C. */
	readonly signal?: AbortSignal | undefined;
}

export interface FileChanges {
	/**
	 * For graders, in an order that file names can't influence. Binary and large files are lines that
	 * begin with `#`, with size and SHA-256.
	 */
	readonly shown: string;
	/** For `git apply`: the text or, if too large for memory, an absolute path. */
	readonly patch: { readonly text: string } | { readonly file: string };
}

export interface WorkspaceWarning {
	readonly stage: WorkspaceStage;
	/** Stable, like `WorkspaceError.reason`. */
	readonly code: string;
	/** A sentence without a full stop. */
	readonly message: string;
}

export type WorkspaceStage =
	| "workspace"
	| "target"
	| "grader"
	| "template"
	| "repositories"
	| "before_all"
	| "baseline"
	| "copy"
	| "reset"
	| "before_each"
	| "snapshot"
	| "file_changes"
	| "after_each"
	| "after_all"
	| "clean_up";

/** The affected tests become execution errors `{stage, code: reason, message}`. */
export class WorkspaceError extends AgentvError {
	/** Present if the tested agent or the machine is the cause. */
	readonly causedBy?: ErrorCause;
	readonly stage: WorkspaceStage;
	/** Stable: `path.symlink-escape`, `exit-code`, `timeout`, `git`, … */
	readonly reason: string;

	constructor(
		stage: WorkspaceStage,
		reason: string,
		message: string,
		{ causedBy, ...options }: AgentvErrorOptions & { readonly causedBy?: ErrorCause } = {},
	) {
		super("not-runnable", message, options);
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
		return new WorkspaceError(stage, reasonOf(error), error.message, { cause: error, hint: error.hint });
	}
	if (errnoCode(error) !== undefined && error instanceof Error) {
		return new WorkspaceError(stage, reasonOf(error), error.message, { cause: error });
	}
	throw error;
}

/** @param run its abort means Ctrl-C; otherwise the test's time limit ended `who` */
export function stoppedError(stage: WorkspaceStage, who: string, run: AbortSignal | undefined): AgentvError {
	if (run === undefined || run.aborted) return new AgentvError("interrupted", `${who} was interrupted`);
	return new WorkspaceError(stage, "timeout", `${who} was ended at the test's time limit`);
}

/** Adds the stage to what `work` throws. */
export async function staged<T>(stage: WorkspaceStage, work: () => T | Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		throw atStage(stage, error);
	}
}

/** Returns what `work` throws as warnings. */
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
