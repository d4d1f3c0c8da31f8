const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Formats for a field without its own; the first match wins. */
const usualFormats = [
	"YYYY-MM-DD",
	"DD-MMM-YYYY",
	"DD MMM YYYY",
	"MMM D, YYYY",
	"MM/DD/YYYY",
	"DD.MM.YYYY",
	"YYYY/MM/DD",
];

/** Returns the day as `2026-03-20`, by the first matching format (of Y, M, D letters). */
export function dayOf(text: string, formats: readonly string[] = usualFormats): string | undefined {
	const trimmed = text.trim();
	for (const format of formats) {
		const day = readDay(trimmed, format);
		if (day !== undefined) return day;
	}
	return readDay(trimmed.replace(/T[\d:.,]+(Z|[+-]\d\d:?\d\d)?$/, ""), "YYYY-MM-DD");
}

function readDay(text: string, format: string): string | undefined {
	const tokens: string[] = [];
	const pattern = format.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/YYYY|YY|MMMM|MMM|MM|M|DD|D/g, (token) => {
		tokens.push(token);
		if (token === "YYYY") return "(\\d{4})";
		if (token === "MMM" || token === "MMMM") return "([A-Za-z]{3,9})";
		return token.length === 2 ? "(\\d{2})" : "(\\d{1,2})";
	});
	// A format that repeats a part matches no day, and many digits of varying count would backtrack
	// exponentially.
	if (new Set(tokens.map(([letter]) => letter)).size < tokens.length) return undefined;
	const found = new RegExp(`^${pattern}$`).exec(text);
	if (!found) return undefined;
	const part = (letter: string) => found[1 + tokens.findIndex((token) => token.startsWith(letter))] ?? "";
	const year = part("Y").length === 2 ? 2000 + Number(part("Y")) : Number(part("Y"));
	const month = /^\d/.test(part("M")) ? Number(part("M")) : months.indexOf(part("M").slice(0, 3).toLowerCase()) + 1;
	const date = new Date(Date.UTC(year, month - 1, Number(part("D"))));
	const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(part("D"));
	return real && !Number.isNaN(date.getTime()) ? date.toISOString().slice(0, 10) : undefined;
}
