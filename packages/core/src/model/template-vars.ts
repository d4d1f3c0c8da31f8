import type { Part } from "./source.ts";

export type Vars = Readonly<Record<string, unknown>>;

/** The part with a test's `vars` in its strings. */
export function withVars(part: Part, vars: Vars): Part {
	return { ...part, value: fillVars(part.value, vars), fill: (text) => fillVars(part.fill(text), vars) };
}

/**
 * Puts a test's `vars` into its strings: `{{ name }}` and dotted `{{ a.b }}`. Names that are no variable stay as they are
 * (`{{workspace_path}}` is filled at run time). Objects and arrays become JSON. Untouched values are returned as they are.
 */
export function fillVars<Value>(value: Value, vars: Vars): Value {
	return fill(value, vars) as Value;
}

function fill(value: unknown, vars: Vars): unknown {
	if (typeof value === "string") return value.includes("{{") ? fillText(value, vars) : value;
	if (Array.isArray(value)) return value.map((item) => fill(item, vars));
	if (typeof value === "object" && value !== null) {
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, vars)]));
	}
	return value;
}

function fillText(text: string, vars: Vars): string {
	return text.replace(/(?<!\$)\{\{\s*([A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*\}\}/g, (whole, name: string) => {
		const value = lookUp(name.split("."), vars);
		if (value === undefined) return whole;
		return typeof value === "string" ? value : JSON.stringify(value);
	});
}

function lookUp(keys: readonly string[], vars: Vars): unknown {
	let value: unknown = vars;
	for (const key of keys) {
		if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
		value = (value as Record<string, unknown>)[key];
	}
	return value;
}
