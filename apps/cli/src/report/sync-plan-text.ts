import { type SyncPlan, terminalSafeLine } from "@agentv/core";
import type { Output } from "../context.ts";
import { changeLines } from "../terminal/change-lines.ts";
import { type Colors, colorsFor } from "../terminal/colors.ts";
import { wrapLine } from "../terminal/wrap-line.ts";

export function plansText(plans: readonly SyncPlan[], output: Output): string {
	if (plans.every(({ action }) => action === "skip")) return "Nothing to sync.\n";
	const colors = colorsFor(output);
	return plans.map((plan) => `${planLines(plan, colors, output).join("\n")}\n`).join("");
}

const words: Readonly<Record<SyncPlan["action"], string>> = {
	clone: "would clone",
	update: "would update",
	move: "would move",
	adopt: "would reset",
	none: "up to date",
	skip: "skipped",
	refuse: "would be refused",
};

function planLines({ id, action, message, changes }: SyncPlan, colors: Colors, output: Output): string[] {
	const first = wrapLine(`${colors.bold(id)}  ${words[action]}: ${terminalSafeLine(message)}`, output);
	return changes ? [first, ...changeLines(changes, colors, { files: true })] : [first];
}
