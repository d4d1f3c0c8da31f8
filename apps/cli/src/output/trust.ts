import { locateFindings, newAccessFindings, shownSubject, type TrustPlan, terminalSafeLine } from "@agentv/core";
import { shownPath } from "./validate.ts";

/** Lists what a benchmark or bundle would read and connect to, new items marked. */
export function trustText(plan: TrustPlan, cwd: string): string {
	const who = terminalSafeLine(shownSubject(plan.subject));
	const things = newThings(plan);
	if (things.length === 0) return `${who}: everything it reads and connects to is trusted.\n`;
	const width = Math.max(...things.map(({ name }) => name.length));
	const lines = things.map(({ kind, name, file, line, column }) => {
		const place = [shownPath(file, cwd), line, column].filter((part) => part !== undefined).join(":");
		return terminalSafeLine(`  ${kind.padEnd(9)}${name.padEnd(width)}  ${place}`);
	});
	return `${who} needs your consent to read or connect to:\n${lines.join("\n")}\n`;
}

/** Returns the items that are not trusted yet, with the places that name them. */
export function newThings({ found, redact }: TrustPlan) {
	return locateFindings(newAccessFindings(found, redact)).map(({ diagnostic: { data, at }, range }) => ({
		kind: String(data["kind"]),
		name: String(data["value"]),
		file: at.file,
		line: range?.start.line,
		column: range?.start.column,
	}));
}
