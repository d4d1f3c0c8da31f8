import { formatDuration, type RunEvent, terminalSafeLine } from "@agentv/core";
import type { Output } from "../context.ts";
import { colorsFor } from "../terminal/colors.ts";
import { attemptText } from "./failure-text.ts";
import { shardBudgetText } from "./summary-text.ts";

/** Shows the progress of a run. */
export interface RunFollower {
	on(event: RunEvent): void;
	/** Removes the live view. */
	end(): void;
}

/** Writes a plain line per finished attempt, for pipes, files and CI. */
export function followPlain(output: Output): RunFollower {
	const colors = colorsFor(output);
	return {
		on(event) {
			const line = lineOf(event, colors);
			if (line !== undefined) output.write(`${line}\n`);
		},
		end: () => undefined,
	};
}

const stopTexts = {
	interrupted: "Stopping running tests. Press Ctrl-C again to exit immediately.",
	bail: "Stopping: a test failed.",
	budget: "Budget exhausted: no more tests are started.",
};

function startText(event: Extract<RunEvent, { type: "started" }>, colors: ReturnType<typeof colorsFor>) {
	const { alreadyDone, planned, budgets = [] } = event;
	const lines = [
		...(alreadyDone > 0 ? [`${alreadyDone} of ${planned} tests had already finished.`] : []),
		...budgets.map((budget) => terminalSafeLine(shardBudgetText(budget))),
	];
	return lines.length === 0 ? undefined : colors.dim(lines.join("\n"));
}

/** Returns the permanent line for an event, if any. */
export function lineOf(event: RunEvent, colors: ReturnType<typeof colorsFor>): string | undefined {
	switch (event.type) {
		case "attempt-finished":
			return attemptText(event.row, colors);
		case "retry":
			return colors.yellow(
				`… ${terminalSafeLine(event.testId)} (${terminalSafeLine(event.target)}): ${terminalSafeLine(event.message)}; retrying in ${formatDuration(event.waitMs)}`,
			);
		case "warning":
			return colors.yellow(`! ${terminalSafeLine(event.message)}`);
		case "stopping":
			return colors.yellow(stopTexts[event.reason]);
		case "started":
			return startText(event, colors);
		default:
			return undefined;
	}
}
