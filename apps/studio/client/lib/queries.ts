import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import type { TestResultAnswer } from "../../server/answers/runs.ts";
import { api, type TypedResponse, unwrap, writes } from "./api.ts";
import type { CompareSearch, EvalsSearch, RunSearch, RunsSearch } from "./search.ts";

/** The queries of every screen, each under its own key. */
export const aboutQuery = queryOptions({
	queryKey: ["about"],
	queryFn: () => unwrap(api.about.$get()),
	staleTime: Number.POSITIVE_INFINITY,
});

/** Returns undefined for an empty filter, which leaves it out of the request. */
function nonEmpty<Text extends string>(text: Text): Exclude<Text, ""> | undefined {
	return text === "" ? undefined : (text as Exclude<Text, "">);
}

/** A list that stays until its next page or filter is known. */
function listQuery<Body>(queryKey: readonly unknown[], request: () => Promise<TypedResponse<Body>>) {
	return queryOptions({ queryKey, queryFn: () => unwrap(request()), placeholderData: keepPreviousData });
}

/** A preview of what a confirmation does: never cached. */
function previewQuery<Body>(queryKey: readonly unknown[], request: () => Promise<TypedResponse<Body>>) {
	return queryOptions({ queryKey, queryFn: () => unwrap(request()), gcTime: 0, staleTime: Number.POSITIVE_INFINITY });
}

export const benchmarksQuery = (page: number, search: string) =>
	listQuery(["benchmarks", "list", page, search], () => api.benchmarks.$get({ query: { page: String(page), search } }));

export const benchmarkQuery = (id: string) =>
	queryOptions({
		queryKey: ["benchmarks", "one", id],
		queryFn: async () => (await unwrap(api.benchmarks[":id"].$get({ param: { id } }))).benchmark,
	});

/** Contacts the remote. */
export const planQuery = (id: string) =>
	previewQuery(["plan", id], () => api.benchmarks[":id"].plan.$get({ param: { id } }));

/** @param benchmark undefined for the directory in which Studio was started */
export const evalsQuery = (benchmark: string | undefined, { page, search, state }: EvalsSearch) =>
	listQuery(["evals", "list", benchmark, page, search, state], () =>
		api.evals.$get({ query: { benchmark, page: String(page), search, state: nonEmpty(state) } }),
	);

export const evalQuery = (id: string) =>
	queryOptions({ queryKey: ["evals", "one", id], queryFn: () => unwrap(api.evals[":id"].$get({ param: { id } })) });

/** Rows per request of a long table. */
export const tablePage = 200;

export function evalTestsQuery(id: string, search: string, page: number) {
	const query = { search, page: String(page), page_size: String(tablePage) };
	return queryOptions({
		queryKey: ["evals", "tests", id, search, page],
		queryFn: () => unwrap(api.evals[":id"].tests.$get({ param: { id }, query })),
	});
}

export const runPlanQuery = (id: string, targets: string[]) =>
	queryOptions({
		queryKey: ["run-plan", id, targets],
		queryFn: () => unwrap(api.evals[":id"].run.plan.$get({ param: { id }, query: { target: targets } })),
		gcTime: 0,
	});

/** `migrate` replaces deprecated spellings, `pin` branches and tags by their current commits. */
export const fixPreviewQuery = (id: string, json: { readonly migrate: boolean; readonly pin: boolean }) =>
	previewQuery(["fix-preview", id, json], () => writes.evals[":id"].fix.preview.$post({ param: { id }, json }));

export type RunFilter = Omit<RunsSearch, "page" | "pick">;

function runFilter({ search, experiment, target, benchmark, eval: file }: RunFilter) {
	return {
		search,
		experiment: nonEmpty(experiment),
		target: nonEmpty(target),
		benchmark: nonEmpty(benchmark),
		eval: nonEmpty(file),
	};
}

export const runsQuery = (filter: RunFilter, page: number) =>
	listQuery(["runs", "list", filter, page], () =>
		api.runs.$get({ query: { ...runFilter(filter), page: String(page) } }),
	);

export const historyQuery = (filter: RunFilter) =>
	listQuery(["runs", "history", filter], () => api.runs.history.$get({ query: runFilter(filter) }));

/** Polling interval of a running run. */
const liveMs = 1000;

export function runQuery(id: string) {
	return queryOptions({
		queryKey: ["runs", "one", id],
		queryFn: () => unwrap(api.runs[":id"].$get({ param: { id } })),
		refetchInterval: (query) => (query.state.data?.state === "running" ? liveMs : false),
	});
}

/** @param live polls, because the run is still running */
export function runTestsQuery(id: string, filter: RunSearch, page: number, live: boolean) {
	const query = {
		search: filter.search,
		status: nonEmpty(filter.status),
		target: nonEmpty(filter.target),
		eval: nonEmpty(filter.eval),
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
			// `hc` does not support recursive types: the parts of composite graders.
			const result: unknown = await unwrap(api.runs[":id"].tests[":test"].$get({ param: { id: run, test } }));
			return result as TestResultAnswer;
		},
	});
}

/** @param runs two to five ids; the others are compared with the first */
export function compareQuery(runs: string[], { part, differing, sort, descending, vary, page, search }: CompareSearch) {
	// The address may contain anything; the server accepts known parts only.
	const known = ["test", "graders", "workspace", "hooks", "target"] as const;
	const query = {
		run: runs,
		part,
		differing: part === "changed" ? nonEmpty(differing) : undefined,
		sort,
		descending: descending ? ("true" as const) : undefined,
		vary: known.filter((name) => vary.split(",").includes(name)),
		page: String(page),
		page_size: "100",
		search,
	};
	return listQuery(["runs", "compare", query], () => api.runs.compare.$get({ query }));
}

/** Returns true if Studio is read-only, and until that is known, so that no button disappears again. */
export function useReadOnly(): boolean {
	return useQuery(aboutQuery).data?.read_only ?? true;
}
