import type { DocumentPath } from "./diagnostic.ts";

export const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * Returns `value` as JSON with numbers spelled as in the source, so that `3.10` and integers beyond
 * 2^53 keep their digits. `indent` is that of `JSON.stringify`.
 * @param written the text of the scalar at a path of `value`
 */
export function writtenJson(value: unknown, written: (path: DocumentPath) => string | undefined, indent = 0): string {
	const path: (string | number)[] = [];
	const inner = (key: string | number, item: unknown): string => {
		path.push(key);
		const text = print(item);
		path.pop();
		return text;
	};
	const print = (item: unknown): string => {
		if (typeof item === "number") {
			const text = written(path);
			return text !== undefined && jsonNumber.test(text) ? text : JSON.stringify(item);
		}
		if (typeof item !== "object" || item === null) return JSON.stringify(item) ?? "null";
		const isList = Array.isArray(item);
		const entries = isList
			? item.map((entry, index) => inner(index, entry))
			: Object.entries(item).map(
					([key, entry]) => `${JSON.stringify(key)}:${indent > 0 ? " " : ""}${inner(key, entry)}`,
				);
		const [open, close] = isList ? ["[", "]"] : ["{", "}"];
		if (entries.length === 0) return `${open}${close}`;
		if (indent === 0) return `${open}${entries.join(",")}${close}`;
		const lines = entries.map((entry) => `${" ".repeat(indent)}${entry.replaceAll("\n", `\n${" ".repeat(indent)}`)}`);
		return `${open}\n${lines.join(",\n")}\n${close}`;
	};
	return print(value);
}

/**
 * Returns data in which each number that a double can't represent is its source text: a rounded
 * number could be another order's or issue's, and JSON has none for infinity. Untouched values are
 * returned as they are.
 */
export function exactData<Value>(value: Value, written: (path: DocumentPath) => string | undefined): Value {
	const path: (string | number)[] = [];
	const visit = (item: unknown): unknown => {
		if (typeof item === "number") {
			const text =
				Number.isInteger(item) === Number.isSafeInteger(item) && Number.isFinite(item) ? undefined : written(path);
			return text !== undefined && !holds(item, text) ? text : item;
		}
		if (typeof item !== "object" || item === null) return item;
		let copy: Record<string | number, unknown> | undefined;
		for (const [key, inner] of Object.entries(item)) {
			path.push(Array.isArray(item) ? Number(key) : key);
			const exact = visit(inner);
			path.pop();
			if (exact === inner) continue;
			copy ??= (Array.isArray(item) ? item.slice() : { ...item }) as Record<string | number, unknown>;
			copy[key] = exact;
		}
		return copy ?? item;
	};
	return visit(value) as Value;
}

/** Returns whether a number keeps all its written digits. Powers of ten are rounded on purpose. */
function holds(value: number, text: string): boolean {
	if (!Number.isFinite(value)) return false;
	const [, whole, fraction] = /^([-+]?\d+)(?:\.(\d*))?$/.exec(text) ?? [];
	return whole === undefined || (BigInt(whole) === BigInt(value) && !/[1-9]/.test(fraction ?? ""));
}
