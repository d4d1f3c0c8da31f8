/** Parses seconds, an HTTP date, or the `-ms` form of some servers. */
export function retryAfterMs(headers: Readonly<Record<string, string>> | undefined, now: number): number | undefined {
	const exact = amount(headers?.["retry-after-ms"]);
	if (exact !== undefined) return exact;
	const text = headers?.["retry-after"];
	const seconds = amount(text);
	if (seconds !== undefined) return seconds * 1000;
	const date = text === undefined ? Number.NaN : Date.parse(text);
	return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function amount(text: string | undefined): number | undefined {
	return text !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}
