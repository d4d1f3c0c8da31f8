import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import type { BenchmarkMarkEvent, BenchmarkMarks } from "../../server/answers/benchmarks.ts";
import { apiAddress } from "./api.ts";
import { readEvents, withIds } from "./read-events.ts";

const key = (benchmark: string) => ["benchmark-marks", benchmark];

/** Revision and work tree of a benchmark, once an event has brought them. */
export function useMarks(benchmark: string): BenchmarkMarks | undefined {
	return useQuery<BenchmarkMarks>({
		queryKey: key(benchmark),
		queryFn: () => Promise.reject(new Error("marks come by events")),
		enabled: false,
		gcTime: Number.POSITIVE_INFINITY,
	}).data;
}

/** Keeps what a marks event says. */
export function keepMarks(client: QueryClient, event: BenchmarkMarkEvent): void {
	if (event.type === "marks") client.setQueryData(key(event.marks.id), event.marks);
}

/** Asks git for the marks of these benchmarks (offline); they appear one by one. */
export function useMarkStream(benchmarks: readonly string[]) {
	const client = useQueryClient();
	const ids = benchmarks.join("\n");
	return useQuery({
		queryKey: ["benchmark-mark-stream", ids],
		enabled: ids !== "",
		gcTime: 0,
		queryFn: async ({ signal }) => {
			await readMarks(client, ids.split("\n"), signal);
			return true;
		},
	});
}

/** Asks again for the marks of some benchmarks, after something was done to them. */
export function reloadMarks(client: QueryClient, benchmarks: readonly string[]): void {
	// Where that fails the marks stay as they were; the next visit of the screen asks again.
	void readMarks(client, benchmarks, new AbortController().signal).catch(() => undefined);
}

function readMarks(client: QueryClient, ids: readonly string[], signal: AbortSignal): Promise<void> {
	return readEvents<BenchmarkMarkEvent>(`${apiAddress}/benchmarks/marks${withIds(ids)}`, signal, (event) =>
		keepMarks(client, event),
	);
}
