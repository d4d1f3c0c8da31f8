import { Group, Text } from "@mantine/core";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, type NavigateOptions } from "@tanstack/react-router";
import type { BenchmarkAnswer } from "../../server/describe-benchmark.ts";
import type { EvalEntry, EvalListAnswer } from "../../server/describe-eval.ts";
import type { EvalMarkEvent, EvalMarks } from "../../server/find-eval.ts";
import { BenchmarkActions, BenchmarkBadges, LastSync, SyncNote } from "../components/benchmark-status.tsx";
import { type Column, DataTable } from "../components/data-table.tsx";
import { Choice, FilterBar, SearchField } from "../components/form.tsx";
import { Empty, Facts, LoadState, mono, PageHeader, Pager } from "../components/page.tsx";
import { Note, PassBar, PortabilityBadge, StatusBadge, Time } from "../components/status.tsx";
import { aboutQuery, api, listQuery, nonEmpty, unwrap } from "../lib/api.ts";
import { useBenchmarkStatus, useRunningSyncs, useStatusStream, useSyncActivity } from "../lib/benchmark-activity.ts";
import { readEvents } from "../lib/events.ts";
import { count, plural, shortSha } from "../lib/format.ts";
import type { EvalsSearch } from "../lib/search.ts";

const benchmarkRoute = getRouteApi("/benchmarks/$benchmark");
const hereRoute = getRouteApi("/here");
const crumbs = [{ label: "Benchmarks", to: "/" }];

const benchmarkQuery = (id: string) =>
	queryOptions({
		queryKey: ["benchmarks", "one", id],
		queryFn: async () => (await unwrap(api.benchmarks[":id"].$get({ param: { id } }))).benchmark,
	});

/** @param benchmark undefined for the directory in which Studio was started */
const evalsQuery = (benchmark: string | undefined, { page, search, state }: EvalsSearch) =>
	listQuery(["evals", "list", benchmark, page, search, state], () =>
		api.evals.$get({ query: { benchmark, page: String(page), search, state: nonEmpty(state) } }),
	);

export function Benchmark() {
	const { benchmark: id } = benchmarkRoute.useParams();
	const search = benchmarkRoute.useSearch();
	const navigate = benchmarkRoute.useNavigate();
	const benchmark = useQuery(benchmarkQuery(id));
	return (
		<>
			{benchmark.data ? <Head benchmark={benchmark.data} /> : <PageHeader title={id} crumbs={crumbs} />}
			<LoadState query={benchmark}>
				{() => (
					<Evals
						benchmark={id}
						search={search}
						onSearch={(next, options) => void navigate({ search: next, ...options })}
					/>
				)}
			</LoadState>
		</>
	);
}

/** Shows the evals of the directory in which Studio was started. */
export function Here() {
	const search = hereRoute.useSearch();
	const navigate = hereRoute.useNavigate();
	const about = useQuery(aboutQuery);
	return (
		<>
			<PageHeader
				title="This directory"
				crumbs={crumbs}
				description={<span className="mono">{about.data?.cwd ?? " "}</span>}
			/>
			<Evals
				benchmark={undefined}
				search={search}
				onSearch={(next, options) => void navigate({ search: next, ...options })}
			/>
		</>
	);
}

function Head({ benchmark }: { benchmark: BenchmarkAnswer }) {
	const { id, name, source, path, problem } = benchmark;
	useStatusStream(problem === null ? [id] : []);
	useRunningSyncs([benchmark]);
	const status = useBenchmarkStatus(id);
	const activity = useSyncActivity(id);
	const commit = status?.revision;
	return (
		<>
			<PageHeader
				title={name}
				crumbs={crumbs}
				badges={<BenchmarkBadges item={benchmark} status={status} />}
				description={problem ?? status?.message ?? " "}
				actions={<BenchmarkActions benchmark={benchmark} busy={activity?.running ?? false} />}
			/>
			{activity ? <SyncNote benchmark={id} activity={activity} /> : null}
			<Text component="div" my="md">
				<Facts
					of={{
						Source: mono(source && `${source.url}${source.ref ? ` @ ${source.ref}` : ""}`),
						Path: mono(path),
						Commit: commit?.sha ? (
							<>
								{mono(shortSha(commit.sha))} {commit.subject}
							</>
						) : null,
						"Last sync": source ? <LastSync sync={benchmark.last_sync} /> : null,
					}}
				/>
			</Text>
		</>
	);
}

interface EvalsProps {
	/** Undefined for the directory in which Studio was started. */
	readonly benchmark: string | undefined;
	readonly search: EvalsSearch;
	readonly onSearch: (search: EvalsSearch, options?: Pick<NavigateOptions, "replace">) => void;
}

const states = [
	["", "Any state"],
	["errors", "With errors"],
	["warnings", "With warnings"],
	["clean", "Portable"],
	["unknown", "Not validated yet"],
] as const;

function Evals({ benchmark, search, onSearch }: EvalsProps) {
	const list = useQuery(evalsQuery(benchmark, search));
	return (
		<>
			<FilterBar total={list.data && plural(list.data.total, "eval")}>
				<SearchField
					label="Search evals"
					value={search.search}
					onChange={(text) => onSearch({ ...search, search: text, page: 1 }, { replace: true })}
				/>
				<Choice
					label="State"
					value={search.state}
					options={states}
					onChange={(state) => onSearch({ ...search, state, page: 1 })}
				/>
			</FilterBar>
			<LoadState query={list}>
				{(response) => (
					<>
						{response.problem ? <Note tone="warn" title={response.problem} /> : null}
						<EvalTable response={response} isFiltered={search.search !== "" || search.state !== ""} />
						<Pager page={response.page} pages={response.pages} onPage={(page) => onSearch({ ...search, page })} />
					</>
				)}
			</LoadState>
		</>
	);
}

type Row = EvalEntry & { readonly status: EvalMarks | undefined };

/** Reads missing details; each appears as soon as it is known. */
function useEvalStatus(entries: readonly EvalEntry[]): ReadonlyMap<string, EvalMarks> {
	const client = useQueryClient();
	const missing = entries.filter(({ marks }) => marks === null).map(({ id }) => id);
	const key = ["eval-status", missing.join()];
	const status = useQuery<ReadonlyMap<string, EvalMarks>>({
		queryKey: key,
		enabled: missing.length > 0,
		staleTime: Number.POSITIVE_INFINITY,
		gcTime: 0,
		queryFn: async ({ signal }) => {
			let known: ReadonlyMap<string, EvalMarks> = new Map();
			await readEvents<EvalMarkEvent>("/evals/marks", missing, signal, (event) => {
				if (event.type !== "marks") return;
				known = new Map(known).set(event.id, event.marks);
				client.setQueryData(key, known);
			});
			return known;
		},
	});
	return status.data ?? new Map();
}

function EvalTable({ response, isFiltered }: { response: EvalListAnswer; isFiltered: boolean }) {
	const status = useEvalStatus(response.items);
	if (response.total === 0 && response.problem) return null;
	const rows: Row[] = response.items.map((entry) => ({ ...entry, status: entry.marks ?? status.get(entry.id) }));
	return (
		<DataTable
			label="Evals"
			columns={columns}
			total={rows.length}
			at={(index) => rows[index]}
			empty={
				<Empty icon="file" title={isFiltered ? "No evals match" : "No evals here"}>
					{isFiltered
						? "Change the search or the filter."
						: "Files named *.eval.yaml, *.eval.yml, eval.yaml or EVAL.yaml are listed here."}
				</Empty>
			}
		/>
	);
}

const columns: readonly Column<Row>[] = [
	{ key: "eval", title: "Eval", width: "minmax(0, 1fr)", narrow: "first", cell: (row) => <Name row={row} /> },
	{
		key: "tests",
		title: "Tests",
		width: "64px",
		align: "end",
		cell: ({ status }) => (status ? count(status.tests) : ""),
	},
	{
		key: "target",
		title: "Target",
		width: "150px",
		cell: ({ status }) => <span title={status?.targets.join(", ")}>{status?.targets.join(", ")}</span>,
	},
	{
		key: "state",
		title: "Portability",
		width: "116px",
		narrow: "second",
		cell: ({ status }) => <PortabilityBadge counts={status} />,
	},
	{ key: "last", title: "Last result", width: "230px", narrow: "second", cell: (row) => <LastResult row={row} /> },
];

function Name({ row: { id, file, status } }: { row: Row }) {
	return (
		<Link to="/evals/$eval" params={{ eval: id }} title={file}>
			{status && !file.includes(status.name) ? <strong>{status.name} </strong> : null}
			<span className="mono">{file}</span>
		</Link>
	);
}

function LastResult({ row: { job, last_result: last } }: { row: Row }) {
	if (job !== null) return <StatusBadge look={["info", "play", "Running"]} />;
	if (!last) return <span className="dim">Never run</span>;
	return (
		<Group gap="sm" wrap="nowrap">
			<PassBar counts={last} />
			<Link to="/runs/$run" params={{ run: last.run }}>
				<Time at={last.started_at} />
			</Link>
		</Group>
	);
}
