import { getRouteApi, Link } from "@tanstack/react-router";
import type { EvalTestAnswer } from "../../../server/answers/evals.ts";
import { type Column, DataTable } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { FilterBar } from "../../components/filter-bar.tsx";
import { Failure, Loading } from "../../components/load-state.tsx";
import { Panel } from "../../components/panel.tsx";
import { SearchField } from "../../components/search-field.tsx";
import { plural } from "../../lib/format.ts";
import { evalTestsQuery, tablePage } from "../../lib/queries.ts";
import { usePagedRows } from "../../lib/use-paged-rows.ts";

const route = getRouteApi("/evals/$eval");

/** The tests of an eval, however many, wherever they are written. */
export function TestsTab({ id }: { id: string }) {
	const { search } = route.useSearch();
	const navigate = route.useNavigate();
	const rows = usePagedRows((page) => evalTestsQuery(id, search, page), tablePage);
	if (!rows.answer) {
		const { error, refetch } = rows.first;
		return error ? <Failure error={error} retry={() => void refetch()} /> : <Loading />;
	}
	return (
		<>
			<FilterBar total={plural(rows.total, "test")}>
				<SearchField
					label="Search tests"
					value={search}
					onChange={(text) => void navigate({ search: (before) => ({ ...before, search: text }), replace: true })}
				/>
			</FilterBar>
			<Panel flush>
				<DataTable
					label="Tests"
					columns={columns(id)}
					total={rows.total}
					at={rows.at}
					show={rows.show}
					empty={<Empty icon="file" title={search === "" ? "No tests could be loaded" : "No test matches"} />}
				/>
			</Panel>
		</>
	);
}

function columns(id: string): readonly Column<EvalTestAnswer>[] {
	return [
		{
			key: "id",
			title: "Test",
			width: "minmax(120px, 300px)",
			narrow: "first",
			cell: (test) => (
				<span className="mono" title={test.description ?? test.id}>
					{test.id}
				</span>
			),
		},
		{
			key: "input",
			title: "Input",
			width: "minmax(0, 1fr)",
			narrow: "none",
			cell: (test) => <span title={test.input}>{test.input}</span>,
		},
		{
			key: "assertions",
			title: "Assertions",
			width: "210px",
			narrow: "second",
			cell: (test) => <span title={test.assertions.join(", ")}>{test.assertions.join(", ")}</span>,
		},
		{
			key: "tags",
			title: "Tags and target",
			width: "150px",
			narrow: "none",
			cell: (test) => <span className="dim">{[...test.tags, test.target ?? ""].filter(Boolean).join(", ")}</span>,
		},
		{ key: "place", title: "Place", width: "150px", narrow: "second", cell: (test) => <Place id={id} test={test} /> },
	];
}

function Place({ id, test: { file, line } }: { id: string; test: EvalTestAnswer }) {
	const name = file.split("/").at(-1);
	if (line === null || !/\.ya?ml$/i.test(file))
		return (
			<span className="mono dim" title={file}>
				{name}
				{line === null ? "" : `:${line}`}
			</span>
		);
	return (
		<Link to="/evals/$eval" params={{ eval: id }} search={{ line }} title={`${file}:${line}`}>
			Line {line}
		</Link>
	);
}
