import { type SyncEvent, terminalSafeLine } from "@agentv/core";
import type { Output } from "../context.ts";
import type { Colors } from "../terminal/colors.ts";
import { liveLines } from "../terminal/live-lines.ts";

/** Shows the progress of a sync. */
export interface SyncProgress {
	show(event: SyncEvent): void;
	/** Removes the live view. */
	end(): void;
}

/** Shows a line per running benchmark with git's phase and percent on a terminal, plain lines otherwise. */
export function syncProgress(output: Output, colors: Colors): SyncProgress {
	return output.isTTY ? liveProgress(output, colors) : plainProgress(output);
}

function plainProgress(output: Output): SyncProgress {
	return {
		show(event) {
			const words = notable(event);
			if (words !== undefined && "id" in event) output.write(`${event.id}: ${terminalSafeLine(words)}\n`);
		},
		end: () => undefined,
	};
}

function notable(event: SyncEvent): string | undefined {
	if (event.type === "started") return "looking …";
	if (event.type === "waiting") return `waiting for process ${event.pid}, which is syncing the same directory …`;
	if (event.type === "recovered") return event.message;
	if (event.type === "planned" && event.plan.action !== "none") return `${event.plan.message} …`;
	return undefined;
}

function liveProgress(output: Output, colors: Colors): SyncProgress {
	const lines = new Map<string, string>();
	const view = liveLines(output);
	const draw = () => view.draw([...lines].map(([id, words]) => `${colors.cyan("›")} ${colors.bold(id)}  ${words}`));
	return {
		show(event) {
			if (event.type === "finished") lines.delete(event.id);
			else if (event.type === "progress") lines.set(event.id, phaseText(event));
			else if ("id" in event) lines.set(event.id, terminalSafeLine(notable(event) ?? "looking …"));
			draw();
		},
		end: () => view.clear(),
	};
}

/** Puts the bar last, so that a narrow terminal cuts it off first. */
function phaseText({ phase, percent }: Extract<SyncEvent, { type: "progress" }>): string {
	return `${phase} ${String(percent).padStart(3)}% ${bar(percent)}`;
}

function bar(percent: number): string {
	const done = Math.round(percent / 10);
	return `${"█".repeat(done)}${"░".repeat(10 - done)}`;
}
