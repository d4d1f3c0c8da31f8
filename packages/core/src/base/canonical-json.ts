/**
 * Returns `value` as JSON that is identical for equal values: keys sorted by UTF-16 units, no
 * whitespace, undefined entries omitted. For digests and comparisons.
 */
export function canonicalJson(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(",")}]`;
	if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
	const object = value as Record<string, unknown>;
	if (typeof object.toJSON === "function") return canonicalJson(object.toJSON());
	const parts: string[] = [];
	for (const key of Object.keys(object).sort()) {
		const item = object[key];
		if (item !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(item)}`);
	}
	return `{${parts.join(",")}}`;
}
