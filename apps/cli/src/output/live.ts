import {
	type CaseOutcome,
	formatDuration,
	type ResultRow,
	type RunEvent,
	type RunSummary,
	terminalSafeLine,
	testsNotRun,
} from "@agentv/core";
import { createLogUpdate } from "log-update";
import type { Output } from "../context.ts";
import { fitLine } from "./fit-text.ts";
import {
	attemptText,
	countTexts,
	plainEmphasis,
	rowSpending,
	runSpending,
	shardBudgetText,
	spendingTexts,
} from "./run.ts";
import { colorsFor, printable } from "./terminal.ts";

const frameMs = 100;
const maxRunning = 8;

export interface LiveState {
	/** Includes the part before a resumed run was stopped. */
	summary: RunSummary;
	stopping: boolean;
	readonly running: Map<string, { readonly title: string; readonly since: number }>;
}

export function newLiveState(): LiveState {
	const nothing = { planned: 0, passed: 0, failed: 0, errors: 0, meanScore: null, durationMs: 0 };
	return { summary: { ...nothing, tokenUsage: null, costUsd: null }, stopping: false, running: new Map() };
}

/** Redraws ten times a second; failures stay visible above. */
export function followLive(output: Output): RunFollower {
	const colors = colorsFor(output);
	const state = newLiveState();
	const update = createLogUpdate(asStream(output), { showCursor: true });
	const draw = () => update(printable(liveView(state, performance.now(), output, colors), output.color));
	const timer = setInterval(draw, frameMs);
	return {
		on(event) {
			track(state, event);
			if (event.type === "attempt-finished" && event.row.executionStatus === "ok" && !event.row.warnings) return;
			const stays = lineOf(event, colors);
			if (stays === undefined) return;
			update.clear();
			output.write(`${stays}\n`);
			draw();
		},
		end() {
			clearInterval(timer);
			update.clear();
			update.done();
		},
	};
}

/** Provides the part of a stream that log-update needs. */
function asStream(output: Output): NodeJS.WriteStream {
	const stream = {
		write: (text: string) => {
			// The content is already printable; what remains are control sequences.
			(output.steer ?? output.write)(text);
			return true;
		},
		get columns() {
			return output.columns;
		},
		get rows() {
			return output.rows;
		},
		isTTY: true,
	};
	return stream as unknown as NodeJS.WriteStream;
}

export function track(state: LiveState, event: RunEvent): void {
	switch (event.type) {
		case "started":
			state.summary = event.before;
			break;
		case "attempt-started":
			state.running.set(keyOf(event), {
				title: `${terminalSafeLine(event.testId)} (${terminalSafeLine(event.target)})`,
				since: performance.now(),
			});
			break;
		case "attempt-finished":
			state.running.delete(keyOf(event));
			addCosts(state, event.row);
			break;
		case "case-finished":
			countCase(state, event.result.status);
			break;
		case "stopping":
			state.stopping = true;
			break;
		default:
			break;
	}
}

function countCase(state: LiveState, status: CaseOutcome["status"]): void {
	const { passed, failed, errors } = state.summary;
	if (status === "passed") state.summary = { ...state.summary, passed: passed + 1 };
	else if (status === "failed") state.summary = { ...state.summary, failed: failed + 1 };
	else state.summary = { ...state.summary, errors: errors + 1 };
}

function addCosts(state: LiveState, row: ResultRow): void {
	const { target, judging } = rowSpending(row);
	const { costUsd, graderCostUsd } = state.summary;
	state.summary = {
		...state.summary,
		...(target.costUsd === undefined ? {} : { costUsd: (costUsd ?? 0) + target.costUsd }),
		...(judging.costUsd === undefined ? {} : { graderCostUsd: (graderCostUsd ?? 0) + judging.costUsd }),
	};
}

function keyOf({ index, attempt }: { readonly index: number; readonly attempt: number }): string {
	return `${index} ${attempt}`;
}

export function liveView(
	state: LiveState,
	now: number,
	{ columns, rows = 24 }: Pick<Output, "columns" | "rows">,
	colors: ReturnType<typeof colorsFor>,
): string {
	const { summary, running, stopping } = state;
	const done = summary.planned - testsNotRun(summary);
	const [cost] = spendingTexts(runSpending({ ...summary, tokenUsage: null, graderTokenUsage: undefined }));
	const counts = [
		`${done}/${summary.planned}`,
		// The others are still running or waiting.
		...countTexts({ ...summary, planned: done }, plainEmphasis),
		...(cost === undefined ? [] : [cost]),
		...(stopping ? ["stopping"] : []),
	].join("  ");
	// Three lines are for the counts, the number of others, and the cursor.
	const maxShown = Math.max(0, Math.min(maxRunning, rows - 3));
	const shown = [...running.values()].slice(0, maxShown).map(({ title, since }) => {
		const elapsed = formatDuration(now - since);
		return `  ${colors.cyan("▸")} ${fitLine(title, Math.max(4, columns - elapsed.length - 6))} ${colors.dim(elapsed)}`;
	});
	const more = running.size > maxShown && maxShown > 0 ? [colors.dim(`  … and ${running.size - maxShown} more`)] : [];
	const line = fitLine(counts, columns);
	return [summary.failed + summary.errors > 0 ? colors.red(line) : colors.green(line), ...shown, ...more].join("\n");
}

export interface RunFollower {
	on(event: RunEvent): void;
	end(): void;
}

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

function lineOf(event: RunEvent, colors: ReturnType<typeof colorsFor>): string | undefined {
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

interface LiveLines {
	draw(lines: readonly string[]): void;
	clear(): void;
}

const pauseMs = 80;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const styling = /\u001b\[\d*m/g;

/** Draws at most 12 times a second; cuts lines to the terminal's width. */
export function liveLines(output: Output): LiveLines {
	let shown = 0;
	let next: readonly string[] | undefined;
	let timer: NodeJS.Timeout | undefined;
	// The terminal echoes Ctrl-C, so start from the first column.
	const erase = () => (shown === 0 ? "" : `\r\u001b[${shown}A\u001b[J`);
	const flush = () => {
		timer = undefined;
		if (!next) return;
		const lines = next.map((line) => cut(line, output.columns - 1));
		(output.steer ?? output.write)(erase());
		output.write(lines.map((line) => `${line}\n`).join(""));
		shown = lines.length;
		next = undefined;
	};
	return {
		draw(lines) {
			next = lines;
			timer ??= setTimeout(flush, pauseMs);
		},
		clear() {
			clearTimeout(timer);
			(output.steer ?? output.write)(erase());
			shown = 0;
			next = undefined;
		},
	};
}

function cut(line: string, width: number): string {
	if (line.replace(styling, "").length <= width) return line;
	return `${line.replace(styling, "").slice(0, Math.max(0, width - 1))}…`;
}
