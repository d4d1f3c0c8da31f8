import { join } from "node:path";
import { linesOf, parseRow, rowKey } from "../model/result-files.ts";

/** What a glance at each line of `index.jsonl` tells. Lines are numbered from 1. */
export interface IndexGlance {
	/** How many whole lines there are. */
	readonly lines: number;
	/** Rows of attempts that were run again later. */
	readonly superseded: ReadonlySet<number>;
	/** Lines that are no rows; those that are broken further on are not seen. */
	readonly bad: ReadonlySet<number>;
}

/** Finds the rows that later ones supersede. Keeps a number for each line, not its key: a run may have a hundred thousand of them. */
export function glanceAtIndex(directory: string): IndexGlance {
	const file = join(directory, "index.jsonl");
	const bad = new Set<number>();
	const numbers: number[] = [];
	for (const line of linesOf(file)) {
		const key = keyAtGlance(line.head(mostOfBeginning)) ?? keyOf(line.text());
		numbers.push(key === undefined ? Number.NaN : numberOf(key));
		if (key === undefined) bad.add(numbers.length);
	}
	const twice = thoseTwice(numbers);
	return { lines: numbers.length, bad, superseded: twice.size === 0 ? twice : supersededAmong(file, numbers, twice) };
}

/** Equal numbers are mostly, but not always, of equal keys: here the keys decide. */
function supersededAmong(file: string, numbers: readonly number[], twice: ReadonlySet<number>): Set<number> {
	const superseded = new Set<number>();
	const last = new Map<string, number>();
	let number = 0;
	for (const line of linesOf(file)) {
		const known = numbers[number];
		if (known === undefined) break;
		number += 1;
		const key = twice.has(known) ? keyOf(line.text()) : undefined;
		if (key === undefined) continue;
		const before = last.get(key);
		if (before !== undefined) superseded.add(before);
		last.set(key, number);
	}
	return superseded;
}

function thoseTwice(numbers: readonly number[]): Set<number> {
	const sorted = Float64Array.from(numbers).sort();
	return new Set(sorted.filter((number, index) => number === sorted[index + 1]));
}

/** How lines of ours begin: which attempt a line records can be told without reading the rest of it. */
const beginning =
	/^\{"timestamp":"[^"\\]*","test_id":("[^"\\]*"),"eval":("[^"\\]*"),"target":("[^"\\]*"),"attempt":(\d{1,9}),/;
const mostOfBeginning = 512;

/** Equal to `rowKey`; undefined for lines that begin otherwise. */
function keyAtGlance(text: string): string | undefined {
	const found = beginning.exec(text);
	return found ? `[${found[2]},${found[1]},${found[3]},${found[4]}]` : undefined;
}

function keyOf(text: string): string | undefined {
	const row = parseRow(text);
	return row && rowKey(row);
}

/** Two FNV-1a hashes as one whole number of 53 bits. */
function numberOf(key: string): number {
	let [one, two] = [0x811c9dc5, 0x1b873593];
	for (let index = 0; index < key.length; index += 1) {
		const code = key.charCodeAt(index);
		one = Math.imul(one ^ code, 0x01000193);
		two = Math.imul(two ^ code, 0x01000193) ^ (one >>> 7);
	}
	return (two >>> 11) * 2 ** 32 + (one >>> 0);
}
