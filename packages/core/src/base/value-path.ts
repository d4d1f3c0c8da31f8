/**
 * Paths into JSON values: `items[0].price`, `items.0.price`. A key with a dot is written `["a.b"]`,
 * `['a.b']` or `a\.b`; if a plain path finds nothing, `a.b` is also read as such a key.
 */

export function pathKeys(path: string): string[] {
	const keys: string[] = [];
	const step =
		/\[\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([\w-]+))\s*\]|((?:[^.[\\]|\\.|\[(?!\s*(?:"|'|[\w-]+\s*\])))+)|\./gs;
	for (const [, double, single, index, plain] of path.matchAll(step)) {
		const key = double ?? single ?? index ?? plain;
		if (key !== undefined) keys.push(index ?? key.replace(/\\(.)/gs, "$1"));
	}
	return keys;
}

/** Returns the value at a path; undefined if there is none. */
export function valueAt(value: unknown, path: string): unknown {
	return find(value, pathKeys(path))?.value;
}

/** Returns whether a value has an entry at a path, including null. */
export function hasPath(value: unknown, path: string): boolean {
	return find(value, pathKeys(path)) !== undefined;
}

function find(value: unknown, keys: readonly string[]): { readonly value: unknown } | undefined {
	if (keys.length === 0) return { value };
	if (typeof value !== "object" || value === null) return undefined;
	// Try the plain reading first, then keys with dots.
	let key = "";
	for (const [index, next] of keys.entries()) {
		key = index === 0 ? next : `${key}.${next}`;
		if (!hasKey(value, key)) continue;
		const found = find(value[key], keys.slice(index + 1));
		if (found) return found;
	}
	return undefined;
}

function hasKey(value: object, key: string): value is Readonly<Record<string, unknown>> {
	if (!Object.hasOwn(value, key)) return false;
	// The only key of an array that is not an item.
	return (value as Record<string, unknown>)[key] !== undefined && !(Array.isArray(value) && key === "length");
}
