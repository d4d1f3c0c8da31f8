import { dirname } from "node:path";
import { type RegistryEntry, readRegistry, type SourceAccess } from "../eval/registry.ts";
import { AgentvError } from "../lib/errors.ts";
import { iteratePool, mapPool } from "../lib/pool.ts";
import { sweepStaged, systemTempDir } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, realPath } from "../machine/files.ts";
import { requireGit } from "../machine/git.ts";
import { GitError } from "../machine/git-error.ts";
import { withLock } from "../machine/lock.ts";
import { describeChanges } from "./affected-evals.ts";
import { chosenEntries, type LastSync, lockDirectory, writeState } from "./benchmark-report.ts";
import { fetchFiles, makeClone, settle, sweepWorkshops, updateClone } from "./clone.ts";
import {
	type Decision,
	listed,
	makePlan,
	type SyncChanges,
	type SyncEvent,
	type SyncOptions,
	type SyncOutcome,
	type SyncPlan,
	type SyncResult,
	sentence,
	short,
} from "./make-plan.ts";
import { remoteProblem } from "./observation.ts";
import { observe, type Seen } from "./observe.ts";
import { recover } from "./recover.ts";

/** More concurrent syncs are slower on small machines. */
const defaultConcurrency = 3;

/**
 * Updates benchmarks concurrently; a failure stops none of the others. Yields events and ends with
 * one `outcome` each, also when interrupted.
 * @throws AgentvError `not-found` for an unknown id, `config` for an unreadable registry or a
 * missing or old git: before the first event
 */
export async function* sync(options: SyncOptions): AsyncGenerator<SyncEvent, void> {
	const registry = readRegistry(options.env);
	const entries = chosenEntries(registry, options.ids);
	await requireGitFor(entries, options.env, dirname(registry.file));
	for (const place of [systemTempDir(), dirname(registry.file)]) await sweepStaged(place);
	const events = new EventQueue();
	const abandoned = new AbortController();
	const signal = AbortSignal.any([abandoned.signal, ...(options.signal ? [options.signal] : [])]);
	const all = syncAll(entries, { ...options, signal }, events).finally(() => events.close());
	try {
		yield* events.contents();
		yield { type: "outcome", results: await all, interrupted: options.signal?.aborted === true };
	} finally {
		// If the caller stops iterating, cancel the remaining syncs.
		abandoned.abort();
		await all.catch(() => undefined);
	}
}

/**
 * No entry with a source can be synced without git: reported once, not for each. @throws
 * AgentvError `config`
 */
async function requireGitFor(entries: readonly RegistryEntry[], env: Environment, directory: string): Promise<void> {
	if (entries.some(({ source }) => source)) await requireGit(env, directory);
}

async function syncAll(
	entries: readonly RegistryEntry[],
	options: SyncOptions,
	events: EventQueue,
): Promise<SyncResult[]> {
	const isNamed = options.ids !== undefined && options.ids.length > 0;
	const emit = (event: SyncEvent) => events.put(event);
	const results = new Map<string, SyncResult>();
	const concurrency = options.concurrency ?? defaultConcurrency;
	for (const round of rounds(entries)) {
		const work = async (entry: RegistryEntry) => {
			const done = await syncOne(entry, { ...options, isNamed, emit });
			emit({ type: "finished", id: entry.id, result: done });
			return done;
		};
		for await (const { item, result } of iteratePool(round, { concurrency }, work)) results.set(item.id, result);
	}
	return entries.flatMap(({ id }) => results.get(id) ?? []);
}

/** An entry inside another's directory comes later, since that one must start empty. */
function rounds(entries: readonly RegistryEntry[]): RegistryEntry[][] {
	const clones = entries.filter(({ source }) => source);
	const depth = ({ path }: RegistryEntry) =>
		clones.filter((other) => other.path !== path && isInside(other.path, path)).length;
	const found: RegistryEntry[][] = [];
	for (const entry of entries) {
		const at = depth(entry);
		found[at] = [...(found[at] ?? []), entry];
	}
	return found.filter((round) => round !== undefined);
}

/** Passes events from the syncs to the one consumer. */
class EventQueue {
	readonly #events: SyncEvent[] = [];
	#isClosed = false;
	#wake: (() => void) | undefined;

	put(event: SyncEvent): void {
		this.#events.push(event);
		this.#wake?.();
	}

	close(): void {
		this.#isClosed = true;
		this.#wake?.();
	}

	async *contents(): AsyncGenerator<SyncEvent, void> {
		for (;;) {
			const event = this.#events.shift();
			if (event) yield event;
			else if (this.#isClosed) return;
			else
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
				});
		}
	}
}

const defaultTimeoutMs = 600_000;
const noteAfterMs = 100;

export interface SyncOneOptions extends Omit<SyncOptions, "ids" | "concurrency"> {
	/** Whether the user specified it. */
	readonly isNamed: boolean;
	readonly emit: (event: SyncEvent) => void;
}

/** Syncs one benchmark under its lock; never throws for problems of that benchmark. */
async function syncOne(entry: RegistryEntry, options: SyncOneOptions): Promise<SyncResult> {
	const { env, signal } = options;
	const ended = (outcome: SyncOutcome, message: string) => result(entry.id, outcome, message);
	if (!entry.source)
		return options.isNamed
			? ended("refused", "local benchmark, used in place")
			: ended("skipped", "local benchmark, used in place");
	const { access, problem } = entry;
	if (problem !== undefined || !access) return ended("refused", problem ?? "its source has a problem");
	options.emit({ type: "started", id: entry.id });
	const startedAt = new Date().toISOString();
	const note = (status: LastSync["status"], { from, to, message }: SyncResult) => {
		const finishedAt = status === "running" ? null : new Date().toISOString();
		return keepState(entry.id, { status, startedAt, finishedAt, from, to, message }, env);
	};
	try {
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

/**
 * Returns what `sync` would do, with the files, evals, tests and executed programs that would
 * change. Can fetch objects into a clone's own store; changes no HEAD, file, registry or state.
 * @throws AgentvError `not-found` for an unknown id, `config` for an unreadable registry,
 * `interrupted`
 */
export async function planSync(options: SyncOptions): Promise<readonly SyncPlan[]> {
	const registry = readRegistry(options.env);
	const isNamed = options.ids !== undefined && options.ids.length > 0;
	const entries = chosenEntries(registry, options.ids);
	await requireGitFor(entries, options.env, dirname(registry.file));
	return mapPool(entries, { concurrency: options.concurrency ?? 3 }, (entry) =>
		planOne(entry, { ...options, isNamed }),
	);
}

interface PlanOneOptions extends SyncOptions {
	readonly isNamed: boolean;
}

async function planOne(entry: RegistryEntry, options: PlanOneOptions): Promise<SyncPlan> {
	const simple = (action: SyncPlan["action"], message: string): SyncPlan => {
		return { id: entry.id, action, from: null, to: null, message, changes: null };
	};
	if (!entry.source) return simple(options.isNamed ? "refuse" : "skip", "local benchmark, used in place");
	const { access, problem } = entry;
	if (problem !== undefined || !access) return simple("refuse", problem ?? "its source has a problem");
	const waitMs = options.waitMs ?? options.timeoutMs ?? defaultTimeoutMs;
	try {
		// The lock keeps our fetch from interfering with a running sync.
		const { signal } = options;
		return await withLock(entry.path, () => planLocked(entry, access, options), {
			...{ lockDirectory: lockDirectory(options.env), waitMs, signal },
		});
	} catch (error) {
		if (options.signal?.aborted) throw new AgentvError("interrupted", "the preview was interrupted");
		if (!(error instanceof AgentvError) || error.code === "internal") throw error;
		return simple("refuse", sentence(error.message, error.hint));
	}
}

async function planLocked(entry: RegistryEntry, access: SourceAccess, options: PlanOneOptions): Promise<SyncPlan> {
	const { env, signal } = options;
	const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
	const settings = { env, signal, timeoutMs, url: access.url, credentials: access.credentials };
	const seen = await observe(entry, access, { ...settings, fetch: true, files: true });
	const { observation, clone } = seen;
	const decision = makePlan(observation, { reset: options.reset === true });
	const plan = { id: entry.id, ...decision, changes: null };
	const noted = seen.journal ? { ...plan, message: `${plan.message}; first, an interrupted sync is recovered` } : plan;
	const { wanted } = "wanted" in observation.remote ? observation.remote : { wanted: undefined };
	const moves = decision.action === "update" || decision.action === "move" || decision.action === "adopt";
	if (!moves || !clone || !wanted) return noted;
	try {
		await fetchFiles(clone, wanted, settings);
	} catch (error) {
		const { message, hint } = remoteProblem(error);
		return { ...noted, action: "refuse", message: sentence(message, hint) };
	}
	return { ...noted, changes: await describeChanges(seen, env) };
}
