import { getRouteApi, Link } from "@tanstack/react-router";
import type { RunAnswer, RunTestEntry, RunTestsAnswer } from "../../../server/answers/runs.ts";
import { Chips, chipClass } from "../../components/chips.tsx";
import { type Column, DataTable } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { Choice } from "../../components/field.tsx";
import { FilterBar } from "../../components/filter-bar.tsx";
import { Failure, Loading } from "../../components/load-state.tsx";
import { Panel } from "../../components/panel.tsx";
import { SearchField } from "../../components/search-field.tsx";
import { StatusMark } from "../../components/status-mark.tsx";
import { cost, count, duration, plural, score } from "../../lib/format.ts";
import { runTestsQuery, tablePage } from "../../lib/queries.ts";
import type { RunSearch } from "../../lib/screen-search.ts";
import { usePagedRows } from "../../lib/use-paged-rows.ts";
import classes from "./run.module.css";

const route = getRouteApi("/runs/$run");

/** Every test of a run: filter, search, sort. */
export function TestsTable({ run }: { run: RunAnswer }) {
	const filter = route.useSearch();
	const navigate = route.useNavigate();
	const change = (more: Partial<RunSearch>) =>
		void navigate({ search: { ...filter, ...more }, replace: true, resetScroll: false });
	const rows = usePagedRows((page) => runTestsQuery(run.id, filter, page, run.state === "running"), tablePage);
	if (!rows.answer) {
		const { error, refetch } = rows.first;
		return error ? <Failure error={error} retry={() => void refetch()} /> : <Loading />;
	}
	const isFiltered = filter.search !== "" || filter.status !== "" || filter.target !== "";
	return (
		<>
			<Tools answer={rows.answer} filter={filter} onChange={change} />
			<Panel flush>
				<DataTable
					label="Test results"
					columns={columns(run.id)}
					total={rows.total}
					at={rows.at}
					show={rows.show}
					sorting={{ key: filter.sort, descending: filter.descending }}
					onSort={({ key, descending }) => change({ sort: key as RunSearch["sort"], descending })}
					empty={
						<Empty
							icon="search"
							title={
								isFiltered ? "No test matches" : run.state === "running" ? "No test has finished yet" : "No results"
							}
						/>
					}
				/>
			</Panel>
		</>
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

interface ToolsProps {
	readonly answer: RunTestsAnswer;
	readonly filter: RunSearch;
	readonly onChange: (more: Partial<RunSearch>) => void;
}

function Tools({ answer: { counts, not_run: left, targets }, filter, onChange }: ToolsProps) {
	const all = counts.ok + counts.quality_failure + counts.execution_error + left;
	const chips: readonly (readonly [RunSearch["status"], string, number])[] = [
		["", "All", all],
		["ok", "Passed", counts.ok],
		["quality_failure", "Failed", counts.quality_failure],
		["execution_error", "Not graded", counts.execution_error],
		...(left > 0 || filter.status === "not_run" ? [["not_run", "Not run", left] as const] : []),
	];
	return (
		<FilterBar>
			<SearchField label="Search tests" value={filter.search} onChange={(search) => onChange({ search })} />
			<Chips label="Status">
				{chips.map(([status, label, number]) => (
					<Link
						key={status}
						from="/runs/$run"
						search={(before) => ({ ...before, status })}
						replace
						resetScroll={false}
						className={chipClass}
						activeOptions={{ exact: true }}
						aria-current={filter.status === status ? "true" : undefined}
					>
						{label} <span>{count(number)}</span>
					</Link>
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
			<span className={classes.narrowOnly}>
				<Choice
					label="Sort"
					value={filter.sort}
					options={sorts}
					onChange={(sort) => onChange({ sort: sort as RunSearch["sort"] })}
				/>
			</span>
		</FilterBar>
	);
}

function columns(run: string): readonly Column<RunTestEntry>[] {
	return [
		{
			key: "test",
			title: "Test",
			width: "minmax(0, 1fr)",
			sorts: true,
			narrow: "first",
			cell: (row) => <Test run={run} row={row} />,
		},
		{
			key: "status",
			title: "Status",
			width: "104px",
			sorts: true,
			narrow: "second",
			cell: ({ status }) => <StatusMark status={status} />,
		},
		{
			key: "score",
			title: "Score",
			width: "104px",
			align: "end",
			sorts: true,
			narrow: "second",
			cell: (row) => <Score row={row} />,
		},
		{ key: "target", title: "Target", width: "140px", sorts: true, narrow: "second", cell: ({ target }) => target },
		{
			key: "duration",
			title: "Duration",
			width: "104px",
			align: "end",
			sorts: true,
			narrow: "second",
			cell: ({ duration_ms: ms, attempts }) => (attempts.length === 0 ? none : duration(ms)),
		},
		{
			key: "cost",
			title: "Cost",
			width: "84px",
			align: "end",
			sorts: true,
			narrow: "none",
			cell: (row) => <Cost row={row} />,
		},
	];
}

const none = <span className="dim">–</span>;

/** The target's cost; that of judging in words. */
function Cost({ row: { cost_usd: usd, judging_cost_usd: judging } }: { row: RunTestEntry }) {
	if (usd === null) return none;
	return <span title={judging === null ? undefined : `and ${cost(judging)} for judging`}>{cost(usd)}</span>;
}

/** `2 of 3 attempts passed`; nothing for a test that is run once. */
function attemptsText({ attempts, repeat, status }: RunTestEntry): string | undefined {
	if (repeat.count === 1) return undefined;
	if (status === "not_run") return `${attempts.length} of ${repeat.count} attempts were made`;
	const passed = attempts.filter((one) => one.status === "ok").length;
	return `${passed} of ${plural(attempts.length, "attempt")} passed`;
}

function Test({ run, row }: { run: string; row: RunTestEntry }) {
	const words = <TestWords row={row} />;
	if (row.id === null) return <span title={row.test_id}>{words}</span>;
	return (
		<Link to="/runs/$run/tests/$test" params={{ run, test: row.id }} title={row.error?.message ?? row.test_id}>
			{words}
		</Link>
	);
}

function TestWords({ row }: { row: RunTestEntry }) {
	const attempts = attemptsText(row);
	return (
		<>
			<span className="mono">{row.test_id}</span>
			{attempts === undefined ? null : <span className="dim"> {attempts}</span>}
			{row.error ? (
				<span className={classes.error}>
					{" "}
					{row.error.stage}: {row.error.message}
				</span>
			) : null}
		</>
	);
}

function Score({ row: { score: value, threshold } }: { row: RunTestEntry }) {
	if (value === null || threshold === null) return none;
	return (
		<span title={`threshold ${threshold}`}>
			<span className={value < threshold ? classes.below : undefined}>{score(value)}</span>
			<span className="dim"> / {score(threshold)}</span>
		</span>
	);
}
