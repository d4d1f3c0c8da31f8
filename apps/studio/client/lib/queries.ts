import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { TestResultAnswer } from "../../server/answers/runs.ts";
import { type FixModes, previewFix } from "./actions.ts";
import { api, unwrap } from "./api.ts";
import type { CompareSearch, EvalsSearch, RunSearch, RunsSearch } from "./screen-search.ts";

/** Everything the client asks the server, each under one key. */
export const aboutQuery = queryOptions({
	queryKey: ["about"],
	queryFn: () => unwrap(api.about.$get()),
	staleTime: Number.POSITIVE_INFINITY,
});

/** A filter as the server takes it: what is empty is left out. */
function given<Text extends string>(text: Text): Exclude<Text, ""> | undefined {
	return text === "" ? undefined : (text as Exclude<Text, "">);
}

export function benchmarksQuery(page: number, search: string) {
	return queryOptions({
		queryKey: ["benchmarks", "list", page, search],
		queryFn: () => unwrap(api.benchmarks.$get({ query: { page: String(page), search } })),
		placeholderData: keepPreviousData,
	});
}

export function benchmarkQuery(id: string) {
	return queryOptions({
		queryKey: ["benchmarks", "one", id],
		queryFn: async () => (await unwrap(api.benchmarks[":id"].$get({ param: { id } }))).benchmark,
	});
}

/** What a sync would change. Asks the remote, so it is never kept. */
export function planQuery(id: string) {
	return queryOptions({
		queryKey: ["plan", id],
		queryFn: () => unwrap(api.benchmarks[":id"].plan.$get({ param: { id } })),
		gcTime: 0,
		staleTime: Number.POSITIVE_INFINITY,
	});
}

/** @param benchmark its id; undefined: Studio's own directory */
export function evalsQuery(benchmark: string | undefined, { page, search, state }: EvalsSearch) {
	return queryOptions({
		queryKey: ["evals", "list", benchmark, page, search, state],
		queryFn: () => unwrap(api.evals.$get({ query: { benchmark, page: String(page), search, state: given(state) } })),
		placeholderData: keepPreviousData,
	});
}

export function evalQuery(id: string) {
	return queryOptions({
		queryKey: ["evals", "one", id],
		queryFn: () => unwrap(api.evals[":id"].$get({ param: { id } })),
	});
}

/** How many rows of a long table are asked for at once. */
export const tablePage = 200;

export function evalTestsQuery(id: string, search: string, page: number) {
	const query = { search, page: String(page), page_size: String(tablePage) };
	return queryOptions({
		queryKey: ["evals", "tests", id, search, page],
		queryFn: () => unwrap(api.evals[":id"].tests.$get({ param: { id }, query })),
	});
}

export function runPlanQuery(id: string, targets: string[]) {
	return queryOptions({
		queryKey: ["run-plan", id, targets],
		queryFn: () => unwrap(api.evals[":id"].run.plan.$get({ param: { id }, query: { target: targets } })),
		gcTime: 0,
	});
}

export function fixPreviewQuery(id: string, modes: FixModes) {
	return queryOptions({
		queryKey: ["fix-preview", id, modes],
		queryFn: () => previewFix(id, modes),
		gcTime: 0,
		staleTime: Number.POSITIVE_INFINITY,
	});
}

export type RunFilter = Omit<RunsSearch, "page" | "pick">;

function runFilter({ search, experiment, target, benchmark, eval: file }: RunFilter) {
	return {
		search,
		experiment: given(experiment),
		target: given(target),
		benchmark: given(benchmark),
		eval: given(file),
	};
}

export function runsQuery(filter: RunFilter, page: number) {
	return queryOptions({
		queryKey: ["runs", "list", filter, page],
		queryFn: () => unwrap(api.runs.$get({ query: { ...runFilter(filter), page: String(page) } })),
		placeholderData: keepPreviousData,
	});
}

export function historyQuery(filter: RunFilter) {
	return queryOptions({
		queryKey: ["runs", "history", filter],
		queryFn: () => unwrap(api.runs.history.$get({ query: runFilter(filter) })),
		placeholderData: keepPreviousData,
	});
}

/** How often a run that goes on is looked at. */
const liveMs = 1000;

export function runQuery(id: string) {
	return queryOptions({
		queryKey: ["runs", "one", id],
		queryFn: () => unwrap(api.runs[":id"].$get({ param: { id } })),
		refetchInterval: (query) => (query.state.data?.state === "running" ? liveMs : false),
	});
}

/** @param live the run goes on: its rows are asked for again and again */
export function runTestsQuery(id: string, filter: RunSearch, page: number, live: boolean) {
	const query = {
		search: filter.search,
		status: given(filter.status),
		target: given(filter.target),
		sort: filter.sort,
		descending: filter.descending ? ("true" as const) : undefined,
		page: String(page),
		page_size: String(tablePage),
	};
	return queryOptions({
		queryKey: ["runs", "tests", id, filter, page],
		queryFn: () => unwrap(api.runs[":id"].tests.$get({ param: { id }, query })),
		refetchInterval: live ? liveMs : false,
	});
}

export function testResultQuery(run: string, test: string) {
	return queryOptions({
		queryKey: ["runs", "result", run, test],
		queryFn: async () => {
			// `hc` cannot follow a type that holds itself: the parts of composite graders.
			const answer: unknown = await unwrap(api.runs[":id"].tests[":test"].$get({ param: { id: run, test } }));
			return answer as TestResultAnswer;
		},
	});
}

/** @param runs two to five ids; the first is what the others are compared with */
export function compareQuery(runs: string[], { part, differing, sort, descending, vary, page, search }: CompareSearch) {
	// Only parts that there are: the address is anybody's.
	const known = ["test", "graders", "workspace", "hooks", "target"] as const;
	const query = {
		run: runs,
		part,
		differing: part === "changed" ? given(differing) : undefined,
		sort,
		descending: descending ? ("true" as const) : undefined,
		vary: known.filter((one) => vary.split(",").includes(one)),
		page: String(page),
		page_size: "100",
		search,
	};
	return queryOptions({
		queryKey: ["runs", "compare", query],
		queryFn: () => unwrap(api.runs.compare.$get({ query })),
		placeholderData: keepPreviousData,
	});
}
