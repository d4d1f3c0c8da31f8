import { basename, dirname, join } from "node:path";
import { workspacesPlace } from "../eval/run-digest.ts";
import { AgentvError } from "../lib/errors.ts";
import { writeTreeFile } from "../machine/copy-tree.ts";
import { HeldDirectory, makeDirectories, removeEmptyDirectory } from "../machine/directories.ts";
import { directoryEntries, pathKind, removeTree } from "../machine/files.ts";
import { directoryOwner, removeOwnerNote } from "../machine/lock.ts";
import { ProcessScope } from "../machine/process-scope.ts";
import { Openings } from "../machine/read-file.ts";
import { noteTree, type TreeNotes } from "../machine/tree-notes.ts";
import { changedFiles, changesSince } from "./changed-files.ts";
import {
	type FileChanges,
	type RepositoryRecord,
	staged,
	WorkspaceError,
	type WorkspaceTest,
	type WorkspaceWarning,
} from "./contract.ts";
import {
	type ExtensionState,
	endScope,
	type HookSubject,
	hasStage,
	runAfter,
	runBefore,
	type StageRunner,
	withRules,
} from "./hooks.ts";
import { applyChanges } from "./patch.ts";
import {
	type ChangeServices,
	type ChangeStore,
	type FileVersion,
	type IgnoreRules,
	type Pristine,
	readSource,
	type Snapshot,
	takeSnapshot,
} from "./snapshot.ts";

export interface BaseParts {
	readonly runner: StageRunner;
	readonly home: string;
	/** The prepared directory; for a shared workspace the one that tests work in. */
	readonly path: string;
	readonly repositories: readonly RepositoryRecord[];
	readonly state: ExtensionState;
	readonly processes: ProcessScope;
	readonly pristine: Pristine;
	readonly store: ChangeStore;
	readonly rules: IgnoreRules;
}

export interface WorkDirectory {
	readonly path: string;
	/** Taken when the directory was equal to the pristine tree. */
	clean: TreeNotes;
	/** False if hooks requested no reset. */
	isClean: boolean;
	held?: HeldDirectory | undefined;
	isLost?: boolean;
	snapshot?: Snapshot | undefined;
}

function whatIsGone({ path, held }: Pick<WorkDirectory, "path" | "held">): string | undefined {
	const kind = pathKind(path);
	if (kind === "missing") return "the directory is gone";
	if (kind !== "directory") return `a ${kind === "other" ? "special file" : kind} replaced it`;
	return !held || held.isAt(path) ? undefined : "another directory replaced it";
}

/** @throws WorkspaceError for a large file that hooks created */
async function restoreSnapshot(snapshot: Snapshot, root: string, services: ChangeServices): Promise<void> {
	const openings = new Openings();
	try {
		const notes = await noteTree(root, services.signal, openings);
		const changes = await changedFiles(snapshot, notes, root, services, openings);
		for (const { path, after } of changes) if (after) await removeTree(`${root}/${path}`);
		for (const [path, { kind }] of notes)
			if (kind === "other" || (kind === "directory" && snapshot.notes.get(path)?.kind !== "directory"))
				await removeTree(`${root}/${path}`);
		for (const [path, { kind }] of snapshot.notes) if (kind === "directory") makeDirectories(`${root}/${path}`);
		for (const { path, before } of changes)
			if (before) {
				makeDirectories(dirname(`${root}/${path}`));
				writeTreeFile(`${root}/${path}`, await contentOf(path, before, services), before.mode);
			}
	} finally {
		openings.close();
	}
}

async function contentOf(
	path: string,
	{ source, blob, form }: FileVersion,
	{ store }: ChangeServices,
): Promise<Buffer> {
	if (source) return readSource(source);
	if (form !== "large") return store.read(blob);
	throw new WorkspaceError(
		"workspace",
		"changes-not-applicable",
		`${path}, which a hook created, is too large to be restored`,
	);
}

/** Call order: `before`, (target), `fileChanges`, (graders), `after`, `close`. */
export class TestWorkspace {
	/** Absolute real path. */
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

	/** Runs `beforeEach` extensions and hooks, then takes a snapshot. @throws AgentvError */
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

	/**
	 * Returns undefined without changes. Includes nested repositories; doesn't touch HEAD or the
	 * agent's index.
	 * @throws WorkspaceError; with `causedBy: "agent"` if the directory was removed or replaced
	 */
	async fileChanges(): Promise<FileChanges | undefined> {
		const { snapshot } = this.#directory;
		if (!snapshot) return undefined;
		this.#refuseIfGone();
		try {
			return await staged("file_changes", () => changesSince(snapshot, this.path, this.#changes()));
		} catch (error) {
			// The directory, or its baseline, can have vanished meanwhile.
			this.#refuseIfGone();
			throw error;
		}
	}

	/**
	 * Applies an earlier attempt's changes after `before`; another call replaces them.
	 * @param patchFile absolute path of what `fileChanges` returned as `patch`
	 * @throws WorkspaceError if they don't apply exactly
	 */
	async applyChanges(patchFile: string): Promise<void> {
		const { snapshot } = this.#directory;
		await staged("workspace", async () => {
			if (snapshot && this.#hasApplied) await restoreSnapshot(snapshot, this.path, this.#changes());
			this.#hasApplied = true;
			await applyChanges(patchFile, this.path, this.#changes());
		});
	}

	/** @throws WorkspaceError if the target removed the directory, or AgentV's files next to it */
	#refuseIfGone(): void {
		const { pristine, store } = this.#base;
		const lost =
			whatIsGone(this.#directory) ?? (pristine.exists() && store.exists() ? undefined : "its baseline is gone");
		if (lost === undefined) return;
		throw new WorkspaceError("workspace", "workspace-gone", `the workspace ${this.path} can't be graded: ${lost}`, {
			causedBy: "agent",
		});
	}

	/** Runs extensions, then hooks; also after a failed `before`. Never rejects. */
	async after(): Promise<readonly WorkspaceWarning[]> {
		// Also while the run stops: after-hooks must undo what before-hooks set up.
		const run = { subject: this.#subject(), scope: this.#processes, log: this.#test.log };
		const { state, warnings } = await runAfter(this.#base.runner, "afterEach", run, this.#state);
		this.#state = state;
		return warnings;
	}

	/** Ends leftover processes. Returns the path if the workspace is kept. */
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
			// An agent can remove its workspace's surroundings; that must end only its own attempt.
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

/** Suffix of the note next to a workspace that is kept for the user. */
export const keptMark = ".kept";

const sharedStores = "objects";

/** Removes the workspaces of killed runs, except kept ones. Best effort: errors are ignored. */
export async function sweepWorkspaces(agentvHome: string): Promise<void> {
	const place = workspacesPlace(agentvHome);
	for (const [name, kind] of directoryEntries(place) ?? []) {
		const directory = join(place, name);
		if (kind !== "directory" || directoryOwner(directory)?.state !== "dead") continue;
		try {
			for (const [home, homeKind] of directoryEntries(directory) ?? [])
				if (homeKind === "directory") await sweepHome(join(directory, home));
			// Remove it last: without it the directory counts as kept.
			removeOwnerNote(directory);
			removeEmptyDirectory(directory);
		} catch (error) {
			if (!(error instanceof AgentvError)) throw error;
		}
	}
}

async function sweepHome(home: string): Promise<void> {
	const names = [...(directoryEntries(home)?.keys() ?? [])];
	const kept = names.flatMap((name) => (name.endsWith(keptMark) ? [name.slice(0, -keptMark.length)] : []));
	if (kept.length === 0) return removeTree(home);
	for (const name of names) if (name !== sharedStores && !kept.includes(name)) await removeTree(join(home, name));
}
