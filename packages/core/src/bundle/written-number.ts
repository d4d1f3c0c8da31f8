import { jsonNumber } from "../base/written-json.ts";

/** A number as its author wrote it: `007` and `1e3` must not become 7 and 1000 in a bundle. */
export class WrittenNumber {
	readonly text: string;
	readonly #value: number;

	constructor(text: string, value: number) {
		this.text = text;
		this.#value = value;
	}

	valueOf(): number {
		return this.#value;
	}

	toJSON(): number {
		return this.#value;
	}
}

/** `value` with plain numbers in it. */
export function withPlainNumbers(value: unknown): unknown {
	if (value instanceof WrittenNumber) return value.valueOf();
	if (typeof value !== "object" || value === null) return value;
	if (Array.isArray(value)) return value.map(withPlainNumbers);
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withPlainNumbers(item)]));
}

/** `value` as JSON. A number that JSON can't spell so is text: fields that take either read it as the same. */
export function printJson(value: unknown): string {
	if (value instanceof WrittenNumber) return jsonNumber.test(value.text) ? value.text : JSON.stringify(value.text);
	if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
	if (Array.isArray(value)) return `[${value.map(printJson).join(",")}]`;
	const entries = Object.entries(value).filter(([, item]) => item !== undefined);
	return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${printJson(item)}`).join(",")}}`;
}
