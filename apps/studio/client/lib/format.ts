import type { Usage } from "../../server/test-responses.ts";

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const shortDate = new Intl.DateTimeFormat(undefined, {
	month: "short",
	day: "numeric",
	hour: "2-digit",
	minute: "2-digit",
});
const counts = new Intl.NumberFormat("en");

const units: readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
	["year", 365 * 86_400],
	["month", 30 * 86_400],
	["day", 86_400],
	["hour", 3600],
	["minute", 60],
	["second", 1],
];

/** `3 hours ago`. */
export function ago(iso: string, now = Date.now()): string {
	const seconds = (Date.parse(iso) - now) / 1000;
	if (Number.isNaN(seconds)) return iso;
	if (Math.abs(seconds) < 10) return "just now";
	const [unit, length] = units.find(([, least]) => Math.abs(seconds) >= least) ?? ["second", 1];
	return relative.format(Math.round(seconds / length), unit);
}

/** Uses the user's time zone. */
export function moment(iso: string): string {
	const time = Date.parse(iso);
	return Number.isNaN(time) ? iso : absolute.format(time);
}

/** `Nov 21, 09:14`. */
export function shortMoment(iso: string): string {
	const time = Date.parse(iso);
	return Number.isNaN(time) ? iso : shortDate.format(time);
}

/** `840 ms`, `3.2 s`, `4 min 12 s`, `2 h 5 min`. */
export function duration(ms: number): string {
	if (ms < 1000) return `${Math.round(ms)} ms`;
	if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
	const seconds = Math.round(ms / 1000);
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
	return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** `0.83`, `1`; rounds down, so that a score below a threshold never looks above it. */
export function score(value: number): string {
	return String(Math.floor(value * 100 + 1e-9) / 100);
}

/** `+0.12`, `−0.3`, `0`. */
export function signed(value: number): string {
	const text = Math.abs(value)
		.toFixed(2)
		.replace(/\.?0+$/, "");
	return text === "0" ? "0" : `${value > 0 ? "+" : "−"}${text}`;
}

/** `$0.0042`, `$0.05`, `$1.20`. */
export function cost(usd: number): string {
	return `$${usd > 0 && usd < 0.1 ? usd.toFixed(4).replace(/0{1,2}$/, "") : usd.toFixed(2)}`;
}

/** `$0.20, 1,204 in, 88 out`; undefined if neither is known. */
export function usage({ cost_usd: usd, token_usage: tokens }: Usage): string | undefined {
	const parts = [
		...(usd === undefined ? [] : [cost(usd)]),
		...(tokens === undefined ? [] : [`${count(tokens.input)} tokens in, ${count(tokens.output)} out`]),
	];
	return parts.length === 0 ? undefined : parts.join(", ");
}

/** `83 %`; `100 %` only for a rate of 1. */
export function percent(rate: number): string {
	return `${Math.floor(rate * 100 + 1e-9)} %`;
}

/** `11 of 12, at least 0.84`; empty if every planned test was graded. */
export function bound(
	{ mean, lower, n, planned }: Readonly<Record<"n" | "planned", number> & Record<"mean" | "lower", number | null>>,
	format: (value: number) => string,
): string {
	const parts = [
		...(n < planned ? [`${count(n)} of ${count(planned)}`] : []),
		...(lower === null || lower === mean ? [] : [`at least ${format(lower)}`]),
	];
	return mean === null && lower === null ? "" : parts.join(", ");
}

/** `1,204`. */
export function count(value: number): string {
	return counts.format(value);
}

/** `1 test`, `2 tests`. */
export function plural(value: number, singular: string, many = `${singular}s`): string {
	return `${count(value)} ${value === 1 ? singular : many}`;
}

/** `12.4 MB`. */
export function bytes(size: number): string {
	if (size < 1000) return `${size} B`;
	const units = ["kB", "MB", "GB"];
	let value = size / 1000;
	let unit = 0;
	while (value >= 1000 && unit < units.length - 1) {
		value /= 1000;
		unit += 1;
	}
	return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Shortens commits to 8 digits, but no other revisions. */
export function shortSha(sha: string): string {
	return /^[0-9a-f]{40,64}$/.test(sha) ? sha.slice(0, 8) : sha;
}

/** `evals/refunds/partial.eval.yaml` → `partial`; `refunds/eval.yaml` → `refunds`. */
export function evalName(file: string): string {
	const name = file.split("/").at(-1) ?? file;
	const short = name.replace(/(\.eval)?\.(ya?ml|jsonl?)$/i, "");
	return /^(eval|evals)$/i.test(short) ? (file.split("/").at(-2) ?? short) : short;
}
