/** Missing fields and those of another type are `undefined` or empty. */

export type Fields = Readonly<Record<string, unknown>>;

export function record(value: unknown): Fields {
	return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function records(value: unknown): readonly Fields[] {
	return Array.isArray(value) ? value.map(record) : [];
}

export function text(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

/** An impossible amount becomes `NaN`, also in sums, so that it is rejected later. */
export function count(value: unknown): number | undefined {
	if (typeof value !== "number") return undefined;
	return Number.isFinite(value) && value >= 0 ? value : Number.NaN;
}

/** Returns content given as text or as a list of `{type: "text", text}` blocks; else undefined. */
export function contentText(value: unknown): string | undefined {
	if (typeof value === "string") return value;
	if (!Array.isArray(value)) return undefined;
	return records(value)
		.flatMap((block) => text(block.text) ?? [])
		.join("\n");
}

/** Returns `{key: value}`, or `{}` without a value. */
export function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
	return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}
