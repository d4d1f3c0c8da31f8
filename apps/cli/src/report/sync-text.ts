import { type SyncResult, terminalSafeLine } from "@agentv/core";
import type { Output } from "../context.ts";
import { changeLines } from "../terminal/change-lines.ts";
import { type Colors, colorsFor } from "../terminal/colors.ts";
import { wrapLine } from "../terminal/wrap-line.ts";

/** Reports the result for each benchmark. */
export function resultsText(results: readonly SyncResult[], output: Output): string {
	if (results.every(({ outcome }) => outcome === "skipped")) {
		const passed = results.length === 0 ? "" : ` (${results.map(({ id }) => id).join(", ")}: local)`;
		return `Nothing to sync${passed}.\n`;
	}
	const colors = colorsFor(output);
	return results.map((result) => `${lines(result, colors, output).join("\n")}\n`).join("");
}

function lines(result: SyncResult, colors: Colors, output: Output): string[] {
	const sentence = `${result.outcome}: ${terminalSafeLine(result.message)}`;
	const first = wrapLine(`${sign(result, colors)} ${colors.bold(result.id)}  ${sentence}`, output);
	const { changes } = result;
	if (!changes || result.outcome !== "synced") return [first];
	return [first, ...changeLines({ ...changes, evals: [] }, colors, { files: false })];
}

function sign({ outcome }: SyncResult, colors: Colors): string {
	if (outcome === "refused" || outcome === "failed") return colors.red("✗");
	return outcome === "skipped" ? colors.dim("-") : colors.green("✓");
}
