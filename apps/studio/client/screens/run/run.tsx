import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { RunAnswer } from "../../../server/answers/runs.ts";
import { LoadState } from "../../components/load-state.tsx";
import { Note } from "../../components/note.tsx";
import { PageHeader } from "../../components/page-header.tsx";
import { RunStateMark } from "../../components/run-state-mark.tsx";
import { Time } from "../../components/time.tsx";
import { evalName } from "../../lib/eval-name.ts";
import { runQuery } from "../../lib/queries.ts";
import { Live } from "./live.tsx";
import { Provenance } from "./provenance.tsx";
import classes from "./run.module.css";
import { RunActions } from "./run-actions.tsx";
import { Summary } from "./summary.tsx";
import { TestsTable } from "./tests-table.tsx";

const route = getRouteApi("/runs/$run");

/** One run, live or done: how it went, every test of it, and what exactly was run. */
export function Run() {
	const { run: id } = route.useParams();
	const run = useQuery(runQuery(id));
	return (
		<>
			{run.data ? null : <PageHeader title="Run" crumbs={[{ label: "Runs", to: "/runs" }]} />}
			<LoadState query={run}>{(data) => <Loaded key={data.id} run={data} />}</LoadState>
		</>
	);
}

function Loaded({ run }: { run: RunAnswer }) {
	return (
		<>
			<PageHeader
				title={run.evals.map(evalName).join(", ") || run.experiment}
				crumbs={[{ label: "Runs", to: "/runs" }]}
				marks={<RunStateMark state={run.state} />}
				about={<About run={run} />}
				actions={<RunActions run={run} />}
			/>
			{run.problem ? (
				<div className={classes.part}>
					<Note tone="warn" title="Not all of its records can be read">
						<p>{run.problem}</p>
					</Note>
				</div>
			) : null}
			<Live run={run} />
			<Summary run={run} />
			<Provenance run={run} />
			<TestsTable run={run} />
		</>
	);
}

function About({ run }: { run: RunAnswer }) {
	return (
		<span className={classes.about}>
			<Link to="/runs" search={{ experiment: run.experiment }}>
				{run.experiment}
			</Link>
			<span>
				started <Time at={run.started_at} />
			</span>
			<span>against {run.targets.join(", ")}</span>
			{run.benchmark ? (
				<Link to="/benchmarks/$benchmark" params={{ benchmark: run.benchmark }}>
					{run.benchmark}
				</Link>
			) : null}
		</span>
	);
}
