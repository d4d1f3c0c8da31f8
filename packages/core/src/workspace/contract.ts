import type { Redactor } from "../base/redact.ts";
import type { Environment } from "../io/environment.ts";
import type { Scratch } from "../io/files/scratch.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { Extension, Hooks, Workspace, WorkspaceRepo } from "../model/eval-types.ts";

/** Takes what a hook or an extension printed, secrets not redacted. `name`: the command line, or the extension's path. */
export type PrintedLog = (stage: WorkspaceStage, name: string, text: string) => void;

/** What tests have in common that share one workspace definition: `workspaceKey` tells whether two are the same. */
export interface WorkspaceSpec {
	/** Absent where an eval has extensions or target hooks only: then the directory is empty at first. */
	readonly workspace?: Workspace | undefined;
	readonly extensions: readonly Extension[];
	/** The target's own hooks: before-hooks run after the workspace's, after-hooks before them. */
	readonly targetHooks?: Hooks | undefined;
	/** Scope of the eval that the tests belong to; its directory is the extensions' `eval_dir`. */
	readonly scope: EvalScope;
}

export interface WorkspaceServices {
	readonly view: DiskView;
	/** The eval's environment: what hooks and extensions inherit. */
	readonly env: Environment;
	/** AgentV's own environment, without `.env` files: what git gets. */
	readonly processEnv: Environment;
	/** Runs hooks: `commandRunner({view, scope, env})`. */
	readonly runCommand: CommandRunner;
	/** `$AGENTV_HOME`, absolute; repositories are cached below it. */
	readonly agentvHome: string;
	/** Directory for this run's workspaces, made if need be; nothing else may write there. Not within the eval's own directories. */
	readonly directory: string;
	/** `eval_run_id` of hooks and extensions. */
	readonly runId: string;
	/** `AGENTV_EXPERIMENT` and `AGENTV_RUN_TIMESTAMP`; `AGENTV_WORKSPACE_PATH` is added. */
	readonly programEnv: Readonly<Record<string, string>>;
	/** Aborted by Ctrl-C: ends what is under way, process groups included. After-hooks still run on `close`, unless it aborts them by its own. */
	readonly signal: AbortSignal;
	/** Takes secrets out of texts: files that hold one are not recorded in a form that hides it. */
	readonly redact?: Redactor | undefined;
	/** The commit that a resumed run got for a repository before: it gets the same again. */
	readonly recordedCommit?: ((repo: WorkspaceRepo) => string | undefined) | undefined;
	/** For what belongs to no attempt: `beforeAll`, `afterAll`, clean-up. */
	readonly log?: PrintedLog | undefined;
}

/** A repository as a run got it; goes into the run's record. */
export interface RepositoryRecord {
	/** Inside the workspace. */
	readonly path: string;
	/** As written, without credentials. */
	readonly repo: string;
	/** Branch, tag or SHA as written; absent: the remote's HEAD. */
	readonly requested?: string;
	/** How many commits before that; absent: none. */
	readonly ancestor?: number;
	/** The full SHA that was checked out. */
	readonly sha: string;
}

/** Prepared once for all tests of a spec: template, repositories, `beforeAll`, `before_all`, baseline commit. */
export interface PreparedBase {
	readonly repositories: readonly RepositoryRecord[];
	/** Whether what workspaces are made from and compared with was removed since. */
	isLost(): boolean;
	/** Resolves when no workspace of it is open. */
	idle(): Promise<void>;
	/** How many tests it can serve at once: 1 for a shared workspace. `open` waits its turn, too. */
	readonly concurrency: number;
	/**
	 * A workspace for one attempt: a copy of the base, or the shared directory, reset to the baseline.
	 * @throws WorkspaceError, AgentvError `interrupted`
	 */
	open(test: WorkspaceTest): Promise<TestWorkspace>;
	/** `afterAll`, `after_all`, then removes everything but the workspaces that were kept. Returns what went wrong. Never rejects. */
	close(): Promise<readonly WorkspaceWarning[]>;
}

export interface WorkspaceTest {
	/** Takes what hooks and extensions of this attempt print. */
	readonly log?: PrintedLog;
	readonly id: string;
	/** From 1. */
	readonly attempt: number;
	/** Tells attempts against different targets apart. */
	readonly target: string;
	/** `case_input` as hooks and extensions get it: the test's input on the wire. */
	readonly input: unknown;
	/** `case_metadata` and `metadata`. */
	readonly metadata: Readonly<Record<string, unknown>>;
	/** Where changes go that are too large for memory, one file a call of `fileChanges`. Default: a directory that the base removes in the end. */
	readonly scratch?: Scratch | undefined;
	/** Ends the before-hooks and extensions of this attempt: the test's own time limit, or Ctrl-C. */
	readonly signal?: AbortSignal | undefined;
}

/** What one attempt works in. Call in this order: `before`, (target), `fileChanges`, (graders), `after`, `close`. */
export interface TestWorkspace {
	/** Absolute real path. */
	readonly path: string;
	/** What extensions returned as `provider_context` so far, `agent_rules_paths` included. */
	readonly providerContext: Readonly<Record<string, unknown>>;
	/** What extensions want in the result's `metadata`, `agent_rules_paths` included. */
	readonly metadata: Readonly<Record<string, unknown>>;
	/**
	 * Extensions' `beforeEach`, `before_each`, snapshot.
	 * @throws WorkspaceError when one of them fails, AgentvError `interrupted`
	 */
	before(): Promise<void>;
	/**
	 * What differs from the snapshot; `undefined` when nothing does. Every new, changed and removed file is in it, nested repositories'
	 * files under their paths; HEAD and the agent's index are not touched.
	 * @throws WorkspaceError; with `causedBy: "agent"` when the directory was removed or replaced
	 */
	fileChanges(): Promise<FileChanges | undefined>;
	/**
	 * Makes the changes that an earlier attempt recorded, in place of asking a target. Call it after `before`; called again, it makes the
	 * other changes instead.
	 * @param patchFile absolute path of what `fileChanges` returned as `patch`
	 * @throws WorkspaceError when they can't be made exactly
	 */
	applyChanges(patchFile: string): Promise<void>;
	/** Extensions' `afterEach`, then `after_each`; also after a failed `before`. Never rejects. */
	after(): Promise<readonly WorkspaceWarning[]>;
	/** Ends what hooks left running and frees the directory, or keeps it for the user to look at. Returns where it was kept. */
	close(options: { readonly keep: boolean }): Promise<string | undefined>;
}

/** What a target did to the files of its workspace. */
export interface FileChanges {
	/**
	 * What graders see, in an order that no file name decides. Files are shown whole as in a unified diff, but a binary or large one by a
	 * line that begins with `#` and says its size and SHA-256.
	 */
	readonly shown: string;
	/**
	 * The same for `git apply`, with the content of all files: the text, or the absolute path of a file that holds it, if it is too
	 * large for memory.
	 */
	readonly patch: { readonly text: string } | { readonly file: string };
}

/** A failed after-hook, or something that could not be tidied up. */
export interface WorkspaceWarning {
	readonly stage: WorkspaceStage;
	/** Short and stable, as `WorkspaceError.reason`. */
	readonly code: string;
	/** A sentence without a full stop. */
	readonly message: string;
}

/** Where in the life of a workspace something happened. */
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
