import { Link } from "@tanstack/react-router";
import type { RunEntry } from "../../../server/answers/runs.ts";
import type { Column } from "../../components/data-table.tsx";
import { PassBar } from "../../components/pass-bar.tsx";
import { RunStateMark } from "../../components/run-state-mark.tsx";
import { Time } from "../../components/time.tsx";
import { evalName } from "../../lib/eval-name.ts";
import { bound, cost, count, duration, score } from "../../lib/format.ts";
import classes from "./runs.module.css";

const none = <span className="dim">–</span>;

/** The columns of the list of runs, the last one to pick some to compare. */
export function runColumns(picked: ReadonlySet<string>, pick: (run: string) => void): readonly Column<RunEntry>[] {
	return [...columns, { ...pickColumn, cell: ({ id }) => <Pick id={id} picked={picked} pick={pick} /> }];
}

const pickColumn = { key: "pick", title: "Compare", width: "62px", align: "end", narrow: "second" } as const;

function Pick({ id, picked, pick }: { id: string; picked: ReadonlySet<string>; pick: (run: string) => void }) {
	const isPicked = picked.has(id);
	return (
		<input
			type="checkbox"
			className={classes.pick}
			aria-label={`Compare run ${id}`}
			checked={isPicked}
			disabled={!isPicked && picked.size >= 5}
			onChange={() => pick(id)}
		/>
	);
}

const columns: readonly Column<RunEntry>[] = [
	{
		key: "run",
		title: "Run",
		width: "minmax(0, 1fr)",
		narrow: "first",
		cell: (run) => (
			<Link to="/runs/$run" params={{ run: run.id }} title={run.evals.join("\n")}>
				<strong>{run.evals.map(evalName).join(", ") || run.id}</strong>{" "}
				<span className="dim">
					{run.experiment}
					{run.benchmark ? ` · ${run.benchmark}` : ""}
				</span>
			</Link>
		),
	},
	{
		key: "result",
		title: "Pass rate",
		width: "150px",
		narrow: "second",
		cell: (run) => <Result run={run} />,
	},
	{
		key: "tests",
		title: "Tests",
		width: "64px",
		align: "end",
		narrow: "none",
		cell: ({ planned }) => count(planned),
	},
	{
		key: "mean",
		title: "Mean",
		width: "104px",
		align: "end",
		narrow: "none",
		cell: ({ summary }) => <Mean summary={summary} />,
	},
	{
		key: "targets",
		title: "Targets",
		width: "150px",
		narrow: "none",
		cell: ({ targets }) => <span title={targets.join(", ")}>{targets.join(", ")}</span>,
	},
	{
		key: "duration",
		title: "Duration",
		width: "100px",
		align: "end",
		narrow: "none",
		cell: ({ summary }) => (summary ? duration(summary.duration_ms) : none),
	},
	{
		key: "cost",
		title: "Cost",
		width: "72px",
		align: "end",
		narrow: "none",
		cell: ({ summary }) => <Cost summary={summary} />,
	},
	{
		key: "started",
		title: "Started",
		width: "120px",
		narrow: "second",
		cell: ({ started_at: at }) => <Time at={at} />,
	},
];

/** The mean score; a mark and words if it is over less than was planned or could be lower. */
function Mean({ summary }: { summary: RunEntry["summary"] }) {
	if (!summary) return none;
	const { mean_score: mean, mean_score_lower_bound: lower, judged: n, planned } = summary;
	const limits = bound({ mean, lower, n, planned }, score);
	const value = mean === null ? none : score(mean);
	if (limits === "") return value;
	const isLower = lower !== null && lower !== mean;
	return (
		<span title={limits}>
			{value}
			{isLower ? <span className="dim"> ≥ {score(lower)}</span> : null}
		</span>
	);
}

/** What the run cost in all; its parts in words. */
function Cost({ summary }: { summary: RunEntry["summary"] }) {
	const own = summary?.cost_usd ?? null;
	const judging = summary?.judging?.cost_usd ?? null;
	if (own === null && judging === null) return none;
	const parts = [
		...(own === null ? [] : [`target ${cost(own)}`]),
		...(judging === null ? [] : [`judging ${cost(judging)}`]),
	];
	return <span title={parts.join(" + ")}>{cost((own ?? 0) + (judging ?? 0))}</span>;
}

function Result({ run }: { run: RunEntry }) {
	if (run.state !== "done" || !run.summary) return <RunStateMark state={run.state} />;
	const { passed, failed, errors } = run.summary;
	return <PassBar counts={{ passed, failed, errors, planned: run.planned }} />;
}
