import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import type { CompareAnswer } from "../../../server/answers/compare.ts";
import { Empty } from "../../components/empty.tsx";
import { Icon } from "../../components/icon.tsx";
import { LoadState } from "../../components/load-state.tsx";
import { Note } from "../../components/note.tsx";
import { PageHeader } from "../../components/page-header.tsx";
import { Time } from "../../components/time.tsx";
import { count, plural } from "../../lib/format.ts";
import { compareQuery } from "../../lib/queries.ts";
import { CasesTable } from "./cases-table.tsx";
import classes from "./compare.module.css";
import { Verdict } from "./verdict.tsx";

const Answers = lazy(() => import("./answers.tsx"));
const route = getRouteApi("/compare");

/** Runs beside the first of them: what changed, over the tests that may be compared. */
export function Compare() {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const ids = search.runs.split(",").filter((id) => id !== "");
	const answer = useQuery({ ...compareQuery(ids, search), enabled: ids.length >= 2 });
	const turned = [...ids].reverse().join(",");
	return (
		<>
			<PageHeader
				title="Compare runs"
				crumbs={[{ label: "Runs", to: "/runs" }]}
				about={answer.data ? <Sides answer={answer.data} /> : " "}
				actions={
					ids.length === 2 ? (
						<Button
							size="xs"
							variant="default"
							leftSection={<Icon name="sync" />}
							onClick={() => void navigate({ search: { ...search, runs: turned, page: 1 } })}
						>
							Swap
						</Button>
					) : null
				}
			/>
			{ids.length < 2 ? (
				<Empty icon="split" title="Two runs are needed">
					<p>
						Pick two or more in the <Link to="/runs">list of runs</Link>.
					</p>
				</Empty>
			) : (
				<LoadState query={answer}>{(data) => <Compared answer={data} />}</LoadState>
			)}
		</>
	);
}

function Sides({ answer: { runs } }: { answer: CompareAnswer }) {
	return (
		<span className={classes.sides}>
			{runs.map(({ id, experiment, started_at: at }, index) => (
				<span key={id}>
					{index === 0 ? "Before: " : runs.length === 2 ? "After: " : `After ${index}: `}
					<Link to="/runs/$run" params={{ run: id }}>
						{experiment}, <Time at={at} />
					</Link>
				</span>
			))}
		</span>
	);
}

/** What there is to know of a run before its figures are believed. */
function RunNote({ run }: { run: CompareAnswer["runs"][number] }) {
	const { id, experiment, started_at: at, state, results, planned, bad_lines: badLines } = run;
	if (state === "finished" && badLines === 0) return null;
	return (
		<Note tone="warn">
			<Link to="/runs/$run" params={{ run: id }}>
				{experiment}, <Time at={at} />
			</Link>{" "}
			{state === "finished" ? "" : state === "under way" ? "is still under way: " : "did not come to its end: "}
			{state === "finished" ? "" : `${count(results)} of ${plural(planned, "test")} have results. `}
			{badLines > 0
				? `${plural(badLines, "line")} of its record can't be read and ${badLines === 1 ? "is" : "are"} left out.`
				: ""}
		</Note>
	);
}

function Compared({ answer }: { answer: CompareAnswer }) {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const shown = answer.comparisons[search.after] ?? answer.comparisons[0];
	if (!shown) return null;
	const opened = shown.cases.items.find(({ rows }) => rows.flat().includes(search.test));
	return (
		<>
			{answer.runs.map((run) => (
				<RunNote key={run.id} run={run} />
			))}
			<div className={classes.verdicts}>
				{answer.comparisons.map((comparison, index) => (
					<Verdict
						key={comparison.after}
						comparison={comparison}
						title={answer.comparisons.length === 1 ? undefined : `After ${index + 1}`}
						isShown={comparison === shown}
						onShow={
							answer.comparisons.length === 1
								? undefined
								: () => void navigate({ search: { ...search, after: index, page: 1 } })
						}
					/>
				))}
			</div>
			<CasesTable comparison={shown} />
			{opened ? (
				<Suspense>
					<Answers
						comparison={shown}
						opened={opened}
						onClose={() => void navigate({ search: { ...search, test: "" }, resetScroll: false })}
					/>
				</Suspense>
			) : null}
		</>
	);
}
