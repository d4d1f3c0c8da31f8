import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import type { RunEntry, RunListAnswer } from "../../../server/answers/runs.ts";
import { DataTable } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { Choice } from "../../components/field.tsx";
import { FilterBar } from "../../components/filter-bar.tsx";
import { LoadState } from "../../components/load-state.tsx";
import { PageHeader } from "../../components/page-header.tsx";
import { Pager } from "../../components/pager.tsx";
import { Panel } from "../../components/panel.tsx";
import { SearchField } from "../../components/search-field.tsx";
import { plural } from "../../lib/format.ts";
import { runsQuery } from "../../lib/queries.ts";
import type { RunsSearch } from "../../lib/screen-search.ts";
import { runColumns } from "./run-columns.tsx";
import classes from "./runs.module.css";

const History = lazy(() => import("./history.tsx"));
const route = getRouteApi("/runs");

/** All runs: pass rate over time, and the list, newest first. */
export function Runs() {
	const { page, pick, ...filter } = route.useSearch();
	const navigate = route.useNavigate();
	const runs = useQuery(runsQuery(filter, page));
	const isFiltered = Object.values(filter).some((value) => value !== "");
	return (
		<>
			<PageHeader title="Runs" about={runs.data ? plural(runs.data.total, "run") : " "} />
			<LoadState query={runs}>
				{(answer) =>
					answer.total === 0 && !isFiltered ? (
						<NoRuns />
					) : (
						<>
							<Filters answer={answer} />
							<Suspense fallback={<div className={classes.space} />}>
								<History filter={filter} />
							</Suspense>
							<Picked items={answer.items} />
							<Table items={answer.items} />
							<Pager
								page={answer.page}
								pages={answer.pages}
								onPage={(next) => void navigate({ search: (before) => ({ ...before, page: next }) })}
							/>
						</>
					)
				}
			</LoadState>
		</>
	);
}

const any = (names: readonly string[]) => [["", "Any"] as const, ...names.map((name) => [name, name] as const)];

function Filters({ answer: { experiments, targets, benchmarks } }: { answer: RunListAnswer }) {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const change = (more: Partial<RunsSearch>) => void navigate({ search: { ...search, ...more, page: 1 } });
	return (
		<FilterBar>
			<SearchField
				label="Search runs"
				value={search.search}
				onChange={(text) => void navigate({ search: { ...search, search: text, page: 1 }, replace: true })}
			/>
			<Choice
				label="Experiment"
				value={search.experiment}
				options={any(experiments)}
				onChange={(experiment) => change({ experiment })}
			/>
			<Choice label="Target" value={search.target} options={any(targets)} onChange={(target) => change({ target })} />
			<Choice
				label="Benchmark"
				value={search.benchmark}
				options={any(benchmarks)}
				onChange={(benchmark) => change({ benchmark })}
			/>
			{search.eval === "" ? null : (
				<Link from="/runs" search={(before) => ({ ...before, eval: "", page: 1 })} className={classes.only}>
					Only {search.eval}: show all
				</Link>
			)}
		</FilterBar>
	);
}

function usePicked() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const picked = new Set(search.pick.split(",").filter((id) => id !== ""));
	const pick = (id: string) => {
		const next = new Set(picked);
		if (!next.delete(id)) next.add(id);
		void navigate({ search: { ...search, pick: [...next].join(",") }, replace: true, resetScroll: false });
	};
	return { picked, pick };
}

const mostCompared = 5;

/** What is picked to be compared, and the way there; the older run comes first. */
function Picked({ items }: { items: readonly RunEntry[] }) {
	const { picked } = usePicked();
	if (picked.size === 0) return null;
	const started = new Map(items.map((run) => [run.id, run.started_at]));
	const sorted = [...picked].sort((a, b) => ((started.get(a) ?? "") < (started.get(b) ?? "") ? -1 : 1));
	return (
		<div className={classes.picked} role="status">
			<span>
				{picked.size === 1 ? "One run is picked: pick another to compare them" : `${picked.size} runs are picked`}
			</span>
			{picked.size > mostCompared ? (
				<span>At most {mostCompared} can be compared at once.</span>
			) : picked.size >= 2 ? (
				<Link to="/compare" search={{ runs: sorted.join(",") }}>
					Compare them
				</Link>
			) : null}
		</div>
	);
}

function Table({ items }: { items: readonly RunEntry[] }) {
	const { picked, pick } = usePicked();
	return (
		<Panel flush>
			<DataTable
				label="Runs"
				columns={runColumns(picked, pick)}
				total={items.length}
				at={(index) => items[index]}
				empty={
					<Empty icon="search" title="No run matches">
						<p>Change the search or the filters.</p>
					</Empty>
				}
			/>
		</Panel>
	);
}

function NoRuns() {
	return (
		<Panel>
			<Empty icon="play" title="No runs yet">
				<p>
					Open an eval from the <Link to="/">benchmarks</Link> and run it, or run one in a terminal:
				</p>
				<p className="mono">agentv eval run path/to/file.eval.yaml</p>
			</Empty>
		</Panel>
	);
}
