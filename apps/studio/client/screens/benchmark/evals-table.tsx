import { useQuery } from "@tanstack/react-query";
import { Link, type NavigateOptions } from "@tanstack/react-router";
import type { EvalEntry, EvalListAnswer, EvalMarks } from "../../../server/answers/evals.ts";
import { type Column, DataTable } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { Choice } from "../../components/field.tsx";
import { FilterBar } from "../../components/filter-bar.tsx";
import { LoadState } from "../../components/load-state.tsx";
import { Mark } from "../../components/mark.tsx";
import { Note } from "../../components/note.tsx";
import { Pager } from "../../components/pager.tsx";
import { Panel } from "../../components/panel.tsx";
import { PassBar } from "../../components/pass-bar.tsx";
import { PortabilityMark } from "../../components/portability-mark.tsx";
import { SearchField } from "../../components/search-field.tsx";
import { Time } from "../../components/time.tsx";
import { useEvalMarks } from "../../lib/eval-marks.ts";
import { count, plural } from "../../lib/format.ts";
import { evalsQuery } from "../../lib/queries.ts";
import type { EvalsSearch } from "../../lib/screen-search.ts";
import classes from "./evals-table.module.css";

interface EvalsTableProps {
	/** Undefined: Studio's own directory. */
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

/** The evals of a benchmark, with search and filter. */
export function EvalsTable({ benchmark, search, onSearch }: EvalsTableProps) {
	const list = useQuery(evalsQuery(benchmark, search));
	return (
		<>
			<FilterBar {...(list.data ? { total: plural(list.data.total, "eval") } : {})}>
				<SearchField
					label="Search evals"
					value={search.search}
					onChange={(text) => onSearch({ ...search, search: text, page: 1 }, { replace: true })}
				/>
				<Choice
					label="State"
					value={search.state}
					options={states}
					onChange={(state) => onSearch({ ...search, state: state as EvalsSearch["state"], page: 1 })}
				/>
			</FilterBar>
			<LoadState query={list}>
				{(answer) => (
					<>
						{answer.problem ? <Note tone="warn" title={answer.problem} /> : null}
						<Table answer={answer} filtered={search.search !== "" || search.state !== ""} />
						<Pager page={answer.page} pages={answer.pages} onPage={(page) => onSearch({ ...search, page })} />
					</>
				)}
			</LoadState>
		</>
	);
}

type Row = EvalEntry & { readonly found: EvalMarks | undefined };

function Table({ answer, filtered }: { answer: EvalListAnswer; filtered: boolean }) {
	const marks = useEvalMarks(answer.items);
	if (answer.total === 0 && answer.problem) return null;
	const rows: Row[] = answer.items.map((entry) => ({ ...entry, found: entry.marks ?? marks.get(entry.id) }));
	return (
		<Panel flush>
			<DataTable
				label="Evals"
				columns={columns}
				total={rows.length}
				at={(index) => rows[index]}
				empty={
					<Empty icon="file" title={filtered ? "No eval matches" : "No evals here"}>
						<p>
							{filtered
								? "Change the search or the filter."
								: "Files named *.eval.yaml, *.eval.yml, eval.yaml or EVAL.yaml are listed here."}
						</p>
					</Empty>
				}
			/>
		</Panel>
	);
}

const columns: readonly Column<Row>[] = [
	{ key: "eval", title: "Eval", width: "minmax(0, 1fr)", narrow: "first", cell: (row) => <Name row={row} /> },
	{
		key: "tests",
		title: "Tests",
		width: "64px",
		align: "end",
		narrow: "none",
		cell: ({ found }) => (found ? count(found.tests) : ""),
	},
	{
		key: "target",
		title: "Target",
		width: "150px",
		narrow: "none",
		cell: ({ found }) => <span title={found?.targets.join(", ")}>{found?.targets.join(", ")}</span>,
	},
	{
		key: "state",
		title: "Portability",
		width: "116px",
		narrow: "second",
		cell: ({ found }) => <PortabilityMark found={found} />,
	},
	{
		key: "last",
		title: "Last result",
		width: "230px",
		narrow: "second",
		cell: (row) => <LastResult row={row} />,
	},
];

function Name({ row }: { row: Row }) {
	return (
		<Link to="/evals/$eval" params={{ eval: row.id }} title={row.file}>
			{row.found && !row.file.includes(row.found.name) ? <strong>{row.found.name} </strong> : null}
			<span className="mono">{row.file}</span>
		</Link>
	);
}

function LastResult({ row: { job, last_result: last } }: { row: Row }) {
	if (job !== null)
		return (
			<Mark tone="info" icon="play">
				Running
			</Mark>
		);
	if (!last) return <span className="dim">Never run</span>;
	return (
		<span className={classes.last}>
			<PassBar counts={last} />
			<Link to="/runs/$run" params={{ run: last.run }}>
				<Time at={last.started_at} />
			</Link>
		</span>
	);
}
