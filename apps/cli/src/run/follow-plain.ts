import { formatDuration, type RunEvent, terminalSafeLine } from "@agentv/core";
import type { Output } from "../context.ts";
import { colorsFor } from "../terminal/colors.ts";
import { attemptText } from "./failure-text.ts";
import { shardBudgetText } from "./summary-text.ts";

/** Shows a run as it goes. */
export interface RunFollower {
	on(event: RunEvent): void;
	/** Takes away what is not meant to stay. */
	end(): void;
}

/** Plain lines, one for each attempt that finished: for pipes, files and CI. */
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
	interrupted: "Stopping: what runs is ended. Ctrl-C again stops at once.",
	bail: "Stopping: a test did not pass.",
	budget: "The budget is spent: no more tests are started.",
};

function startText(event: Extract<RunEvent, { type: "started" }>, colors: ReturnType<typeof colorsFor>) {
	const { alreadyDone, planned, budgets = [] } = event;
	const lines = [
		...(alreadyDone > 0 ? [`${alreadyDone} of ${planned} tests were finished before.`] : []),
		...budgets.map((budget) => terminalSafeLine(shardBudgetText(budget))),
	];
	return lines.length === 0 ? undefined : colors.dim(lines.join("\n"));
}

/** The line that an event leaves behind, if any. */
export function lineOf(event: RunEvent, colors: ReturnType<typeof colorsFor>): string | undefined {
	switch (event.type) {
		case "attempt-finished":
			return attemptText(event.row, colors);
		case "retry":
			return colors.yellow(
				`… ${terminalSafeLine(event.testId)} (${terminalSafeLine(event.target)}): ${terminalSafeLine(event.message)}; again in ${formatDuration(event.waitMs)}`,
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
