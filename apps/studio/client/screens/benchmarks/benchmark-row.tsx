import { Link } from "@tanstack/react-router";
import type { BenchmarkAnswer } from "../../../server/answers/benchmarks.ts";
import { BenchmarkActions } from "../../components/benchmark-actions.tsx";
import { TwoMarks } from "../../components/benchmark-marks.tsx";
import { Icon } from "../../components/icon.tsx";
import { LastSync } from "../../components/last-sync.tsx";
import { Mark } from "../../components/mark.tsx";
import { SyncNote } from "../../components/sync-note.tsx";
import { useMarks } from "../../lib/benchmark-marks.ts";
import { plural } from "../../lib/format.ts";
import { useSyncActivity } from "../../lib/sync-activity.ts";
import classes from "./benchmarks.module.css";

/** One benchmark: what it is, its two marks, its last sync, what can be done with it. */
export function BenchmarkRow({ item }: { item: BenchmarkAnswer }) {
	const marks = useMarks(item.id);
	const activity = useSyncActivity(item.id);
	return (
		<li className={classes.row} aria-label={item.name}>
			<div className={classes.what}>
				<Link className={classes.name} to="/benchmarks/$benchmark" params={{ benchmark: item.id }}>
					{item.name}
				</Link>
				{item.name === item.id ? null : <span className={`${classes.id} mono`}>{item.id}</span>}
				<div className={`${classes.source} mono`} title={item.path}>
					<Icon name={item.source ? "branch" : "folder"} size={12} />
					<span className="cut">{item.source ? sourceText(item.source) : item.path}</span>
				</div>
			</div>
			<div className={classes.marks}>
				{item.problem === null ? (
					<TwoMarks marks={marks} />
				) : (
					<Mark tone="bad" icon="warning">
						Unusable
					</Mark>
				)}
			</div>
			<div className={classes.sync}>{item.source ? <LastSync sync={item.last_sync} /> : null}</div>
			<div className={classes.evals}>{marks ? plural(marks.evals, "eval") : ""}</div>
			<div className={classes.actions}>
				<BenchmarkActions benchmark={item} busy={activity?.running ?? false} />
			</div>
			<div className={classes.sentence}>{item.problem ?? marks?.message ?? " "}</div>
			{activity ? (
				<div className={classes.activity}>
					<SyncNote benchmark={item.id} activity={activity} />
				</div>
			) : null}
		</li>
	);
}

function sourceText({ url, ref }: { url: string; ref: string | null }): string {
	return ref === null ? url : `${url} @ ${ref}`;
}
