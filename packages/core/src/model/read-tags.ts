/** Returns `tags` as a list: a map's entries become `name=value`. */
export function tagsOf(tags: readonly string[] | Readonly<Record<string, string>> | undefined): readonly string[] {
	if (tags === undefined) return [];
	return isList(tags) ? tags : Object.entries(tags).map(([name, value]) => `${name}=${value}`);
}

function isList(value: unknown): value is readonly string[] {
	return Array.isArray(value);
}
