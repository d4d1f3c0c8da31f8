import { basename, join } from "node:path";
import { HeldDirectory } from "../io/files/held-directory.ts";
import { makeDirectories } from "../io/files/make-directories.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { ProcessScope } from "../io/process/process-scope.ts";
import { applyChanges } from "./apply-changes.ts";
import { type BaseParts, type WorkDirectory, whatIsGone } from "./base-parts.ts";
import type { FileChanges, TestWorkspace, WorkspaceTest, WorkspaceWarning } from "./contract.ts";
import { type ExtensionState, withRules } from "./extension-state.ts";
import { changesSince } from "./file-changes.ts";
import { restoreSnapshot } from "./restore-snapshot.ts";
import type { HookSubject } from "./run-hook.ts";
import { endScope, hasStage, runAfter, runBefore } from "./run-stage.ts";
import { takeSnapshot } from "./snapshot.ts";
import { staged, WorkspaceError } from "./workspace-error.ts";

/** One attempt's use of a directory. */
export class AttemptWorkspace implements TestWorkspace {
	readonly path: string;
	readonly #base: BaseParts;
	readonly #directory: WorkDirectory;
	readonly #test: WorkspaceTest;
	readonly #release: (keep: boolean) => Promise<void>;
	readonly #processes: ProcessScope;
	#state: ExtensionState;
	#closed = false;
	#patches = 0;
	#hasApplied = false;

	constructor(
		base: BaseParts,
		directory: WorkDirectory,
		test: WorkspaceTest,
		state: ExtensionState,
		release: (keep: boolean) => Promise<void>,
	) {
		this.path = directory.path;
		this.#processes = new ProcessScope([directory.path]);
		this.#base = base;
		this.#directory = directory;
		this.#test = test;
		this.#state = state;
		this.#release = release;
	}

	get providerContext(): Readonly<Record<string, unknown>> {
		return withRules(this.#state.providerContext, this.#state);
	}

	get metadata(): Readonly<Record<string, unknown>> {
		return withRules(this.#state.metadata, this.#state);
	}

	async before(): Promise<void> {
		const { runner } = this.#base;
		const run = { subject: this.#subject(), scope: this.#processes, signal: this.#signal(), log: this.#test.log };
		this.#state = await runBefore(runner, "beforeEach", run, this.#state);
		const directory = this.#directory;
		directory.held?.release();
		directory.held = new HeldDirectory(this.path);
		const touched = !directory.isClean || hasStage(runner.spec, "beforeEach");
		directory.snapshot = await staged("snapshot", () =>
			takeSnapshot(this.path, { clean: directory.clean, touched, previous: directory.snapshot }, this.#changes()),
		);
	}

	async fileChanges(): Promise<FileChanges | undefined> {
		const { snapshot } = this.#directory;
		if (!snapshot) return undefined;
		this.#refuseIfGone();
		try {
			return await staged("file_changes", () => changesSince(snapshot, this.path, this.#changes()));
		} catch (error) {
			// It, or its baseline, can have vanished meanwhile.
			this.#refuseIfGone();
			throw error;
		}
	}

	async applyChanges(patchFile: string): Promise<void> {
		const { snapshot } = this.#directory;
		await staged("workspace", async () => {
			if (snapshot && this.#hasApplied) await restoreSnapshot(snapshot, this.path, this.#changes());
			this.#hasApplied = true;
			await applyChanges(patchFile, this.path, this.#changes());
		});
	}

	/**
	 * @throws WorkspaceError if the target removed or replaced the directory, or our files next to it
	 */
	#refuseIfGone(): void {
		const { pristine, store } = this.#base;
		const lost =
			whatIsGone(this.#directory) ?? (pristine.exists() && store.exists() ? undefined : "its baseline is gone");
		if (lost === undefined) return;
		throw new WorkspaceError("workspace", "workspace-gone", `the workspace ${this.path} can't be graded: ${lost}`, {
			causedBy: "agent",
		});
	}

	async after(): Promise<readonly WorkspaceWarning[]> {
		// Also while the run is being stopped: after-hooks must undo what before-hooks set up.
		const run = { subject: this.#subject(), scope: this.#processes, log: this.#test.log };
		const { state, warnings } = await runAfter(this.#base.runner, "afterEach", run, this.#state);
		this.#state = state;
		return warnings;
	}

	async close({ keep }: { readonly keep: boolean }): Promise<string | undefined> {
		if (this.#closed) return undefined;
		this.#closed = true;
		for (const { message } of await endScope(this.#processes, "hooks and extensions"))
			this.#base.runner.services.log?.("clean_up", "agentv", message);
		const directory = this.#directory;
		directory.isLost = whatIsGone(directory) !== undefined;
		directory.held?.release();
		directory.held = undefined;
		try {
			await this.#release(keep);
		} catch (error) {
			// An agent can remove the surroundings of its workspace at any moment: that ends its own
			// attempt, not the run.
			const message = `the workspace ${this.path} could not be closed: ${String(error)}`;
			this.#base.runner.services.log?.("clean_up", "agentv", message);
		}
		return keep && pathKind(this.path) === "directory" ? this.path : undefined;
	}

	#subject(): HookSubject {
		const { id, input, metadata } = this.#test;
		return { workspacePath: this.path, testId: id, runId: this.#base.runner.services.runId, input, metadata };
	}

	#signal(): AbortSignal {
		const { signal } = this.#base.runner.services;
		return this.#test.signal ? AbortSignal.any([signal, this.#test.signal]) : signal;
	}

	#changes() {
		const { pristine, store, rules, runner, home } = this.#base;
		const { signal, redact } = runner.services;
		const patchFile = () => {
			const directory = this.#test.scratch?.make() ?? join(home, "patches");
			makeDirectories(directory);
			this.#patches += 1;
			return join(directory, `changes-${basename(this.path)}-${this.#patches}.diff`);
		};
		// Not the test's own time limit: a target's changes up to then count.
		return { pristine, store, rules, patchFile, redact, signal };
	}
}
