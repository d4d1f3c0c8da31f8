/** An unvalidated object of a record. */
export type Wire = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Wire {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns the objects of a list; empty if `value` is not a list. */
export function listOf(value: unknown): Wire[] {
	return Array.isArray(value) ? value.filter(isRecord) : [];
}

export function textOf(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
	return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
