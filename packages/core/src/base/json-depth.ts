/** Serializing uses stack for each level, and records add a few more. */
export const deepestJson = 500;

/** Returns whether a JSON value nests more than `deepest` levels deep. */
export function nestsDeeper(value: unknown, deepest: number = deepestJson): boolean {
	if (typeof value !== "object" || value === null) return false;
	return deepest === 0 || Object.values(value).some((item) => nestsDeeper(item, deepest - 1));
}
