/** What a screen's address may say after `?`; anything else there is left out. */
export type RawSearch = Readonly<Record<string, unknown>>;

export function textOf(raw: RawSearch, key: string, usual = ""): string {
	const value = raw[key];
	return typeof value === "string" ? value : typeof value === "number" ? String(value) : usual;
}

export function pageOf(raw: RawSearch): number {
	const value = Number(raw["page"]);
	return Number.isSafeInteger(value) && value > 0 ? value : 1;
}

/** `raw[key]` where it is one of `known`, else the first of them. */
export function oneOf<Known extends string>(raw: RawSearch, key: string, known: readonly [Known, ...Known[]]): Known {
	return known.find((one) => one === raw[key]) ?? known[0];
}

export function flagOf(raw: RawSearch, key: string): boolean {
	return raw[key] === true || raw[key] === "true";
}
