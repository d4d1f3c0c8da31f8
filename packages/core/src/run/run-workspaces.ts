import type { TestCase, WorkspaceRepo } from "../eval/eval-types.ts";
import type { PinnedRepository } from "../eval/fingerprint.ts";
import { commandRunner } from "../eval/resolve-command.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import type { RunFile, StageLog } from "../format/run-file.ts";
import { redactUrl } from "../lib/git-url.ts";
import type { Redactor } from "../lib/redact.ts";
import { makeDirectories, removeEmptyDirectory } from "../machine/directories.ts";
import { directoryOwner, removeOwnerNote, writeOwnerNote } from "../machine/lock.ts";
import {
	atStage,
	type RepositoryRecord,
	WorkspaceError,
	type WorkspaceSpec,
	type WorkspaceWarning,
	warned,
} from "../workspace/contract.ts";
import { type PreparedBase, prepareWorkspaceBase, workspaceKey } from "../workspace/prepare-base.ts";
import { StageLogs } from "./attempt.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";

interface WorkspaceOptions {
	readonly runId: string;
	readonly startedAt: string;
	/** Excludes `.env` files. */
	readonly processEnv: Readonly<Record<string, string | undefined>>;
	readonly agentvHome: string;
	readonly directory: string;
	readonly signal: AbortSignal;
	/** Checked out again, so that all attempts use the same commits. */
	readonly recorded: () => NonNullable<RunFile["repositories"]>;
	readonly logs: StageLogs;
	readonly onPrepared: (repositories: readonly RepositoryRecord[]) => void;
}

interface Prepared {
	/** Replaced if an agent removed the source of its workspaces. */
	base: Promise<PreparedBase>;
	readonly logs: StageLogs;
	waiting: number;
}

export class RunWorkspaces {
	readonly #prepared = new Map<string, Prepared>();
	readonly #users = new Map<string, number>();
	#isClaimed = false;

	constructor(
		private readonly plan: RunPlan,
		cases: readonly PlannedCase[],
		private readonly options: WorkspaceOptions,
	) {
		for (const { workspace } of cases)
			if (workspace) this.#users.set(workspace.key, (this.#users.get(workspace.key) ?? 0) + 1);
	}

	/** @throws WorkspaceError, the same one for all that share the base */
	base(planned: PlannedCase): Promise<PreparedBase> | undefined {
		const { workspace } = planned;
		if (!workspace) return undefined;
		let prepared = this.#prepared.get(workspace.key);
		if (!prepared) {
			const logs = new StageLogs();
			const waiting = this.#users.get(workspace.key) ?? 1;
			prepared = { base: this.#prepare(planned, workspace.spec, logs), logs, waiting };
			this.#prepared.set(workspace.key, prepared);
		} else prepared.base = this.#standing(planned, workspace.spec, prepared.base, prepared.logs);
		return prepared.base;
	}

	async #standing(
		planned: PlannedCase,
		spec: NonNullable<PlannedCase["workspace"]>["spec"],
		before: Promise<PreparedBase>,
		logs: StageLogs,
	): Promise<PreparedBase> {
		const base = await before;
		if (!base.isLost()) return base;
		await base.idle();
		for (const { message } of await base.close()) logs.add("clean_up", "agentv", message);
		try {
			return await this.#prepare(planned, spec, logs);
		} catch (error) {
			// It was possible to prepare it before the agent ran.
			const failure = atStage("workspace", error);
			throw failure instanceof WorkspaceError ? failure.ofAgent() : failure;
		}
	}

	takeLogs({ workspace }: PlannedCase): readonly StageLog[] {
		return (workspace && this.#prepared.get(workspace.key)?.logs.take()) ?? [];
	}

	async repositories(planned: PlannedCase): Promise<readonly PinnedRepository[]> {
		const prepared = planned.workspace && this.#prepared.get(planned.workspace.key);
		const base = await prepared?.base.catch(() => undefined);
		return base?.repositories ?? recordedCommits(planned, this.options.recorded(), this.plan.redact);
	}

	async release({ workspace }: PlannedCase): Promise<readonly WorkspaceWarning[]> {
		const prepared = workspace && this.#prepared.get(workspace.key);
		if (!prepared) return [];
		prepared.waiting -= 1;
		return prepared.waiting > 0 ? [] : this.#close(workspace.key, prepared);
	}

	async close(): Promise<readonly WorkspaceWarning[]> {
		const warnings: WorkspaceWarning[] = [];
		for (const [key, prepared] of [...this.#prepared]) warnings.push(...(await this.#close(key, prepared)));
		if (!this.#isClaimed) return warnings;
		const released = await warned("clean_up", () => {
			// What is left now is kept intentionally.
			removeOwnerNote(this.options.directory);
			removeEmptyDirectory(this.options.directory);
		});
		return [...warnings, ...released];
	}

	#claim(): void {
		if (this.#isClaimed && directoryOwner(this.options.directory)) return;
		makeDirectories(this.options.directory);
		writeOwnerNote(this.options.directory);
		this.#isClaimed = true;
	}

	async #close(key: string, { base }: Prepared): Promise<readonly WorkspaceWarning[]> {
		this.#prepared.delete(key);
		const made = await base.catch(() => undefined);
		return made ? made.close() : [];
	}

	async #prepare(
		planned: PlannedCase,
		spec: NonNullable<PlannedCase["workspace"]>["spec"],
		logs: StageLogs,
	): Promise<PreparedBase> {
		const { runId, startedAt, processEnv, agentvHome, directory, signal } = this.options;
		const { view, experiment, redact } = this.plan;
		this.#claim();
		const env = { ...planned.eval.env, ...spec.workspace?.env };
		const base = await prepareWorkspaceBase(spec, {
			view,
			env,
			processEnv,
			runCommand: commandRunner({ view, scope: spec.scope, env }),
			agentvHome,
			directory,
			runId,
			programEnv: { AGENTV_EXPERIMENT: experiment, AGENTV_RUN_TIMESTAMP: startedAt },
			signal,
			redact,
			log: (stage, name, text) => (stage === "after_all" ? this.options.logs : logs).add(stage, name, text),
			recordedCommit: (repo) => recordedCommit(repo, this.options.recorded(), redact),
		});
		if (base.repositories.length > 0) this.options.onPrepared(base.repositories);
		return base;
	}
}

/** Caches specs, since most tests share one; tests with the same key share a prepared base. */
export class WorkspaceChooser {
	readonly #known = new Map<unknown, Map<unknown, PlannedCase["workspace"]>>();

	of(test: TestCase, target: ResolvedTarget): PlannedCase["workspace"] {
		const workspace = test.workspace ?? test.suite.workspace;
		const { extensions, scope } = test.suite;
		const targetHooks = Object.keys(target.hooks).length > 0 ? target.hooks : undefined;
		if (!workspace && extensions.length === 0 && !targetHooks) return undefined;
		const byTarget = this.#known.get(workspace ?? extensions) ?? new Map();
		this.#known.set(workspace ?? extensions, byTarget);
		const known = byTarget.get(target);
		if (known) return known;
		const spec: WorkspaceSpec = { workspace, extensions, targetHooks, scope };
		// Targets never share a directory: leftovers of one must not help another.
		const made = { spec, key: `${target.name} ${workspaceKey(spec)}` };
		byTarget.set(target, made);
		return made;
	}
}

export function recordedCommits(
	{ workspace }: PlannedCase,
	records: NonNullable<RunFile["repositories"]>,
	redact: Redactor,
): PinnedRepository[] {
	const repos = workspace?.spec.workspace?.repos ?? [];
	return repos.flatMap((repo) => {
		const sha = recordedCommit(repo, records, redact);
		return sha === undefined ? [] : [{ path: repo.path === "" ? "." : repo.path, sha }];
	});
}

function recordedCommit(
	{ path, repo, commit, ancestor }: WorkspaceRepo,
	records: NonNullable<RunFile["repositories"]>,
	redact: Redactor,
): string | undefined {
	return records.findLast(
		(record) =>
			record.path === (path === "" ? "." : path) &&
			record.repo === redact(redactUrl(repo)) &&
			record.requested === (commit === undefined ? undefined : redact(commit)) &&
			(record.ancestor ?? 0) === ancestor,
	)?.sha;
}
