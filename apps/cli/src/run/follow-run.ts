import { AgentvError, type ResultRow, type RunEvent } from "@agentv/core";
import type { Context } from "../context.ts";
import type { RunFollower } from "./follow-plain.ts";
import type { RunReport } from "./run-report.ts";
import { TargetTally } from "./summary-text.ts";

/** A run that ended, with what its report needs. */
export type EndedRun = Omit<Extract<RunEvent, { type: "done" }>, "type"> & Gathered;
type Gathered = Pick<RunReport, "rows" | "tally">;

/** Shows the events of a run as they come, and gathers what the report needs. */
export async function followRun(
	events: AsyncIterable<RunEvent>,
	{ allRows, forPeople }: { readonly allRows: boolean; readonly forPeople: boolean },
	context: Context,
): Promise<EndedRun> {
	const follower = await followerFor(forPeople, context);
	const rows: ResultRow[] = [];
	const tally = new TargetTally();
	let done: Extract<RunEvent, { type: "done" }> | undefined;
	try {
		for await (const event of events) {
			follower?.on(event);
			if (event.type === "attempt-finished") {
				tally.add(event.row);
				if (isKept(event.row, allRows)) rows.push(event.row);
			}
			if (event.type === "done") done = event;
		}
	} finally {
		follower?.end();
	}
	if (!done) throw new AgentvError("internal", "the run ended without saying so");
	return { ...done, rows, tally };
}

/** The same of rows that were read from a run's records. */
export function gatheredOf(rows: readonly ResultRow[], allRows: boolean): Gathered {
	const tally = new TargetTally();
	for (const row of rows) tally.add(row);
	return { rows: rows.filter((row) => isKept(row, allRows)), tally };
}

function isKept({ executionStatus }: ResultRow, allRows: boolean): boolean {
	return allRows || executionStatus !== "ok";
}

/** On a terminal a live view; in a pipe plain lines, which would only disturb other reports than that for people. */
async function followerFor(forPeople: boolean, { stdout, stderr }: Context): Promise<RunFollower | undefined> {
	const screen = forPeople ? stdout : stderr;
	if (screen.isTTY) return (await import("./follow-live.ts")).followLive(screen);
	return forPeople ? (await import("./follow-plain.ts")).followPlain(stdout) : undefined;
}
