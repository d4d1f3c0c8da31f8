import { terminalSafeLine } from "@agentv/core";
import type { Context } from "../context.ts";
import { colorsFor } from "../terminal/colors.ts";

const mostNamed = 5;

/** Warns about unreadable rows, so that no test is skipped silently. `run` is its name on the command line. */
export function warnOfBadLines(run: string, lines: readonly number[], { stderr }: Context): void {
	if (lines.length === 0) return;
	const named = lines.slice(0, mostNamed).join(", ");
	const more = lines.length > mostNamed ? ` and ${lines.length - mostNamed} more` : "";
	const which =
		lines.length === 1 ? `line ${named} of its index.jsonl is` : `lines ${named}${more} of its index.jsonl are`;
	stderr.write(
		`${colorsFor(stderr).yellow("warning:")} ${terminalSafeLine(run)}: ${which} skipped, because no row can be read there\n`,
	);
}
