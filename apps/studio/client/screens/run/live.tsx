import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { RunAnswer, RunEventAnswer } from "../../../server/answers/runs.ts";
import { Note } from "../../components/note.tsx";
import { ProgressLine } from "../../components/progress-line.tsx";
import { count } from "../../lib/format.ts";
import { followLive, type LiveRun, notLive } from "../../lib/run-job.ts";
import { useJob } from "../../lib/use-job.ts";
import classes from "./run.module.css";

/** How far a run is, and what it does now; nothing once it is done. */
export function Live({ run }: { run: RunAnswer }) {
	const client = useQueryClient();
	const { state, ended, waiting } = useJob<RunEventAnswer, LiveRun>(run.job ?? undefined, followLive, notLive);
	useEffect(() => {
		// What came with the last events is on disk by now.
		if (ended || run.state !== "running") void client.invalidateQueries({ queryKey: ["runs"] });
	}, [client, ended, run.state]);
	const failed = ended?.state === "failed" ? ended.error : undefined;
	return (
		<>
			{failed ? (
				<div className={classes.part}>
					<Note tone="bad" live title={failed.message}>
						{failed.hint ? <p>{failed.hint}</p> : null}
					</Note>
				</div>
			) : null}
			{run.state === "running" ? <Progress run={run} state={state} waiting={waiting} /> : null}
			{state.warnings.length > 0 ? (
				<div className={classes.part}>
					<Note tone="warn" title="Warnings">
						{[...new Set(state.warnings)].map((warning) => (
							<p key={warning}>{warning}</p>
						))}
					</Note>
				</div>
			) : null}
		</>
	);
}

function Progress({ run, state, waiting }: { run: RunAnswer; state: LiveRun; waiting: boolean }) {
	const done = run.planned - (run.summary?.not_run ?? run.planned);
	const now = [...state.now.values()];
	const words = state.stopping ? "Stopping: what runs now is ended" : `${count(done)} of ${count(run.planned)} tests`;
	return (
		<section className={classes.live} aria-label="Progress" aria-live="polite">
			<ProgressLine label={words} percent={run.planned === 0 ? null : (done / run.planned) * 100} />
			<p className={classes.now}>
				{waiting
					? "The connection is lost; trying again …"
					: run.job === null
						? "It runs in another process."
						: now.length === 0
							? "Getting ready …"
							: `Now: ${now.slice(0, 4).join(", ")}${now.length > 4 ? ` and ${now.length - 4} more` : ""}`}
			</p>
		</section>
	);
}
