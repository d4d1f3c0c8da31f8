import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { digestText } from "../io/files/digest-tree.ts";
import { listDirectory } from "../io/files/list-directory.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { noteTree } from "../io/files/tree-notes.ts";
import { renamePath } from "../io/files/write-new.ts";
import { removeFile, writeNote } from "../io/files/write-note.ts";
import type { ResetMode } from "../schema/workspace-entry.ts";
import { AttemptWorkspace } from "./attempt-workspace.ts";
import type { BaseParts, WorkDirectory } from "./base-parts.ts";
import type { PreparedBase, RepositoryRecord, TestWorkspace, WorkspaceTest, WorkspaceWarning } from "./contract.ts";
import { relocated } from "./extension-state.ts";
import { runAfter, type StageRunner } from "./run-stage.ts";
import { keptMark } from "./sweep-workspaces.ts";
import { staged, WorkspaceError, warned } from "./workspace-error.ts";

export class WorkspaceBase implements PreparedBase {
	readonly parts: BaseParts;
	readonly #isShared: boolean;
	/** Directories that tests have finished with. */
	readonly #free: WorkDirectory[] = [];
	#shared: WorkDirectory | undefined;
	/** Resolves when the shared directory is free. */
	#turn: Promise<void> = Promise.resolve();
	#kept = false;
	/** Open workspaces; each resolves when it is closed. */
	readonly #open = new Set<Promise<void>>();

	constructor(parts: BaseParts) {
		this.parts = parts;
		this.#isShared = parts.runner.spec.workspace?.isolation !== "per_test";
	}

	get repositories(): readonly RepositoryRecord[] {
		return this.parts.repositories;
	}

	get concurrency(): number {
		return this.#isShared ? 1 : Number.POSITIVE_INFINITY;
	}

	async open(test: WorkspaceTest): Promise<TestWorkspace> {
		const { runner, pristine } = this.parts;
		const { signal } = runner.services;
		if (this.isLost()) {
			const message = `the pristine copy of the workspace is gone: ${pristine.root}`;
			throw new WorkspaceError("workspace", "workspace-gone", message, { causedBy: "agent" });
		}
		if (!this.#isShared) {
			const directory = await staged("copy", () => this.#ownDirectory(test));
			const state = relocated(this.parts.state, this.parts.path, directory.path);
			const closed = this.#opened();
			return new AttemptWorkspace(this.parts, directory, test, state, async (keep) => {
				try {
					await this.#release(directory, keep);
				} finally {
					closed();
				}
			});
		}
		const done = await this.#waitTurn();
		try {
			if (signal.aborted) throw new AgentvError("interrupted", "waiting for the workspace was interrupted");
			const directory = await staged("reset", () => this.#sharedDirectory());
			const closed = this.#opened();
			return new AttemptWorkspace(this.parts, directory, test, this.parts.state, async (keep) => {
				try {
					if (keep) this.#keep(directory);
				} finally {
					closed();
					done();
				}
			});
		} catch (error) {
			done();
			throw error;
		}
	}

	isLost(): boolean {
		const { pristine, store } = this.parts;
		return !pristine.exists() || !store.exists();
	}

	async idle(): Promise<void> {
		await Promise.all(this.#open);
	}

	/** Counts a workspace as open until the returned function is called. */
	#opened(): () => void {
		let close: (() => void) | undefined;
		const open = new Promise<void>((resolve) => {
			close = resolve;
		});
		this.#open.add(open);
		return () => {
			this.#open.delete(open);
			close?.();
		};
	}

	/** Waits until the shared directory is free; the returned function releases it. */
	async #waitTurn(): Promise<() => void> {
		const before = this.#turn;
		let done: (() => void) | undefined;
		this.#turn = new Promise((resolve) => {
			done = resolve;
		});
		await before;
		return () => done?.();
	}

	/** Returns a directory for one test: a reset one, which costs a tenth, else a new copy. */
	async #ownDirectory(test: WorkspaceTest): Promise<WorkDirectory> {
		const { home, pristine, rules, runner } = this.parts;
		const { signal } = runner.services;
		const path = freePath(home, test);
		const used = this.#free.pop();
		if (used) {
			try {
				// A unique name: leftover processes of an earlier test that write to its paths don't reach
				// this one.
				renamePath(used.path, path);
				return { path, clean: await pristine.reset(path, used.clean, "strict", rules, signal), isClean: true };
			} catch (error) {
				if (signal.aborted) throw error;
				// A test can leave what can't be cleaned up, such as a mounted file system: use another
				// directory.
				runner.services.log?.("reset", "agentv", `a used workspace could not be reset: ${String(error)}`);
			}
		}
		const fresh = freePath(home, test);
		try {
			return { path: fresh, clean: await pristine.copyTo(fresh, signal), isClean: true };
		} catch (error) {
			await removeTree(fresh);
			throw error;
		}
	}

	async #sharedDirectory(): Promise<WorkDirectory> {
		const { path, pristine, rules, runner } = this.parts;
		const { signal } = runner.services;
		const mode = resetMode(runner);
		if (this.#shared?.isLost) {
			await removeTree(path);
			this.#shared = { path, clean: await pristine.copyTo(path, signal), isClean: true };
		} else if (!this.#shared) this.#shared = { path, clean: await noteTree(path, signal), isClean: true };
		else if (mode === "none") this.#shared.isClean = false;
		else this.#shared.clean = await pristine.reset(path, this.#shared.clean, mode, rules, signal);
		return this.#shared;
	}

	async #release(directory: WorkDirectory, keep: boolean): Promise<void> {
		if (keep) return this.#keep(directory);
		if (!directory.isLost) this.#free.push(directory);
		else await removeTree(directory.path);
	}

	/** Also noted next to the directory, so that it stays after a crash. */
	#keep({ path }: WorkDirectory): void {
		// What the agent removed can't be kept.
		if (pathKind(path) === "missing") return;
		this.#kept = true;
		writeNote(`${path}${keptMark}`, "");
	}

	async close(): Promise<readonly WorkspaceWarning[]> {
		const { runner, home, path, state, processes } = this.parts;
		const subject = { workspacePath: path, testId: "__after_all__", runId: runner.services.runId };
		const { warnings } = await runAfter(runner, "afterAll", { subject, scope: processes }, state);
		const tidied = await warned("clean_up", async () => {
			await runner.hosts.end();
			await this.#remove(home);
		});
		return [...warnings, ...tidied];
	}

	/** Keeps kept workspaces, and the object stores that they borrow from. */
	async #remove(home: string): Promise<void> {
		if (!this.#kept) return removeTree(home);
		const ours = ["changes.git", "rules", "pristine", "patches", ...(this.#isShared ? [] : ["base"])].map((name) =>
			join(home, name),
		);
		const marks = listDirectory(home).filter((name) => name.endsWith(keptMark));
		for (const path of [...ours, ...this.#free.map((directory) => directory.path)]) await removeTree(path);
		for (const mark of marks) removeFile(join(home, mark));
	}
}

/** Returns how to reset a shared workspace before each test: from the first hook that sets it. */
function resetMode({ spec }: StageRunner): ResetMode {
	const all = [spec.workspace?.hooks, spec.targetHooks];
	const resets = (["afterEach", "beforeEach", "beforeAll"] as const).flatMap((name) =>
		all.flatMap((hooks) => hooks?.[name]?.reset ?? []),
	);
	return resets[0] ?? "fast";
}

/** Doesn't depend on the test's id, which can be any text. */
function freePath(home: string, test: WorkspaceTest): string {
	const digest = digestText(JSON.stringify([test.id, test.target, test.attempt])).slice(0, 16);
	for (let count = 1; ; count++) {
		const path = join(home, count === 1 ? `w-${digest}` : `w-${digest}-${count}`);
		if (pathKind(path) === "missing") return path;
	}
}
