import { queryOptions } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { RunTests as Tests } from "../../server/routes/runs.ts";
import type { RunResponse } from "../../server/run-responses.ts";
import type { TestEntry } from "../../server/test-responses.ts";
import table from "../components/data-table.module.css";
import { type Column, DataTable, PagedTable } from "../components/data-table.tsx";
import { Choice, FilterBar, SearchField } from "../components/form.tsx";
import { Chip, Chips, Empty } from "../components/page.tsx";
import { TestBadge } from "../components/status.tsx";
import { api, liveMs, nonEmpty, tablePage, unwrap } from "../lib/api.ts";
import { cost, count, duration, plural, score } from "../lib/format.ts";
import type { RunSearch } from "../lib/search.ts";

const route = getRouteApi("/runs/$run");

/** @param live polls while the run is in progress */
function runTestsQuery(id: string, filter: RunSearch, page: number, live: boolean) {
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

export function RunTests({ run }: { run: RunResponse }) {
	const filter = route.useSearch();
	const navigate = route.useNavigate();
	const change = (update: Partial<RunSearch>) =>
		void navigate({ search: { ...filter, ...update }, replace: true, resetScroll: false });
	const isRunning = run.state === "under way";
	const isFiltered = filter.search !== "" || filter.status !== "" || filter.target !== "" || filter.eval !== "";
	const noTests = isFiltered ? "No tests match" : isRunning ? "No test has finished yet" : "No results";
	return (
		<PagedTable query={(page) => runTestsQuery(run.id, filter, page, isRunning)} pageSize={tablePage}>
			{(response: Tests, rows) => (
				<>
					<Filters response={response} filter={filter} onChange={change} />
					<DataTable
						{...rows}
						label="Test results"
						columns={columns(run.id)}
						sorting={{ key: filter.sort, descending: filter.descending }}
						onSort={({ key, descending }) => change({ sort: key as RunSearch["sort"], descending })}
						empty={<Empty icon="search" title={noTests} />}
					/>
				</>
			)}
		</PagedTable>
	);
}

const sorts: readonly (readonly [RunSearch["sort"], string])[] = [
	["order", "Order of the run"],
	["test", "Test"],
	["status", "Status"],
	["score", "Score"],
	["target", "Target"],
	["duration", "Duration"],
	["cost", "Cost"],
];

interface FiltersProps {
	readonly response: Tests;
	readonly filter: RunSearch;
	readonly onChange: (update: Partial<RunSearch>) => void;
}

function Filters({ response: { counts, targets, evals }, filter, onChange }: FiltersProps) {
	const chips: readonly (readonly [RunSearch["status"], string, number])[] = [
		["", "All", counts.passed + counts.failed + counts.error + counts.not_run],
		["passed", "Passed", counts.passed],
		["failed", "Failed", counts.failed],
		["error", "Not graded", counts.error],
		...(counts.not_run > 0 || filter.status === "not_run" ? [["not_run", "Not run", counts.not_run] as const] : []),
	];
	return (
		<FilterBar>
			<SearchField label="Search tests" value={filter.search} onChange={(search) => onChange({ search })} />
			<Chips label="Status">
				{chips.map(([status, label, number]) => (
					<Chip
						key={status}
						from="/runs/$run"
						search={(before) => ({ ...before, status })}
						replace
						resetScroll={false}
						isCurrent={filter.status === status}
					>
						{label} {count(number)}
					</Chip>
				))}
			</Chips>
			{targets.length > 1 ? (
				<Choice
					label="Target"
					value={filter.target}
					options={[["", "Any"], ...targets.map((target) => [target, target] as const)]}
					onChange={(target) => onChange({ target })}
				/>
			) : null}
			{evals.length > 1 ? (
				<Choice
					label="Eval"
					value={filter.eval}
					options={[["", "Any"], ...evals.map((file) => [file, file] as const)]}
					onChange={(file) => onChange({ eval: file })}
				/>
			) : null}
			<span className={table.narrowOnly}>
				<Choice label="Sort" value={filter.sort} options={sorts} onChange={(sort) => onChange({ sort })} />
			</span>
		</FilterBar>
	);
}

function columns(run: string): readonly Column<TestEntry>[] {
	return [
		{
			key: "test",
			title: "Test",
			width: "minmax(0, 1fr)",
			narrow: "first",
			cell: (row) => <Test run={run} row={row} />,
		},
		{
			key: "status",
			title: "Status",
			width: "112px",
			narrow: "second",
			cell: ({ status }) => <TestBadge status={status} />,
		},
		{
			key: "score",
			title: "Score",
			width: "104px",
			align: "end",
			narrow: "second",
			cell: (row) => <Score row={row} />,
		},
		{ key: "target", title: "Target", width: "140px", narrow: "second", cell: ({ target }) => target },
		{
			key: "duration",
			title: "Duration",
			width: "104px",
			align: "end",
			narrow: "second",
			cell: ({ duration_ms: ms, attempts }) => (attempts.length === 0 ? none : duration(ms)),
		},
		{ key: "cost", title: "Cost", width: "84px", align: "end", cell: (row) => <Cost row={row} /> },
	];
}

const none = <span className="dim">–</span>;

function Cost({ row: { cost_usd: usd, judging_cost_usd: judging } }: { row: TestEntry }) {
	if (usd === null) return none;
	return <span title={judging === null ? undefined : `and ${cost(judging)} for judging`}>{cost(usd)}</span>;
}

/** `2 of 3 attempts passed`; undefined without repetition. */
function attemptsText({ attempts, repeat, status }: TestEntry): string | undefined {
	if (repeat.count === 1) return undefined;
	if (status === "not_run") return `${attempts.length} of ${repeat.count} attempts completed`;
	const passed = attempts.filter((attempt) => attempt.execution_status === "ok").length;
	return `${passed} of ${plural(attempts.length, "attempt")} passed`;
}

function Test({ run, row }: { run: string; row: TestEntry }) {
	const { id, test_id: test, error } = row;
	const attempts = attemptsText(row);
	const label = (
		<>
			<span className="mono">{test}</span>{" "}
			<span className="dim">
				{attempts} {error ? `${error.stage}: ${error.message}` : null}
			</span>
		</>
	);
	if (id === null) return <span title={test}>{label}</span>;
	return (
		<Link to="/runs/$run/tests/$test" params={{ run, test: id }} title={error?.message ?? test}>
			{label}
		</Link>
	);
}

function Score({ row: { score: value, threshold } }: { row: TestEntry }) {
	if (value === null || threshold === null) return none;
	return (
		<span title={`threshold ${threshold}`}>
			<span style={{ color: value < threshold ? "var(--bad)" : undefined }}>{score(value)}</span>
			<span className="dim"> / {score(threshold)}</span>
		</span>
	);
}
