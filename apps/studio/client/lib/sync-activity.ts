import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { BenchmarkMarkEvent, SyncEventAnswer, SyncResultAnswer } from "../../server/answers/benchmarks.ts";
import { startFor, startForAll } from "./actions.ts";
import { ApiError } from "./api.ts";
import { keepMarks, reloadMarks } from "./benchmark-marks.ts";
import { followJob, type JobEnd } from "./use-job.ts";

/** What goes on with a benchmark, or how the last thing that was done to it here ended. */
export interface SyncActivity {
	readonly job: string | undefined;
	readonly kind: "sync" | "status";
	readonly running: boolean;
	/** What happens now: git's phase, or that it waits. */
	readonly phase: string;
	/** 0 to 100; null where the phase has no end that is known. */
	readonly percent: number | null;
	readonly result?: SyncResultAnswer;
	readonly error?: JobEnd["error"];
	/** Remains of an interrupted sync that were put right. */
	readonly recovered?: string;
}

const key = (benchmark: string) => ["sync-activity", benchmark];
const starting = { job: undefined, running: true, phase: "Starting", percent: null } as const;

export function useSyncActivity(benchmark: string): SyncActivity | undefined {
	return (
		useQuery<SyncActivity | null>({
			queryKey: key(benchmark),
			queryFn: () => null,
			enabled: false,
			gcTime: Number.POSITIVE_INFINITY,
		}).data ?? undefined
	);
}

/** Follows the syncs that the server says are under way, those of other pages and of before a reload too. */
export function useRunningSyncs(running: readonly { readonly id: string; readonly job: string | null }[]): void {
	const client = useQueryClient();
	useEffect(() => {
		for (const { id, job } of running) if (job !== null) follow(client, job, "sync", [id]);
	}, [client, running]);
}

/** Starts a sync, or a look at the remote, of one benchmark. */
export async function startActivity(client: QueryClient, kind: "sync" | "status", benchmark: string): Promise<void> {
	const set = (activity: SyncActivity) => client.setQueryData(key(benchmark), activity);
	set({ ...starting, kind });
	try {
		const { job } = await startFor(benchmark, kind);
		follow(client, job, kind, [benchmark]);
	} catch (error) {
		const running = error instanceof ApiError ? (error.details as { job?: unknown } | undefined)?.job : undefined;
		if (typeof running === "string") follow(client, running, kind, [benchmark]);
		else set({ ...starting, kind, running: false, error: problemOf(error) });
	}
}

/** Starts a sync, or a look at the remote, of every git-backed benchmark. Throws `ApiError`. */
export async function startAll(
	client: QueryClient,
	kind: "sync" | "status",
	benchmarks: readonly string[],
): Promise<void> {
	const { job } = await startForAll(kind);
	for (const benchmark of benchmarks) client.setQueryData(key(benchmark), { ...starting, kind, job });
	follow(client, job, kind, benchmarks);
}

/** Takes a result out of sight. */
export function dismissActivity(client: QueryClient, benchmark: string): void {
	client.setQueryData(key(benchmark), null);
}

function problemOf(error: unknown): NonNullable<JobEnd["error"]> {
	if (error instanceof ApiError)
		return { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) };
	return { code: "unknown", message: error instanceof Error ? error.message : String(error) };
}

const followed = new Set<string>();

/** Follows a job from wherever it is, once, whichever screen is open; what it says lands under the benchmarks it names. */
function follow(client: QueryClient, job: string, kind: "sync" | "status", benchmarks: readonly string[]): void {
	if (followed.has(job)) return;
	followed.add(job);
	const named = new Set(benchmarks);
	const change = (benchmark: string, more: Partial<SyncActivity>) => {
		named.add(benchmark);
		client.setQueryData<SyncActivity>(key(benchmark), (before) => ({
			...(before?.job === job ? before : starting),
			kind,
			job,
			...more,
		}));
	};
	for (const benchmark of benchmarks) change(benchmark, { running: true });
	followJob<SyncEventAnswer | BenchmarkMarkEvent>(job, (events, ended) => {
		for (const event of events) {
			if (event.type === "marks") {
				keepMarks(client, event);
				if (client.getQueryData<SyncActivity>(key(event.marks.id))?.job === job)
					dismissActivity(client, event.marks.id);
			} else if (event.type !== "end") applySync(event, change);
		}
		if (ended) settle(client, job, [...named], ended, change);
	});
}

type Change = (benchmark: string, more: Partial<SyncActivity>) => void;

function applySync(event: SyncEventAnswer, change: Change): void {
	if (event.type === "outcome") {
		for (const result of event.results) change(result.id, { running: false, result });
		return;
	}
	change(event.id, activityOf(event));
}

function activityOf(event: Exclude<SyncEventAnswer, { type: "outcome" }>): Partial<SyncActivity> {
	switch (event.type) {
		case "started":
			return { phase: "Connecting", percent: null };
		case "waiting":
			return { phase: `Waiting for another sync (process ${event.pid})`, percent: null };
		case "recovered":
			return { recovered: event.message };
		case "progress":
			return { phase: event.phase, percent: event.percent };
		case "planned":
			return { phase: event.plan.message, percent: null };
		case "finished":
			return { running: false, result: event.result };
	}
}

function settle(client: QueryClient, job: string, benchmarks: readonly string[], ended: JobEnd, change: Change): void {
	for (const benchmark of benchmarks) {
		const activity = client.getQueryData<SyncActivity>(key(benchmark));
		if (activity?.job !== job) continue;
		if (ended.state === "done" && !activity.result) dismissActivity(client, benchmark);
		else change(benchmark, { running: false, ...(activity.result || !ended.error ? {} : { error: ended.error }) });
	}
	void client.invalidateQueries({ queryKey: ["benchmarks"] });
	void client.invalidateQueries({ queryKey: ["evals"] });
	reloadMarks(client, benchmarks);
}
