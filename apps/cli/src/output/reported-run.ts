import {
	AgentvError,
	openRun,
	type RunEvent,
	type RunMachine,
	type RunOptions,
	type RunPlan,
	runEvals,
} from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { runReporters } from "../exporters/formats.ts";
import { tableColumns } from "./fit-text.ts";
import type { RunFollower } from "./live.ts";
import type { RunReporter } from "./run-report.ts";
import { colorsFor } from "./terminal.ts";

type Done = Extract<RunEvent, { type: "done" }>;

async function followRun(
	events: AsyncIterable<RunEvent>,
	forPeople: boolean,
	context: Context,
): Promise<Omit<Done, "type">> {
	const follower = await followerFor(forPeople, context);
	let done: Done | undefined;
	try {
		for await (const event of events) {
			follower?.on(event);
			if (event.type === "done") done = event;
		}
	} finally {
		follower?.end();
	}
	if (!done) throw new AgentvError("internal", "the run ended without a final event");
	return done;
}

/** Returns undefined next to machine-readable reports. */
async function followerFor(forPeople: boolean, { stdout, stderr }: Context): Promise<RunFollower | undefined> {
	const screen = forPeople ? stdout : stderr;
	if (screen.isTTY) return (await import("./live.ts")).followLive(screen);
	return forPeople ? (await import("./live.ts")).followPlain(stdout) : undefined;
}

export interface ReporterChoice {
	readonly reporter: keyof typeof runReporters;
	readonly json?: boolean;
}

export async function reportedRun(
	plan: RunPlan,
	machine: RunMachine,
	options: Omit<RunOptions, "signal">,
	choice: ReporterChoice,
	context: Context,
): Promise<CommandResult> {
	const reporter = await reporterOf(choice);
	const events = runEvals(plan, machine, { signal: context.signal, ...options });
	const forPeople = choice.reporter === "text" && !choice.json;
	const done = await followRun(events, forPeople, context);
	const screen = { colors: colorsFor(context.stdout), columns: tableColumns(context.stdout) };
	const report = reporter({ ...done, run: openRun(done.runDir), plan, cwd: context.cwd, ...screen });
	return { ...report, exitCode: exitCodeOf(done) };
}

/** Returns 130 if interrupted, 4 for ungraded tests or an exhausted budget, 1 for failed tests. */
function exitCodeOf({ summary, outcome }: Omit<Done, "type">): number {
	if (outcome === "interrupted") return 130;
	if (summary.errors > 0 || outcome === "over-budget") return 4;
	return summary.failed > 0 ? 1 : 0;
}

async function reporterOf({ reporter, json }: ReporterChoice): Promise<RunReporter> {
	if (json && reporter === "text") return (await import("../exporters/junit.ts")).runBriefJson;
	return runReporters[reporter]();
}
