import type { Environment } from "../io/environment.ts";
import type { CommandRunner } from "../model/command-runner.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { Extension, Hooks, Workspace, WorkspaceRepo } from "../model/eval-types.ts";

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
	/** The commit that a resumed run got for a repository before: it gets the same again. */
	readonly recordedCommit?: ((repo: WorkspaceRepo) => string | undefined) | undefined;
	/** Called with each line that hooks and extensions print, secrets not masked. */
	readonly log?: ((line: string) => void) | undefined;
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
	readonly id: string;
	/** From 1. */
	readonly attempt: number;
	/** Tells attempts against different targets apart. */
	readonly target: string;
	/** `case_input` as hooks and extensions get it: the test's input on the wire. */
	readonly input: unknown;
	/** `case_metadata` and `metadata`. */
	readonly metadata: Readonly<Record<string, unknown>>;
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
	 * Unified diff of the workspace against the snapshot; `undefined` when nothing changed. New, removed and binary files are in it,
	 * nested repositories' files under their paths; HEAD and the agent's index are not touched.
	 * @throws WorkspaceError
	 */
	fileChanges(): Promise<string | undefined>;
	/** Extensions' `afterEach`, then `after_each`; also after a failed `before`. Never rejects. */
	after(): Promise<readonly WorkspaceWarning[]>;
	/** Ends what hooks left running and frees the directory, or keeps it for the user to look at. Returns where it was kept. */
	close(options: { readonly keep: boolean }): Promise<string | undefined>;
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
