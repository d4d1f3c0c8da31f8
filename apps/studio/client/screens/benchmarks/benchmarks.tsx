import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import type { BenchmarkListAnswer } from "../../../server/answers/benchmarks.ts";
import { Icon } from "../../components/icon.tsx";
import { LoadState } from "../../components/load-state.tsx";
import { Note } from "../../components/note.tsx";
import { PageHeader } from "../../components/page-header.tsx";
import { Pager } from "../../components/pager.tsx";
import { SearchField } from "../../components/search-field.tsx";
import { useMarkStream } from "../../lib/benchmark-marks.ts";
import { plural } from "../../lib/format.ts";
import { aboutQuery, benchmarksQuery } from "../../lib/queries.ts";
import { useRunningSyncs } from "../../lib/sync-activity.ts";
import { useReadOnly } from "../../lib/use-read-only.ts";
import { AllActions } from "./all-actions.tsx";
import { BenchmarkRow } from "./benchmark-row.tsx";
import classes from "./benchmarks.module.css";
import { NoBenchmarks } from "./no-benchmarks.tsx";

const AddDialog = lazy(() => import("./add-dialog.tsx"));
const route = getRouteApi("/");

/** Every registry entry, its state, and what can be done about it. */
export function Benchmarks() {
	const { page, search } = route.useSearch();
	const [adding, setAdding] = useState(false);
	const readOnly = useReadOnly();
	const list = useQuery(benchmarksQuery(page, search));
	const add = readOnly ? undefined : () => setAdding(true);
	return (
		<>
			<PageHeader
				title="Benchmarks"
				about={list.data ? plural(list.data.total, "benchmark") : " "}
				actions={
					add ? (
						<>
							{list.data?.items.some(({ source }) => source) ? <AllActions items={list.data.items} /> : null}
							<Button size="xs" leftSection={<Icon name="add" />} onClick={add}>
								Add benchmark
							</Button>
						</>
					) : null
				}
			/>
			<LoadState query={list}>{(answer) => <List answer={answer} add={add} />}</LoadState>
			<Here />
			{adding ? (
				<Suspense>
					<AddDialog onClose={() => setAdding(false)} />
				</Suspense>
			) : null}
		</>
	);
}

function List({ answer, add }: { answer: BenchmarkListAnswer; add: (() => void) | undefined }) {
	const { search } = route.useSearch();
	const navigate = route.useNavigate();
	const marks = useMarkStream(answer.items.filter(({ problem }) => problem === null).map(({ id }) => id));
	useRunningSyncs(answer.items);
	if (answer.total === 0 && search === "" && answer.problems.length === 0)
		return <NoBenchmarks registry={answer.registry} add={add} />;
	return (
		<>
			<Problems answer={answer} />
			{marks.isError ? (
				<Note tone="warn" live title="The state of the benchmarks could not be read">
					<p>{marks.error.message}</p>
				</Note>
			) : null}
			{answer.total > 8 || search !== "" ? (
				<div className={classes.tools}>
					<SearchField
						label="Search benchmarks"
						value={search}
						onChange={(value) => void navigate({ search: { search: value, page: 1 }, replace: true })}
					/>
				</div>
			) : null}
			<ul className={classes.list} aria-label="Benchmarks">
				{answer.items.map((item) => (
					<BenchmarkRow key={item.id} item={item} />
				))}
			</ul>
			{answer.total === 0 && search !== "" ? <p className="dim">No benchmark matches “{search}”.</p> : null}
			<Pager
				page={answer.page}
				pages={answer.pages}
				onPage={(page) => void navigate({ search: (before) => ({ ...before, page }) })}
			/>
		</>
	);
}

/** What is wrong with single entries of the registry. */
function Problems({ answer: { problems, registry } }: { answer: BenchmarkListAnswer }) {
	if (problems.length === 0) return null;
	return (
		<div className={classes.problems}>
			<Note tone="warn" title={`${plural(problems.length, "problem")} in the registry`}>
				{problems.map(({ message, hint, line }) => (
					<p key={`${line} ${message}`}>
						<span className="mono">
							{registry}
							{line === null ? "" : `:${line}`}
						</span>{" "}
						{message}
						{hint ? ` — ${hint}` : ""}
					</p>
				))}
			</Note>
		</div>
	);
}

/** The evals of the directory that Studio was started in, which need no registry. */
function Here() {
	const about = useQuery(aboutQuery);
	if (!about.data) return null;
	return (
		<p className={classes.here}>
			<Icon name="folder" />
			<span>
				Evals of this directory: <Link to="/here">{about.data.cwd}</Link>
			</span>
		</p>
	);
}
