import type { SyncEvent, SyncResult } from "@agentv/core";
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { BenchmarkMarkEvent, BenchmarkMarks } from "../../server/describe-benchmark.ts";
import { ApiError, type SyncKind, unwrap, writes } from "./api.ts";
import { followJob, type JobEnd, readEvents } from "./events.ts";

const statusKey = (benchmark: string) => ["benchmark-status", benchmark];

/** Returns undefined until an event has reported the status. */
export function useBenchmarkStatus(benchmark: string): BenchmarkMarks | undefined {
	return useQuery<BenchmarkMarks>({
		queryKey: statusKey(benchmark),
		queryFn: () => Promise.reject(new Error("the status is reported by events")),
		enabled: false,
		gcTime: Number.POSITIVE_INFINITY,
	}).data;
}

/** Reads from git, offline; each status appears as soon as it is known. */
export function useStatusStream(benchmarks: readonly string[]) {
	const client = useQueryClient();
	const ids = benchmarks.join("\n");
	return useQuery({
		queryKey: ["benchmark-status-stream", ids],
		enabled: ids !== "",
		gcTime: 0,
		queryFn: async ({ signal }) => {
			await readStatus(client, ids.split("\n"), signal);
			return true;
		},
	});
}

function setStatus(client: QueryClient, event: BenchmarkMarkEvent): void {
	if (event.type === "marks") client.setQueryData(statusKey(event.marks.id), event.marks);
}

function readStatus(client: QueryClient, ids: readonly string[], signal: AbortSignal): Promise<void> {
	return readEvents<BenchmarkMarkEvent>("/benchmarks/marks", ids, signal, (event) => setStatus(client, event));
}

/** The current sync, or the last one on this page. */
export interface SyncActivity {
	readonly job: string | undefined;
	readonly kind: SyncKind;
	readonly running: boolean;
	/** Git's phase, or what the sync waits for. */
	readonly phase: string;
	/** 0 to 100; null if unknown. */
	readonly percent: number | null;
	readonly result?: SyncResult;
	readonly error?: JobEnd["error"];
	/** Repairs after an interrupted sync. */
	readonly recovered?: string;
}

const activityKey = (benchmark: string) => ["sync-activity", benchmark];
const starting = { job: undefined, running: true, phase: "Starting", percent: null } as const;

export function useSyncActivity(benchmark: string): SyncActivity | undefined {
	return (
		useQuery<SyncActivity | null>({
			queryKey: activityKey(benchmark),
			queryFn: () => null,
			enabled: false,
			gcTime: Number.POSITIVE_INFINITY,
		}).data ?? undefined
	);
}

/** Includes syncs that other pages have started. */
export function useRunningSyncs(running: readonly { readonly id: string; readonly job: string | null }[]): void {
	const client = useQueryClient();
	useEffect(() => {
		for (const { id, job } of running) if (job !== null) follow(client, job, "sync", [id]);
	}, [client, running]);
}

export async function startActivity(client: QueryClient, kind: SyncKind, benchmark: string): Promise<void> {
	const set = (activity: SyncActivity) => client.setQueryData(activityKey(benchmark), activity);
	set({ ...starting, kind });
	try {
		const { job } = await unwrap(writes.benchmarks[":id"][kind].$post({ param: { id: benchmark }, json: {} }));
		follow(client, job, kind, [benchmark]);
	} catch (error) {
		const running = error instanceof ApiError ? (error.details as { job?: unknown } | undefined)?.job : undefined;
		if (typeof running === "string") follow(client, running, kind, [benchmark]);
		else set({ ...starting, kind, running: false, error: toJobError(error) });
	}
}

/** Starts one job for all git-backed benchmarks. @throws ApiError */
export async function startAllActivities(
	client: QueryClient,
	kind: SyncKind,
	benchmarks: readonly string[],
): Promise<void> {
	const { job } = await unwrap(writes.benchmarks[kind].$post({ json: {} }));
	for (const benchmark of benchmarks) client.setQueryData(activityKey(benchmark), { ...starting, kind, job });
	follow(client, job, kind, benchmarks);
}

export function dismissActivity(client: QueryClient, benchmark: string): void {
	client.setQueryData(activityKey(benchmark), null);
}

function toJobError(error: unknown): NonNullable<JobEnd["error"]> {
	if (error instanceof ApiError)
		return { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) };
	return { code: "unknown", message: error instanceof Error ? error.message : String(error) };
}

const followedJobs = new Set<string>();

/** Follows a job once on any screen, and stores its events under the benchmarks that they name. */
function follow(client: QueryClient, job: string, kind: SyncKind, benchmarks: readonly string[]): void {
	if (followedJobs.has(job)) return;
	followedJobs.add(job);
	const named = new Set(benchmarks);
	const change: Change = (benchmark, update) => {
		named.add(benchmark);
		client.setQueryData<SyncActivity>(activityKey(benchmark), (before) => ({
			...(before?.job === job ? before : starting),
			kind,
			job,
			...update,
		}));
	};
	for (const benchmark of benchmarks) change(benchmark, { running: true });
	followJob<SyncEvent | BenchmarkMarkEvent>(job, (events, ended) => {
		for (const event of events) {
			if (event.type === "marks") {
				setStatus(client, event);
				if (client.getQueryData<SyncActivity>(activityKey(event.marks.id))?.job === job)
					dismissActivity(client, event.marks.id);
			} else if (event.type === "outcome") {
				for (const result of event.results) change(result.id, { running: false, result });
			} else if (event.type !== "end") change(event.id, toActivity(event));
		}
		if (ended) finish(client, job, [...named], ended, change);
	});
}

type Change = (benchmark: string, update: Partial<SyncActivity>) => void;

function toActivity(event: Exclude<SyncEvent, { type: "outcome" }>): Partial<SyncActivity> {
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

function finish(client: QueryClient, job: string, benchmarks: readonly string[], ended: JobEnd, change: Change): void {
	for (const benchmark of benchmarks) {
		const activity = client.getQueryData<SyncActivity>(activityKey(benchmark));
		if (activity?.job !== job) continue;
		if (ended.state === "done" && !activity.result) dismissActivity(client, benchmark);
		else change(benchmark, { running: false, ...(activity.result || !ended.error ? {} : { error: ended.error }) });
	}
	void client.invalidateQueries({ queryKey: ["benchmarks"] });
	void client.invalidateQueries({ queryKey: ["evals"] });
	// On failure, the status remains until the screen is opened again.
	void readStatus(client, benchmarks, new AbortController().signal).catch(() => undefined);
}
