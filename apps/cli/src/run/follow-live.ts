import { formatDuration, type RunEvent, terminalSafeLine } from "@agentv/core";
import { createLogUpdate } from "log-update";
import type { Output } from "../context.ts";
import { colorsFor } from "../terminal/colors.ts";
import { fitLine } from "./fit-line.ts";
import { lineOf, type RunFollower } from "./follow-plain.ts";
import { costText } from "./summary-text.ts";

const frameMs = 100;
const mostRunning = 8;

/** What the view shows at a moment. */
export interface LiveState {
	planned: number;
	/** Tests that a run which is resumed had finished. */
	before: number;
	passed: number;
	failed: number;
	errors: number;
	costUsd: number | undefined;
	stopping: boolean;
	/** Attempts under way and when each began. */
	readonly running: Map<string, { readonly title: string; readonly since: number }>;
}

export function newLiveState(): LiveState {
	const nothing = { planned: 0, before: 0, passed: 0, failed: 0, errors: 0 };
	return { ...nothing, costUsd: undefined, stopping: false, running: new Map() };
}

/** A live view for terminals: lines of what did not pass stay, the rest is drawn anew ten times a second. */
export function followLive(output: Output): RunFollower {
	const colors = colorsFor(output);
	const state = newLiveState();
	const update = createLogUpdate(asStream(output), { showCursor: true });
	const draw = () => update(liveView(state, performance.now(), output, colors));
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

/** What log-update needs of a stream. */
function asStream(output: Output): NodeJS.WriteStream {
	const stream = {
		write: (text: string) => {
			output.write(text);
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
			state.planned = event.planned;
			state.before = event.alreadyDone;
			break;
		case "attempt-started":
			state.running.set(keyOf(event), {
				title: `${terminalSafeLine(event.testId)} (${terminalSafeLine(event.target)})`,
				since: performance.now(),
			});
			break;
		case "attempt-finished":
			state.running.delete(keyOf(event));
			if (event.row.costUsd !== undefined) state.costUsd = (state.costUsd ?? 0) + event.row.costUsd;
			break;
		case "case-finished":
			if (event.result.status === "passed") state.passed += 1;
			else if (event.result.status === "failed") state.failed += 1;
			else state.errors += 1;
			break;
		case "stopping":
			state.stopping = true;
			break;
		default:
			break;
	}
}

function keyOf({ index, attempt }: { readonly index: number; readonly attempt: number }): string {
	return `${index} ${attempt}`;
}

/** The view as text: a line of counts, then what runs, all of it within the terminal's width and height. */
export function liveView(
	state: LiveState,
	now: number,
	{ columns, rows = 24 }: Pick<Output, "columns" | "rows">,
	colors: ReturnType<typeof colorsFor>,
): string {
	const { planned, before, passed, failed, errors, costUsd, running, stopping } = state;
	const done = before + passed + failed + errors;
	const counts = [
		`${done}/${planned}`,
		`${passed} passed`,
		`${failed} failed`,
		...(errors > 0 ? [`${errors} not run`] : []),
		...(costUsd === undefined ? [] : [costText(costUsd)]),
		...(stopping ? ["stopping"] : []),
	].join("  ");
	// Besides them the counts, the line that tells of others, and the one that the cursor stands in.
	const most = Math.max(0, Math.min(mostRunning, rows - 3));
	const shown = [...running.values()].slice(0, most).map(({ title, since }) => {
		const elapsed = formatDuration(now - since);
		return `  ${colors.cyan("▸")} ${fitLine(title, Math.max(4, columns - elapsed.length - 6))} ${colors.dim(elapsed)}`;
	});
	const more = running.size > most && most > 0 ? [colors.dim(`  … and ${running.size - most} more`)] : [];
	const line = fitLine(counts, columns);
	return [failed + errors > 0 ? colors.red(line) : colors.green(line), ...shown, ...more].join("\n");
}
