import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { BenchmarkAnswer, BenchmarkListAnswer, SyncPlanAnswer } from "../../server/answers/benchmarks.ts";
import type {
	EvalAnswer,
	EvalListAnswer,
	EvalTestsAnswer,
	FixPreviewAnswer,
	RunPlanAnswer,
} from "../../server/answers/evals.ts";
import type {
	RunAnswer,
	RunHistoryAnswer,
	RunListAnswer,
	RunTestsAnswer,
	TestResultAnswer,
} from "../../server/answers/runs.ts";
import { api, unwrap } from "./api.ts";
import { read, write } from "./request.ts";

/** Everything the client asks the server, each under one key. */
export const aboutQuery = queryOptions({
	queryKey: ["about"],
	queryFn: () => unwrap(api.about.$get()),
	staleTime: Number.POSITIVE_INFINITY,
});

const id = encodeURIComponent;

export function benchmarksQuery(page: number, search: string) {
	return queryOptions({
		queryKey: ["benchmarks", "list", page, search],
		queryFn: () => read<BenchmarkListAnswer>("/benchmarks", { page, search }),
		placeholderData: keepPreviousData,
	});
}

export function benchmarkQuery(benchmark: string) {
	return queryOptions({
		queryKey: ["benchmarks", "one", benchmark],
		queryFn: async () => (await read<{ benchmark: BenchmarkAnswer }>(`/benchmarks/${id(benchmark)}`)).benchmark,
	});
}

/** What a sync would change. Asks the remote, so it is never kept. */
export function planQuery(benchmark: string) {
	return queryOptions({
		queryKey: ["plan", benchmark],
		queryFn: () => read<SyncPlanAnswer>(`/benchmarks/${id(benchmark)}/plan`),
		gcTime: 0,
		staleTime: Number.POSITIVE_INFINITY,
	});
}

export interface EvalFilter {
	/** A benchmark's id; undefined: Studio's own directory. */
	readonly benchmark: string | undefined;
	readonly search: string;
	readonly state: string;
}

export function evalsQuery(filter: EvalFilter, page: number) {
	return queryOptions({
		queryKey: ["evals", "list", filter, page],
		queryFn: () => read<EvalListAnswer>("/evals", { ...filter, page }),
		placeholderData: keepPreviousData,
	});
}

export function evalQuery(evalId: string) {
	return queryOptions({
		queryKey: ["evals", "one", evalId],
		queryFn: () => read<EvalAnswer>(`/evals/${id(evalId)}`),
	});
}

export function evalTestsQuery(evalId: string, search: string, page: number) {
	return queryOptions({
		queryKey: ["evals", "tests", evalId, search, page],
		queryFn: () => read<EvalTestsAnswer>(`/evals/${id(evalId)}/tests`, { search, page, page_size: 100 }),
	});
}

export function runPlanQuery(evalId: string, targets: readonly string[]) {
	return queryOptions({
		queryKey: ["run-plan", evalId, targets],
		queryFn: () => read<RunPlanAnswer>(`/evals/${id(evalId)}/run/plan`, { target: targets }),
		gcTime: 0,
	});
}

export function fixPreviewQuery(evalId: string, migrate: boolean) {
	return queryOptions({
		queryKey: ["fix-preview", evalId, migrate],
		queryFn: () => write<FixPreviewAnswer>("POST", `/evals/${id(evalId)}/fix/preview`, { migrate }),
		gcTime: 0,
		staleTime: Number.POSITIVE_INFINITY,
	});
}

export interface RunFilter {
	readonly search: string;
	readonly experiment: string;
	readonly target: string;
	readonly benchmark: string;
	readonly eval: string;
}

export function runsQuery(filter: RunFilter, page: number) {
	return queryOptions({
		queryKey: ["runs", "list", filter, page],
		queryFn: () => read<RunListAnswer>("/runs", { ...filter, page }),
		placeholderData: keepPreviousData,
	});
}

export function historyQuery(filter: RunFilter) {
	return queryOptions({
		queryKey: ["runs", "history", filter],
		queryFn: () => read<RunHistoryAnswer>("/runs/history", { ...filter }),
		placeholderData: keepPreviousData,
	});
}

/** How often a run that goes on is looked at. */
const liveMs = 1000;

export function runQuery(run: string) {
	return queryOptions({
		queryKey: ["runs", "one", run],
		queryFn: () => read<RunAnswer>(`/runs/${id(run)}`),
		refetchInterval: (query) => (query.state.data?.state === "running" ? liveMs : false),
	});
}

export interface RunTestsFilter {
	readonly search: string;
	readonly status: string;
	readonly target: string;
	readonly sort: string;
	readonly descending: boolean;
}

/** @param live the run goes on: its rows are asked for again and again */
export function runTestsQuery(run: string, filter: RunTestsFilter, page: number, live: boolean) {
	return queryOptions({
		queryKey: ["runs", "tests", run, filter, page],
		queryFn: () => read<RunTestsAnswer>(`/runs/${id(run)}/tests`, { ...filter, page, page_size: 200 }),
		refetchInterval: live ? liveMs : false,
	});
}

export function testResultQuery(run: string, test: string) {
	return queryOptions({
		queryKey: ["runs", "result", run, test],
		queryFn: () => read<TestResultAnswer>(`/runs/${id(run)}/tests/${id(test)}`),
	});
}
