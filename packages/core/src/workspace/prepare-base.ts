import { join } from "node:path";
import pLimit from "p-limit";
import { shownCommand } from "../eval/command.ts";
import type { EvalScope } from "../eval/discover-evals.ts";
import { type HookName, hookNames, type WorkspaceRepo } from "../eval/eval-types.ts";
import { wireHookNames } from "../eval/load-workspace.ts";
import { type PathText, resolvePath, resolveWithinReach } from "../eval/read-shape.ts";
import type { DiskView } from "../eval/source.ts";
import type { ResetMode } from "../format/target-file.ts";
import { redactUrl } from "../lib/git-url.ts";
import { copyPreparedTree, type PreparedTree, prepareTree, TreeRefused } from "../machine/copy-tree.ts";
import { listDirectory, makeDirectory, makeTempDir } from "../machine/directories.ts";
import { pathKind, removeTree, throwIfAborted } from "../machine/files.ts";
import { ProcessScope } from "../machine/process-scope.ts";
import { digestText, noteTree } from "../machine/tree-notes.ts";
import { removeFile, renamePath, writeNote } from "../machine/write-file.ts";
import { type BaseParts, keptMark, TestWorkspace, type WorkDirectory } from "./attempt-workspace.ts";
import {
	type RepositoryRecord,
	staged,
	WorkspaceError,
	type WorkspaceServices,
	type WorkspaceSpec,
	type WorkspaceTest,
	type WorkspaceWarning,
	warned,
} from "./contract.ts";
import {
	ExtensionHosts,
	type ExtensionState,
	emptyState,
	endScope,
	extensionsAt,
	hooksAt,
	relocated,
	runAfter,
	runBefore,
	type StageRun,
	type StageRunner,
} from "./hooks.ts";
import { pathWithin } from "./patch.ts";
import { mirrorCommit, type RepositoryServices, repositorySource } from "./repositories.ts";
import { ChangeStore, IgnoreRules, isGitsOwn, makeBaseline, Pristine } from "./snapshot.ts";
import { placeWithSubmodules } from "./submodules.ts";

/**
 * Prepares once what the tests of a spec share.
 * @throws WorkspaceError if a step fails (every test of the spec is then an execution error);
 * AgentvError `interrupted`
 */
export async function prepareWorkspaceBase(spec: WorkspaceSpec, services: WorkspaceServices): Promise<PreparedBase> {
	const home = await staged("template", () => makeTempDir(`${workspaceKey(spec).slice(0, 12)}-`, services.directory));
	const hosts = new ExtensionHosts({ ...services.env, ...spec.workspace?.env, ...services.programEnv });
	const runner: StageRunner = { spec, services, hosts };
	const path = join(home, "base");
	const processes = new ProcessScope([home]);
	const subject = { workspacePath: path, testId: "__before_all__", runId: services.runId };
	const beforeAll: StageRun = { subject, scope: processes, signal: services.signal };
	try {
		const { records: repositories, paths } = await fill(path, spec, services);
		const state = await afterFailure(runner, beforeAll, () => runBefore(runner, "beforeAll", beforeAll, emptyState));
		const pristine = await staged("baseline", () => finish(home, path, spec, services, paths));
		const store = new ChangeStore(join(home, "changes.git"), services.processEnv);
		const rules = new IgnoreRules(pristine, store, join(home, "rules"));
		return new PreparedBase({ runner, home, path, repositories, state, processes, pristine, store, rules });
	} catch (error) {
		await hosts.end();
		for (const { message } of await endScope(processes, "hooks and extensions"))
			services.log?.("clean_up", "agentv", message);
		await removeTree(home);
		throw error;
	}
}

async function fill(path: string, spec: WorkspaceSpec, services: WorkspaceServices): Promise<PlacedRepositories> {
	const { view, signal, agentvHome, processEnv, recordedCommit } = services;
	const { workspace, scope } = spec;
	throwIfAborted(signal, "preparing the workspace");
	await staged("template", async () => {
		makeDirectory(path);
		if (workspace?.template) await placeTemplate(workspace.template, path, { scope, view, signal });
	});
	throwIfAborted(signal, "preparing the workspace");
	const repositoryServices = { scope, view, env: processEnv, agentvHome, signal, recordedCommit };
	return staged("repositories", () => placeRepositories(workspace?.repos ?? [], path, repositoryServices));
}

/** Also copies a shared workspace, to reset it later. */
async function finish(
	home: string,
	path: string,
	spec: WorkspaceSpec,
	services: WorkspaceServices,
	paths: readonly string[],
): Promise<Pristine> {
	throwIfAborted(services.signal, "preparing the workspace");
	const { processEnv: env, signal } = services;
	await makeBaseline(path, { env, signal, repositories: paths, stores: join(home, "objects") });
	if (spec.workspace?.isolation === "per_test") return new Pristine(path);
	return Pristine.of(path, join(home, "pristine"), signal);
}

/** Runs the after-hooks, because a failed `beforeAll` can have succeeded in part. */
async function afterFailure(
	runner: StageRunner,
	run: StageRun,
	work: () => Promise<ExtensionState>,
): Promise<ExtensionState> {
	try {
		return await work();
	} catch (error) {
		const { warnings } = await runAfter(
			runner,
			"afterAll",
			{ ...run, subject: { ...run.subject, testId: "__after_all__" }, signal: undefined },
			emptyState,
		);
		for (const { message } of warnings) runner.services.log?.("clean_up", "agentv", message);
		throw error;
	}
}

export class PreparedBase {
	readonly #parts: BaseParts;
	readonly #isShared: boolean;
	readonly #free: WorkDirectory[] = [];
	#shared: WorkDirectory | undefined;
	#turn: Promise<void> = Promise.resolve();
	#kept = false;
	readonly #open = new Set<Promise<void>>();

	constructor(parts: BaseParts) {
		this.#parts = parts;
		this.#isShared = parts.runner.spec.workspace?.isolation !== "per_test";
	}

	get repositories(): readonly RepositoryRecord[] {
		return this.#parts.repositories;
	}

	/** The maximum number of concurrent tests: 1 for a shared workspace. `open` also waits. */
	get concurrency(): number {
		return this.#isShared ? 1 : Number.POSITIVE_INFINITY;
	}

	/**
	 * Opens a copy of the base, or the reset shared directory, for one attempt.
	 * @throws AgentvError
	 */
	async open(test: WorkspaceTest): Promise<TestWorkspace> {
		const { runner, pristine } = this.#parts;
		const { signal } = runner.services;
		if (this.isLost()) {
			const message = `the pristine copy of the workspace is gone: ${pristine.root}`;
			throw new WorkspaceError("workspace", "workspace-gone", message, { causedBy: "agent" });
		}
		const done = this.#isShared ? await this.#waitTurn() : undefined;
		try {
			if (this.#isShared) throwIfAborted(signal, "waiting for the workspace");
			const directory = this.#isShared
				? await staged("reset", () => this.#sharedDirectory())
				: await staged("copy", () => this.#ownDirectory(test));
			const state = relocated(this.#parts.state, this.#parts.path, directory.path);
			const closed = this.#opened();
			return new TestWorkspace(this.#parts, directory, test, state, async (keep) => {
				try {
					await this.#release(directory, keep);
				} finally {
					closed();
					done?.();
				}
			});
		} catch (error) {
			done?.();
			throw error;
		}
	}

	isLost(): boolean {
		const { pristine, store } = this.#parts;
		return !pristine.exists() || !store.exists();
	}

	async idle(): Promise<void> {
		await Promise.all(this.#open);
	}

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

	async #waitTurn(): Promise<() => void> {
		const before = this.#turn;
		let done: (() => void) | undefined;
		this.#turn = new Promise((resolve) => {
			done = resolve;
		});
		await before;
		return () => done?.();
	}

	/** Prefers resetting a used directory, which takes a tenth of the time of a new copy. */
	async #ownDirectory(test: WorkspaceTest): Promise<WorkDirectory> {
		const { home, pristine, rules, runner } = this.#parts;
		const { signal } = runner.services;
		const path = freePath(home, test);
		const used = this.#free.pop();
		if (used) {
			try {
				// Leftover processes of an earlier test write to its paths: a unique name keeps them out.
				renamePath(used.path, path);
				return { path, clean: await pristine.reset(path, used.clean, "strict", rules, signal), isClean: true };
			} catch (error) {
				if (signal.aborted) throw error;
				// A test can leave what can't be removed, such as a mount: use another directory.
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
		const { path, pristine, rules, runner } = this.#parts;
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
		if (keep) this.#keep(directory);
		else if (this.#isShared) return;
		else if (directory.isLost) await removeTree(directory.path);
		else this.#free.push(directory);
	}

	/** Also writes a note next to the directory, so that it stays after a crash. */
	#keep({ path }: WorkDirectory): void {
		if (pathKind(path) === "missing") return;
		this.#kept = true;
		writeNote(`${path}${keptMark}`, "");
	}

	/** Runs after-hooks, then removes all but kept workspaces. Returns failures; never rejects. */
	async close(): Promise<readonly WorkspaceWarning[]> {
		const { runner, home, path, state, processes } = this.#parts;
		const subject = { workspacePath: path, testId: "__after_all__", runId: runner.services.runId };
		const { warnings } = await runAfter(runner, "afterAll", { subject, scope: processes }, state);
		const tidied = await warned("clean_up", async () => {
			await runner.hosts.end();
			await this.#remove(home);
		});
		return [...warnings, ...tidied];
	}

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

/** Returns equal texts for specs with the same content, wherever it is written. */
export function workspaceKey(spec: WorkspaceSpec): string {
	const { workspace, extensions, targetHooks, scope } = spec;
	const text = JSON.stringify([workspace ?? null, extensions, targetHooks ?? null, scope], (key, value: unknown) =>
		// The directory of relative paths (`base`) counts, the location doesn't.
		key === "at" ? undefined : value,
	);
	return digestText(text).slice(0, 32);
}

/** Omits `.git`. @param to an empty directory @throws AgentvError */
async function placeTemplate(
	template: PathText,
	to: string,
	at: { readonly scope: EvalScope; readonly view: DiskView; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	const from = resolveWithinReach(template, at.scope, at.view);
	if (from.kind !== "directory") {
		const what = from.kind === "missing" ? "does not exist" : "is not a directory";
		throw new WorkspaceError("template", "not-found", `the template ${from.path} ${what}`);
	}
	let tree: PreparedTree;
	try {
		tree = prepareTree(from.path, { filter: (path) => !isGitsOwn(path) });
	} catch (error) {
		if (!(error instanceof TreeRefused)) throw error;
		const { reason, message, hint } = error;
		throw new WorkspaceError("template", reason, `the template ${message}`, { cause: error, hint });
	}
	await copyPreparedTree(tree, to, { signal: at.signal });
}

export interface WorkspaceDescription {
	readonly isolation: "shared" | "per_test";
	readonly template?: { readonly path: string; readonly exists: boolean };
	readonly repositories: readonly {
		readonly path: string;
		readonly repo: string;
		readonly requested?: string;
		readonly ancestor: number;
		readonly sparse?: readonly string[];
	}[];
	/** Once per run (`beforeAll`, `before_all`, …) or for each test. */
	readonly calls: readonly { readonly when: string; readonly what: string }[];
}

/** Describes the workspace for `--dry-run`; only checks whether the template exists. */
export function describeWorkspace(spec: WorkspaceSpec, view: DiskView): WorkspaceDescription {
	const { workspace, scope } = spec;
	const template = workspace?.template && resolvePath(workspace.template, scope, view);
	return {
		isolation: workspace?.isolation ?? "shared",
		...(template ? { template: { path: template.path, exists: template.kind === "directory" } } : {}),
		repositories: (workspace?.repos ?? []).map((repo) => ({
			path: repo.path || ".",
			repo: redactUrl(repo.repo),
			...(repo.commit === undefined ? {} : { requested: repo.commit }),
			ancestor: repo.ancestor,
			...(repo.sparse ? { sparse: repo.sparse } : {}),
		})),
		calls: hookNames.flatMap((name) => callsAt(spec, name)),
	};
}

function callsAt(spec: WorkspaceSpec, name: HookName): { when: string; what: string }[] {
	const extensions = extensionsAt(spec.extensions, name).map((extension) => ({
		when: name,
		what: extension.kind === "module" ? `${extension.module.raw}:${name}` : "agentv:agent-rules",
	}));
	const hooks = hooksAt(spec, name).flatMap(({ command }) =>
		command ? [{ when: wireHookNames[name], what: shownCommand(command) }] : [],
	);
	return [...extensions, ...hooks];
}

/** More concurrent fetches are not faster. */
const atOnce = 3;

interface PlacedRepositories {
	readonly records: readonly RepositoryRecord[];
	/** Relative to the workspace; includes submodules. */
	readonly paths: readonly string[];
}

/** @param root a real path @throws AgentvError */
async function placeRepositories(
	repos: readonly WorkspaceRepo[],
	root: string,
	services: RepositoryServices,
): Promise<PlacedRepositories> {
	// Checked before fetching anything, and again below, when the preceding ones are in place.
	for (const repo of repos) pathWithin(root, repo.path, "the path of a repository");
	const limit = pLimit(atOnce);
	const commits = await Promise.allSettled(
		repos.map((repo) =>
			limit(async () => {
				const source = repositorySource(repo, services);
				const known = services.recordedCommit?.(repo);
				const [commit, ancestor] = known === undefined ? [repo.commit, repo.ancestor] : [known, 0];
				return { source, commit: await mirrorCommit(source, commit, ancestor, services) };
			}),
		),
	);
	try {
		const records: RepositoryRecord[] = [];
		const paths: string[] = [];
		for (const [index, repo] of repos.entries()) {
			const outcome = commits[index];
			if (outcome?.status !== "fulfilled") throw outcome?.reason;
			const fetched = outcome.value;
			const { path, sparse } = repo;
			const placed = await placeWithSubmodules({ ...fetched, path, sparse }, root, services);
			paths.push(...placed.map((path) => path || "."));
			records.push({
				path: repo.path === "" ? "." : repo.path,
				repo: fetched.source.shown,
				...(repo.commit === undefined ? {} : { requested: repo.commit }),
				...(repo.ancestor === 0 ? {} : { ancestor: repo.ancestor }),
				sha: fetched.commit.sha,
			});
		}
		return { records, paths };
	} finally {
		for (const outcome of commits) if (outcome.status === "fulfilled") outcome.value.commit.release();
	}
}
