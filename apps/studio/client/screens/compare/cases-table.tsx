import { getRouteApi, Link } from "@tanstack/react-router";
import type { ComparisonAnswer } from "../../../server/answers/compare.ts";
import { Chips, chipClass } from "../../components/chips.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { Pager } from "../../components/pager.tsx";
import { Panel } from "../../components/panel.tsx";
import { SearchField } from "../../components/search-field.tsx";
import { count } from "../../lib/format.ts";
import type { CompareSearch } from "../../lib/screen-search.ts";
import { caseColumns } from "./case-columns.tsx";
import classes from "./compare.module.css";
import { Vary, varied } from "./vary.tsx";

const route = getRouteApi("/compare");

type Part = ComparisonAnswer["cases"]["part"];

const parts: readonly (readonly [Part, string, string])[] = [
	["comparable", "Comparable", "The same test, graders, workspace, hooks and target in both"],
	["changed", "Changed", "Something about the test differs, so its scores mean different things"],
	["new", "New", "Only in the later run"],
	["gone", "Gone", "Only in the earlier run"],
	["errors", "Not graded", "Not graded in one of them"],
];

/** The tests of one part of the split. */
export function CasesTable({ comparison }: { comparison: ComparisonAnswer }) {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const { items, page, pages, part } = comparison.cases;
	return (
		<>
			<div className={classes.tools}>
				<SearchField
					label="Search tests"
					value={search.search}
					onChange={(text) => void navigate({ search: { ...search, search: text, page: 1 }, replace: true })}
				/>
				<Chips label="Part">
					{parts.map(([key, label, about]) => (
						<Link
							key={key}
							from="/compare"
							search={(before) => ({ ...before, part: key, differing: "", page: 1 })}
							replace
							resetScroll={false}
							activeOptions={{ exact: true }}
							className={chipClass}
							title={about}
							aria-current={part === key ? "true" : undefined}
						>
							{label} <span>{count(comparison.counts[key])}</span>
						</Link>
					))}
				</Chips>
			</div>
			{part === "changed" ? <Differing counts={comparison.changed_parts} /> : null}
			<Panel flush>
				<DataTable
					label="Compared tests"
					columns={caseColumns(search)}
					total={items.length}
					at={(index) => items[index]}
					sorting={{ key: search.sort, descending: search.descending }}
					onSort={({ key, descending }) =>
						void navigate({
							search: { ...search, sort: key as CompareSearch["sort"], descending, page: 1 },
							resetScroll: false,
						})
					}
					empty={<Nothing comparison={comparison} isFiltered={search.search !== "" || search.differing !== ""} />}
				/>
			</Panel>
			<Pager page={page} pages={pages} onPage={(next) => void navigate({ search: { ...search, page: next } })} />
			<Vary />
		</>
	);
}

/** What each part of the split means where it is empty. */
const nothing: Readonly<Record<Part, string>> = {
	comparable: "No test has the same fingerprint in both runs and was judged in both.",
	changed: "What the runs have in common was not changed between them.",
	new: "The later run has no test that the earlier has not.",
	gone: "The earlier run has no test that the later has not.",
	errors: "Every comparable test was judged in both.",
};

function Nothing({ comparison, isFiltered }: { comparison: ComparisonAnswer; isFiltered: boolean }) {
	const { cases, counts, changed_parts: differing } = comparison;
	if (isFiltered) return <Empty icon="search" title="No test matches" />;
	const [part] = varied.find(([name]) => differing[name] === counts.changed) ?? [];
	return (
		<Empty icon="split" title="No test here">
			<p>{nothing[cases.part]}</p>
			{cases.part === "comparable" && part !== undefined && counts.changed > 0 ? (
				<p>
					All that both runs have differ in the {part}. If that is meant to differ, say so below: then they are
					compared.
				</p>
			) : null}
		</Empty>
	);
}

/** In what changed tests differ, each a filter. */
function Differing({ counts }: { counts: ComparisonAnswer["changed_parts"] }) {
	const search = route.useSearch();
	const found = Object.entries(counts) as [Exclude<CompareSearch["differing"], "">, number][];
	if (found.length < 2) return null;
	const chips: readonly (readonly [CompareSearch["differing"], string, number | undefined])[] = [
		["", "All", undefined],
		...found.map(([part, number]) => [part, part === "unknown" ? "Nobody knows" : partNames[part], number] as const),
	];
	return (
		<div className={classes.tools}>
			<Chips label="What was changed">
				{chips.map(([part, label, number]) => (
					<Link
						key={part}
						from="/compare"
						search={(before) => ({ ...before, differing: part, page: 1 })}
						replace
						resetScroll={false}
						activeOptions={{ exact: true }}
						className={chipClass}
						aria-current={search.differing === part ? "true" : undefined}
					>
						{label} {number === undefined ? null : <span>{count(number)}</span>}
					</Link>
				))}
			</Chips>
		</div>
	);
}

const partNames = {
	test: "The test",
	graders: "Graders",
	workspace: "Workspace",
	hooks: "Hooks",
	target: "Target",
} as const;
