import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { BenchmarkAnswer } from "../../../server/answers/benchmarks.ts";
import { BenchmarkActions } from "../../components/benchmark-actions.tsx";
import { TwoMarks } from "../../components/benchmark-marks.tsx";
import { Fact, Facts } from "../../components/facts.tsx";
import { LastSync } from "../../components/last-sync.tsx";
import { LoadState } from "../../components/load-state.tsx";
import { Mark } from "../../components/mark.tsx";
import { PageHeader } from "../../components/page-header.tsx";
import { SyncNote } from "../../components/sync-note.tsx";
import { useMarkStream, useMarks } from "../../lib/benchmark-marks.ts";
import { shortSha } from "../../lib/format.ts";
import { benchmarkQuery } from "../../lib/queries.ts";
import { useRunningSyncs, useSyncActivity } from "../../lib/sync-activity.ts";
import classes from "./benchmark.module.css";
import { EvalsTable } from "./evals-table.tsx";

const route = getRouteApi("/benchmarks/$benchmark");
const crumbs = [{ label: "Benchmarks", to: "/" }];

/** One benchmark: how it stands, and its evals. */
export function Benchmark() {
	const { benchmark: id } = route.useParams();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const benchmark = useQuery(benchmarkQuery(id));
	return (
		<>
			{benchmark.data ? <Head benchmark={benchmark.data} /> : <PageHeader title={id} crumbs={crumbs} />}
			<LoadState query={benchmark}>
				{() => (
					<EvalsTable
						benchmark={id}
						search={search}
						onSearch={(next, options) => void navigate({ search: next, ...options })}
					/>
				)}
			</LoadState>
		</>
	);
}

function Head({ benchmark }: { benchmark: BenchmarkAnswer }) {
	const { id, name, source, path, problem } = benchmark;
	useMarkStream(problem === null ? [id] : []);
	useRunningSyncs([benchmark]);
	const marks = useMarks(id);
	const activity = useSyncActivity(id);
	return (
		<>
			<PageHeader
				title={name}
				crumbs={crumbs}
				marks={
					problem === null ? (
						<TwoMarks marks={marks} />
					) : (
						<Mark tone="bad" icon="warning">
							Unusable
						</Mark>
					)
				}
				about={problem ?? marks?.message ?? " "}
				actions={<BenchmarkActions benchmark={benchmark} busy={activity?.running ?? false} />}
			/>
			{activity ? (
				<div className={classes.activity}>
					<SyncNote benchmark={id} activity={activity} />
				</div>
			) : null}
			<div className={classes.facts}>
				<Facts>
					{source ? (
						<Fact term="Source">
							<span className="mono">
								{source.url}
								{source.ref ? ` @ ${source.ref}` : ""}
							</span>
						</Fact>
					) : null}
					<Fact term="Path">
						<span className="mono">{path}</span>
					</Fact>
					{marks?.revision.sha ? (
						<Fact term="Commit">
							<span className="mono">{shortSha(marks.revision.sha)}</span> {marks.revision.subject}
						</Fact>
					) : null}
					{source ? (
						<Fact term="Last sync">
							<LastSync sync={benchmark.last_sync} />
						</Fact>
					) : null}
				</Facts>
			</div>
		</>
	);
}
