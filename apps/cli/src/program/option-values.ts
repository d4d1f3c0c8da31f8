import { InvalidArgumentError } from "commander";

/** Collects the values of a repeatable option. */
export function several(text: string, before: readonly string[] | undefined): readonly string[] {
	return [...(before ?? []), text];
}

export function count(text: string): number {
	const number = Number(text);
	if (Number.isInteger(number) && number > 0) return number;
	throw new InvalidArgumentError("Expected a positive integer.");
}

export function whole(text: string): number {
	const number = Number(text);
	if (text.trim() !== "" && Number.isInteger(number) && number >= 0) return number;
	throw new InvalidArgumentError("Expected a non-negative integer.");
}

export function positive(text: string): number {
	const number = Number(text);
	if (Number.isFinite(number) && number > 0) return number;
	throw new InvalidArgumentError("Expected a positive number.");
}

export function shard(text: string): { readonly index: number; readonly count: number } {
	const [, index = 0, count = 0] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
	if (index >= 1 && index <= count) return { index, count };
	throw new InvalidArgumentError("Expected I/N, the I-th (from 1) of N shards, for example 2/4.");
}

export function fraction(text: string): number {
	const number = Number(text);
	if (text.trim() !== "" && number >= 0 && number <= 1) return number;
	throw new InvalidArgumentError("Expected a number from 0 to 1.");
}

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Parses `90m`, `12h`, `30d` or `2w` to milliseconds. */
export function timeSpan(text: string): number {
	const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([mhdw])$/.exec(text.trim()) ?? [];
	const milliseconds = Number(number) * (unitsMs[unit] ?? Number.NaN);
	if (Number.isFinite(milliseconds)) return milliseconds;
	throw new InvalidArgumentError("Expected minutes, hours, days or weeks, for example 90m, 12h, 30d, 2w.");
}
