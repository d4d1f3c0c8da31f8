/** The levels of a JSON value that another program may hand over. Writing a value takes stack for each level; records hold some more around it. */
export const deepestJson = 500;

/** Returns whether a JSON value nests more than `deepest` levels deep. */
export function nestsDeeper(value: unknown, deepest: number = deepestJson): boolean {
	if (typeof value !== "object" || value === null) return false;
	return deepest === 0 || Object.values(value).some((item) => nestsDeeper(item, deepest - 1));
}
