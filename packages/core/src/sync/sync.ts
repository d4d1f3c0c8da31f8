import { dirname } from "node:path";
import { type RegistryEntry, readRegistry, type SourceAccess } from "../eval/registry.ts";
import { AgentvError } from "../lib/errors.ts";
import { AsyncQueue, iteratePool, mapPool } from "../lib/pool.ts";
import { sweepStaged, systemTempDir } from "../machine/directories.ts";
import { isInside, realPath } from "../machine/files.ts";
import { GitError, requireGit } from "../machine/git.ts";
import { withLock } from "../machine/lock.ts";
import { describeChanges } from "./affected-evals.ts";
import { chosenEntries, type LastSync, lockDirectory, writeState } from "./benchmark-report.ts";
import { fetchFiles, makeClone, settle, sweepWorkshops, updateClone } from "./clone.ts";
import {
	type Decision,
	listed,
	makePlan,
	type SyncEvent,
	type SyncOptions,
	type SyncOutcome,
	type SyncPlan,
	type SyncResult,
	sentence,
	short,
} from "./make-plan.ts";
import { type Remote, remoteProblem } from "./observation.ts";
import { observe } from "./observe.ts";
import { recover } from "./recover.ts";

/** More concurrent syncs are slower on small machines. */
const defaultConcurrency = 3;
const defaultTimeoutMs = 600_000;
/** A sync with nothing to do finishes before its state matters. */
const noteAfterMs = 100;

interface Opened extends SyncOptions {
	readonly entries: readonly RegistryEntry[];
	/** Relative paths start at this directory of the registry. */
	readonly base: string;
	readonly isNamed: boolean;
}

/** Without git, no entry with a source can be synced: this is reported once, not for each. */
async function open(options: SyncOptions): Promise<Opened> {
	const registry = readRegistry(options.env);
	const base = dirname(registry.file);
	const entries = chosenEntries(registry, options.ids);
	if (entries.some(({ source }) => source)) await requireGit(options.env, base);
	return { ...options, entries, base, isNamed: options.ids !== undefined && options.ids.length > 0 };
}

/**
 * Updates benchmarks concurrently; a failure stops none of the others. Yields events, and ends with
 * one `outcome` each, also when interrupted.
 * @throws AgentvError `not-found` for an unknown id, `config` for an unreadable registry or a
 * missing or old git: before the first event
 */
export async function* sync(options: SyncOptions): AsyncGenerator<SyncEvent, void> {
	const opened = await open(options);
	for (const place of [systemTempDir(), opened.base]) await sweepStaged(place);
	const events = new AsyncQueue<SyncEvent>();
	const abandoned = new AbortController();
	const signal = AbortSignal.any([abandoned.signal, ...(options.signal ? [options.signal] : [])]);
	const all = syncAll({ ...opened, signal }, events).finally(() => events.close());
	try {
		yield* events.contents();
		yield { type: "outcome", results: await all, interrupted: options.signal?.aborted === true };
	} finally {
		// If the caller stops iterating, cancel the remaining syncs.
		abandoned.abort();
		await all.catch(() => undefined);
	}
}

async function syncAll(opened: Opened, events: AsyncQueue<SyncEvent>): Promise<SyncResult[]> {
	const emit = (event: SyncEvent) => events.put(event);
	const results = new Map<string, SyncResult>();
	const concurrency = opened.concurrency ?? defaultConcurrency;
	for (const round of rounds(opened.entries)) {
		const work = async (entry: RegistryEntry) => {
			const done = await syncOne(entry, opened, emit);
			emit({ type: "finished", id: entry.id, result: done });
			return done;
		};
		for await (const { item, result } of iteratePool(round, { concurrency }, work)) results.set(item.id, result);
	}
	return opened.entries.flatMap(({ id }) => results.get(id) ?? []);
}

/** An entry inside another's directory comes later, since the outer directory must start empty. */
function rounds(entries: readonly RegistryEntry[]): RegistryEntry[][] {
	const clones = entries.filter(({ source }) => source);
	const depth = ({ path }: RegistryEntry) =>
		clones.filter((other) => other.path !== path && isInside(other.path, path)).length;
	const result: RegistryEntry[][] = [];
	for (const entry of entries) {
		const at = depth(entry);
		result[at] = [...(result[at] ?? []), entry];
	}
	return result.filter((round) => round !== undefined);
}

function locked<T>(entry: RegistryEntry, options: SyncOptions, onWait: (pid: number) => void, work: () => Promise<T>) {
	const { env, signal, timeoutMs = defaultTimeoutMs, waitMs = timeoutMs } = options;
	return withLock(entry.path, work, { lockDirectory: lockDirectory(env), waitMs, signal, onWait });
}

function remoteOf(access: SourceAccess, { env, signal, timeoutMs = defaultTimeoutMs }: Opened): Remote {
	return { ...access, env, signal, timeoutMs };
}

/** Never throws for problems of that benchmark. */
async function syncOne(entry: RegistryEntry, options: Opened, emit: (event: SyncEvent) => void): Promise<SyncResult> {
	const { env, signal } = options;
	const { id, source, access, problem } = entry;
	if (!source) return result(id, options.isNamed ? "refused" : "skipped", "local benchmark, used in place");
	if (problem !== undefined || !access) return result(id, "refused", problem ?? "its source has a problem");
	emit({ type: "started", id });
	const startedAt = new Date().toISOString();
	/** Returns why writing the state failed, which doesn't fail the sync. */
	const note = (status: LastSync["status"], { from, to, message }: SyncResult): string => {
		const finishedAt = status === "running" ? null : new Date().toISOString();
		try {
			writeState(id, { status, startedAt, finishedAt, from, to, message }, env);
			return "";
		} catch (error) {
			if (!(error instanceof AgentvError)) throw error;
			return `; its state could not be saved (${error.message})`;
		}
	};
	const onWait = (pid: number) => emit({ type: "waiting", id, pid });
	try {
		const remote: Remote = {
			...remoteOf(access, options),
			onProgress: ({ phase, percent, done, total }) => emit({ type: "progress", id, phase, percent, done, total }),
		};
		return await locked(entry, options, onWait, async () => {
			const soon = setTimeout(() => note("running", result(id, "failed", "running")), noteAfterMs);
			const done = await syncLocked(entry, remote, options, emit)
				.catch(async (error: unknown) => {
					// Ctrl-C reaches git a moment before it reaches AgentV.
					if (error instanceof GitError && error.exitCode === null && !signal?.aborted)
						await new Promise((resolve) => setTimeout(resolve, 50));
					return failure(id, error, signal);
				})
				.finally(() => clearTimeout(soon));
			const problem = note(done.outcome === "synced" || done.outcome === "current" ? "succeeded" : "failed", done);
			return { ...done, message: done.message + problem };
		});
	} catch (error) {
		return failure(id, error, signal);
	}
}

function result(id: string, outcome: SyncOutcome, message: string, decision?: Decision): SyncResult {
	return { id, outcome, from: decision?.from ?? null, to: decision?.to ?? null, message, edits: [], changes: null };
}

/** Rethrows internal errors. */
function failure(id: string, error: unknown, signal: AbortSignal | undefined): SyncResult {
	if (signal?.aborted) return result(id, "failed", "interrupted; nothing was changed");
	if (error instanceof GitError && error.code === "failed" && error.reason !== "other") {
		const { message, hint } = remoteProblem(error);
		return result(id, "refused", sentence(message, hint));
	}
	if (!(error instanceof AgentvError) || error.code === "internal") throw error;
	return result(id, error.code === "config" ? "refused" : "failed", sentence(error.message, error.hint));
}

async function syncLocked(
	entry: RegistryEntry,
	remote: Remote,
	options: Opened,
	emit: (event: SyncEvent) => void,
): Promise<SyncResult> {
	const { id } = entry;
	const root = realPath(entry.path);
	await sweepWorkshops(root);
	const recovered = await recover(root, remote.env);
	if (recovered !== undefined) emit({ type: "recovered", id, message: recovered });
	const seen = await observe(entry, remote, { fetch: true, files: true });
	const decision = makePlan(seen.observation, options.reset === true);
	const { clone } = seen;
	const { wanted } = seen.observation.remote;
	if (decision.action === "refuse" || !wanted) return result(id, "refused", decision.message, decision);
	const plan: SyncPlan = { id, ...decision, changes: null };
	if (decision.action === "clone" || !clone) {
		emit({ type: "planned", id, plan });
		const to = await makeClone(entry.path, wanted, remote);
		return result(id, "synced", `cloned ${wanted.name} at ${short(to)}`, { ...decision, to });
	}
	if (decision.action === "none") {
		emit({ type: "planned", id, plan });
		await settle(clone, wanted, remote.url);
		return result(id, "current", decision.message, decision);
	}
	await fetchFiles(clone, wanted, remote);
	const changes = await describeChanges(seen, remote.env);
	emit({ type: "planned", id, plan: { ...plan, changes } });
	const edits = (seen.observation.clone?.edits ?? []).map(({ path }) => path);
	const refusal = await updateClone(clone, decision, wanted, edits, remote);
	if (refusal !== undefined) return result(id, "refused", refusal, decision);
	const leftover = edits.length === 0 ? "" : `; local edits are still there (${listed(edits)})`;
	return { ...result(id, "synced", decision.message + leftover, decision), edits, changes };
}

/**
 * Returns what `sync` would do. May fetch objects into a clone's own store; changes no HEAD, file,
 * registry or state.
 * @throws AgentvError `not-found` for an unknown id, `config` for an unreadable registry,
 * `interrupted`
 */
export async function planSync(options: SyncOptions): Promise<readonly SyncPlan[]> {
	const opened = await open(options);
	const concurrency = options.concurrency ?? defaultConcurrency;
	return mapPool(opened.entries, { concurrency }, (entry) => planOne(entry, opened));
}

async function planOne(entry: RegistryEntry, options: Opened): Promise<SyncPlan> {
	const { id, source, access, problem } = entry;
	const simple = (action: SyncPlan["action"], message: string): SyncPlan => {
		return { id, action, from: null, to: null, message, changes: null };
	};
	if (!source) return simple(options.isNamed ? "refuse" : "skip", "local benchmark, used in place");
	if (problem !== undefined || !access) return simple("refuse", problem ?? "its source has a problem");
	try {
		// The lock keeps this fetch from interfering with a running sync.
		return await locked(
			entry,
			options,
			() => undefined,
			() => planLocked(entry, remoteOf(access, options), options),
		);
	} catch (error) {
		if (options.signal?.aborted) throw new AgentvError("interrupted", "the preview was interrupted");
		if (!(error instanceof AgentvError) || error.code === "internal") throw error;
		return simple("refuse", sentence(error.message, error.hint));
	}
}

async function planLocked(entry: RegistryEntry, remote: Remote, options: Opened): Promise<SyncPlan> {
	const seen = await observe(entry, remote, { fetch: true, files: true });
	const decision = makePlan(seen.observation, options.reset === true);
	const first = seen.journal ? "; first, an interrupted sync is recovered" : "";
	const plan = { id: entry.id, ...decision, message: decision.message + first, changes: null };
	const { clone } = seen;
	const { wanted } = seen.observation.remote;
	if (!/^(update|move|adopt)$/.test(decision.action) || !clone || !wanted) return plan;
	try {
		await fetchFiles(clone, wanted, remote);
	} catch (error) {
		const { message, hint } = remoteProblem(error);
		return { ...plan, action: "refuse", message: sentence(message, hint) };
	}
	return { ...plan, changes: await describeChanges(seen, remote.env) };
}
