/**
 * Puts a test's `vars` into its strings: `{{ name }}` and dotted `{{ a.b }}`. Names that are no variable stay as they are
 * (`{{workspace_path}}` is filled at run time). Objects and arrays become JSON. Untouched values are returned as they are.
 */
export function fillVars<Value>(value: Value, vars: Readonly<Record<string, unknown>>): Value {
	return fill(value, vars) as Value;
}

function fill(value: unknown, vars: Readonly<Record<string, unknown>>): unknown {
	if (typeof value === "string") return value.includes("{{") ? fillText(value, vars) : value;
	if (Array.isArray(value)) return value.map((item) => fill(item, vars));
	if (typeof value === "object" && value !== null) {
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, vars)]));
	}
	return value;
}

function fillText(text: string, vars: Readonly<Record<string, unknown>>): string {
	return text.replace(/(?<!\$)\{\{\s*([A-Za-z_][\w-]*(?:\.[\w-]+)*)\s*\}\}/g, (whole, name: string) => {
		const value = lookUp(name.split("."), vars);
		if (value === undefined) return whole;
		return typeof value === "string" ? value : JSON.stringify(value);
	});
}

function lookUp(keys: readonly string[], vars: Readonly<Record<string, unknown>>): unknown {
	let value: unknown = vars;
	for (const key of keys) {
		if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
		value = (value as Record<string, unknown>)[key];
	}
	return value;
}
