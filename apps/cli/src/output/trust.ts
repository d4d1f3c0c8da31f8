import { relative } from "node:path";
import {
	locateFindings,
	newAccessFindings,
	shownSubject,
	type TrustPlan,
	type TrustSubject,
	terminalSafeLine,
} from "@agentv/core";

interface NewThing {
	readonly kind: string;
	readonly name: string;
	/** Absolute. */
	readonly file: string;
	readonly line?: number;
	readonly column?: number;
}

/** Lists what a benchmark or bundle would read and connect to, new items marked. */
export function trustText(plan: TrustPlan, cwd: string): string {
	const who = terminalSafeLine(shownSubject(plan.subject));
	const things = newThings(plan);
	if (things.length === 0) return `${who}: everything it reads and connects to is trusted.\n`;
	const width = Math.max(...things.map(({ name }) => name.length));
	const lines = things.map(({ kind, name, file, line, column }) => {
		const short = relative(cwd, file);
		const place = [short.startsWith("..") ? file : short, line, column].filter((part) => part !== undefined).join(":");
		return terminalSafeLine(`  ${kind.padEnd(9)}${name.padEnd(width)}  ${place}`);
	});
	return `${who} needs your consent to read or connect to:\n${lines.join("\n")}\n`;
}

/** Returns the same as JSON. */
export function trustJson(
	{ kind, name }: TrustSubject,
	{ trusted, plan }: { readonly trusted: boolean; readonly plan?: TrustPlan },
): string {
	const document = { [kind]: name, trusted, ...(plan ? { new: newThings(plan) } : {}) };
	return `${JSON.stringify(document, null, 2)}\n`;
}

function newThings({ found, redact }: TrustPlan): NewThing[] {
	return locateFindings(newAccessFindings(found, redact)).map(({ diagnostic: { data, at }, range }) => ({
		...{ kind: String(data["kind"]), name: String(data["value"]), file: at.file },
		...(range ? { line: range.start.line, column: range.start.column } : {}),
	}));
}
