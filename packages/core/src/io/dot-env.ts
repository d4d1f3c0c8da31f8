import type { Environment } from "./environment.ts";

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=[ \t]*/;
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };

/** Returns the end of a quoted value that opens at `start`, or -1 if the quote is never closed. */
function closingQuote(text: string, start: number, quote: string): number {
	for (let at = start + 1; at < text.length; at++) {
		if (quote === '"' && text[at] === "\\") at++;
		else if (text[at] === quote) return at;
	}
	return -1;
}

/**
 * Parses a `.env` text: `KEY=VALUE` lines, `export` allowed, `#` comments, single quotes literal,
 * double quotes with
 * `\n \r \t \" \\ \$`; quoted values can span lines. `$NAME` is not expanded; the last of duplicate
 * keys wins.
 * Other lines are skipped.
 */
export function loadDotEnv(text: string): Record<string, string> {
	const values = new Map<string, string>();
	const source = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
	let at = 0;
	while (at < source.length) {
		const lineEnd = source.indexOf("\n", at) === -1 ? source.length : source.indexOf("\n", at);
		const match = assignment.exec(source.slice(at, lineEnd));
		let next = lineEnd + 1;
		if (match?.[1] !== undefined) {
			const valueStart = at + match[0].length;
			const quote = source[valueStart];
			const end = quote === '"' || quote === "'" || quote === "`" ? closingQuote(source, valueStart, quote) : -1;
			if (end === -1) {
				values.set(
					match[1],
					source
						.slice(valueStart, lineEnd)
						.replace(/(^|\s)#.*$/s, "")
						.trim(),
				);
			} else {
				const inner = source.slice(valueStart + 1, end);
				values.set(
					match[1],
					quote === '"' ? inner.replace(/\\(.)/g, (whole, sign: string) => escapes[sign] ?? whole) : inner,
				);
				const rest = source.indexOf("\n", end);
				next = rest === -1 ? source.length : rest + 1;
			}
		}
		at = next;
	}
	// Assigning to an object literal would not keep a key named `__proto__` as an ordinary key.
	return Object.fromEntries(values);
}

/** Adds variables of `files` (nearest first); one that is set, even to "", keeps its value. */
export function layerDotEnv(env: Environment, files: readonly Readonly<Record<string, string>>[]): Environment {
	const layers = [...files].reverse();
	const set = Object.entries(env).filter(([, value]) => value !== undefined);
	return Object.fromEntries([...layers.flatMap((layer) => Object.entries(layer)), ...set]);
}
