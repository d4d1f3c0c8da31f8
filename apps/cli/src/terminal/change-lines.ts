import { type SyncChanges, terminalSafeLine } from "@agentv/core";
import type { Colors } from "./colors.ts";

const mostLines = 20;

/** Lists changed files, affected evals with their tests, and what the next run will execute; cuts long lists. */
export function changeLines(changes: SyncChanges, colors: Colors, show: { readonly files: boolean }): string[] {
	const { added, changed, removed, evals, executes } = changes;
	const counts = [`${added.length} added`, `${changed.length} changed`, `${removed.length} removed`].join(", ");
	const files = [
		...added.map((path) => `${colors.green("+")} ${terminalSafeLine(path)}`),
		...changed.map((path) => `${colors.yellow("~")} ${terminalSafeLine(path)}`),
		...removed.map((path) => `${colors.red("-")} ${terminalSafeLine(path)}`),
	];
	const touched = evals.map(({ file, change, tests }) => {
		const some =
			tests.length === 0
				? ""
				: `: ${tests.slice(0, 8).join(", ")}${tests.length > 8 ? ` and ${tests.length - 8} more` : ""}`;
		return `${terminalSafeLine(file)} (${change})${terminalSafeLine(some)}`;
	});
	const runs = executes.map(
		({ kind, what, eval: file, change }) => `${kind} ${terminalSafeLine(what)} (${change}, ${terminalSafeLine(file)})`,
	);
	return [
		`    files: ${counts}`,
		...(show.files ? cut(files).map((line) => `      ${line}`) : []),
		...section("affected evals:", touched),
		...section(colors.yellow("will execute on the next run:"), runs),
	];
}

function section(title: string, lines: readonly string[]): string[] {
	return lines.length === 0 ? [] : [`    ${title}`, ...cut(lines).map((line) => `      ${line}`)];
}

function cut(lines: readonly string[]): string[] {
	return lines.length <= mostLines
		? [...lines]
		: [...lines.slice(0, mostLines), `and ${lines.length - mostLines} more`];
}
