import { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import { withLock } from "../io/files/lock.ts";
import { realPath } from "../io/files/stat-path.ts";
import { GitError } from "../io/git/git-error.ts";
import { type SourceAccess, sourceAccess } from "../model/benchmark-source.ts";
import type { RegistryEntry } from "../model/registry.ts";
import type { LastSync } from "./benchmark-report.ts";
import { describeChanges } from "./changes.ts";
import { remoteProblem } from "./look-remote.ts";
import { makeClone } from "./make-clone.ts";
import { type Decision, listed, makePlan, sentence, short } from "./make-plan.ts";
import { observe, type Seen } from "./observe.ts";
import { recover } from "./recover.ts";
import { settle } from "./settle.ts";
import { lockDirectory, writeState } from "./state-file.ts";
import type { SyncChanges, SyncEvent, SyncOptions, SyncOutcome, SyncResult } from "./sync-types.ts";
import { fetchFiles, updateClone } from "./update-clone.ts";
import { sweepWorkshops } from "./workshop.ts";

export const defaultTimeoutMs = 600_000;
const noteAfterMs = 100;

export interface SyncOneOptions extends Omit<SyncOptions, "ids" | "concurrency"> {
	/** Directory of the registry, for relative paths. */
	readonly base: string;
	/** Whether the user specified it. */
	readonly isNamed: boolean;
	readonly emit: (event: SyncEvent) => void;
}

/** Syncs one benchmark under its lock; never throws for problems of that benchmark. */
export async function syncOne(entry: RegistryEntry, options: SyncOneOptions): Promise<SyncResult> {
	const { env, signal } = options;
	const ended = (outcome: SyncOutcome, message: string) => result(entry.id, outcome, message);
	if (!entry.source)
		return options.isNamed
			? ended("refused", "local benchmark, used in place")
			: ended("skipped", "local benchmark, used in place");
	if (entry.problem !== undefined) return ended("refused", entry.problem);
	options.emit({ type: "started", id: entry.id });
	const startedAt = new Date().toISOString();
	const note = (status: LastSync["status"], { from, to, message }: SyncResult) => {
		const finishedAt = status === "running" ? null : new Date().toISOString();
		return keepState(entry.id, { status, startedAt, finishedAt, from, to, message }, env);
	};
	try {
		const access = sourceAccess(entry.source, options.base, env);
		const waitMs = options.waitMs ?? options.timeoutMs ?? defaultTimeoutMs;
		const onWait = (pid: number) => options.emit({ type: "waiting", id: entry.id, pid });
		return await withLock(
			entry.path,
			async () => {
				// A sync with nothing to do finishes before its state matters.
				const soon = setTimeout(() => note("running", ended("failed", "running")), noteAfterMs);
				let done: SyncResult;
				try {
					done = await guarded(entry.id, signal, () => syncLocked(entry, access, options));
				} finally {
					clearTimeout(soon);
				}
				const problem = note(done.outcome === "synced" || done.outcome === "current" ? "succeeded" : "failed", done);
				return problem === undefined ? done : { ...done, message: `${done.message}; ${problem}` };
			},
			{ lockDirectory: lockDirectory(env), waitMs, signal, onWait },
		);
	} catch (error) {
		return failure(entry.id, error, signal);
	}
}

/** Writes the state; returns why that failed, which doesn't fail the sync. */
function keepState(id: string, state: LastSync, env: Environment): string | undefined {
	try {
		writeState(id, state, env);
		return undefined;
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return `its state could not be saved (${error.message})`;
	}
}

function result(id: string, outcome: SyncOutcome, message: string, decision?: Decision): SyncResult {
	return { id, outcome, from: decision?.from ?? null, to: decision?.to ?? null, message, edits: [], changes: null };
}

async function guarded(
	id: string,
	signal: AbortSignal | undefined,
	work: () => Promise<SyncResult>,
): Promise<SyncResult> {
	try {
		return await work();
	} catch (error) {
		// A Ctrl-C reaches git a moment before it reaches us.
		if (error instanceof GitError && error.exitCode === null && !signal?.aborted)
			await new Promise((resolve) => setTimeout(resolve, 50));
		return failure(id, error, signal);
	}
}

/** Converts an error of one benchmark; rethrows internal errors. */
function failure(id: string, error: unknown, signal: AbortSignal | undefined): SyncResult {
	if (signal?.aborted) return result(id, "failed", "interrupted; nothing was changed");
	if (error instanceof GitError && error.code === "failed" && error.reason !== "other") {
		const { message, hint } = remoteProblem(error);
		return result(id, "refused", sentence(message, hint));
	}
	if (!(error instanceof AgentvError) || error.code === "internal") throw error;
	return result(id, error.code === "config" ? "refused" : "failed", sentence(error.message, error.hint));
}

async function syncLocked(entry: RegistryEntry, access: SourceAccess, options: SyncOneOptions): Promise<SyncResult> {
	const { env, signal, emit } = options;
	const { id } = entry;
	const root = realPath(entry.path);
	await sweepWorkshops(root);
	const recovered = await recover(root, env);
	if (recovered !== undefined) emit({ type: "recovered", id, message: recovered });
	const settings = {
		env,
		signal,
		timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
		onProgress: ({ phase, percent, done, total }: { phase: string; percent: number; done: number; total: number }) =>
			emit({ type: "progress", id, phase, percent, done, total }),
		url: access.url,
		credentials: access.credentials,
	};
	const seen = await observe(entry, access, { ...settings, fetch: true, files: true });
	const { observation, clone } = seen;
	const decision = makePlan(observation, { reset: options.reset === true });
	const { wanted } = "wanted" in observation.remote ? observation.remote : { wanted: undefined };
	if (decision.action === "refuse" || !wanted) return result(id, "refused", decision.message, decision);
	if (decision.action === "clone" || !clone) {
		emit({ type: "planned", id, plan: { id, ...decision, changes: null } });
		const sha = await makeClone(entry.path, wanted, settings);
		const got = { ...decision, to: sha };
		return result(id, "synced", `cloned ${wanted.name} at ${short(sha)}`, got);
	}
	if (decision.action === "none") {
		emit({ type: "planned", id, plan: { id, ...decision, changes: null } });
		await settle(clone, wanted, access.url);
		return result(id, "current", decision.message, decision);
	}
	await fetchFiles(clone, wanted, settings);
	const changes = await describeChanges(seen, env);
	emit({ type: "planned", id, plan: { id, ...decision, changes } });
	const { edits } = observation.clone ?? { edits: [] };
	const refusal = await updateClone(clone, decision, wanted, edits, settings);
	if (refusal) return result(id, "refused", refusal.refused, decision);
	return synced(id, decision, seen, changes);
}

function synced(id: string, decision: Decision, seen: Seen, changes: SyncChanges | null): SyncResult {
	const edits = (seen.observation.clone?.edits ?? []).map(({ path }) => path);
	const leftover = edits.length === 0 ? "" : `; local edits are still there (${listed(edits)})`;
	return { ...result(id, "synced", decision.message + leftover, decision), edits, changes };
}
