import { join } from "node:path";
import { readJson } from "../base/read-json.ts";
import { parseRow, rowKey, wholeLines } from "../model/result-files.ts";
import type { ResultRow } from "../schema/result-row.ts";

/** A row with the line of JSON that records it. */
export interface RecordedRow {
	readonly row: ResultRow;
	readonly text: string;
}

/**
 * The rows of a run, in the order in which they finished; of an attempt that was run again only the last. They stay on disk: walking them
 * reads them anew, so that a run of any size takes little memory. What is appended after opening is not seen.
 */
export class StoredRows implements Iterable<ResultRow> {
	readonly #file: string;
	/** Line numbers from 1. */
	readonly #superseded = new Set<number>();
	readonly #bad = new Set<number>();
	readonly #lines: number;
	/** How many rows there are; lines that are broken further on are counted, too. */
	readonly count: number;

	constructor(directory: string) {
		this.#file = join(directory, "index.jsonl");
		const last = new Map<string, number>();
		let line = 0;
		for (const text of wholeLines(this.#file)) {
			line += 1;
			const key = keyAtGlance(text) ?? keyOf(text);
			if (key === undefined) {
				this.#bad.add(line);
				continue;
			}
			const before = last.get(key);
			if (before !== undefined) this.#superseded.add(before);
			last.set(key, line);
		}
		this.#lines = line;
		this.count = last.size;
	}

	*[Symbol.iterator](): Generator<ResultRow> {
		for (const { row } of this.recorded()) yield row;
	}

	*recorded(): Generator<RecordedRow> {
		let line = 0;
		for (const text of wholeLines(this.#file)) {
			if (line === this.#lines) return;
			line += 1;
			if (this.#superseded.has(line)) continue;
			const row = parseRow(text);
			if (row) yield { row, text };
			else this.#bad.add(line);
		}
	}

	/** Numbers of lines that are no rows; complete once the rows were walked. */
	get badLines(): readonly number[] {
		return [...this.#bad].sort((a, b) => a - b);
	}
}

/** How lines of ours begin: which attempt a line records can be told without reading the rest of it. */
const beginning =
	/^\{"timestamp":"[^"\\]*","test_id":("(?:[^"\\]|\\.)*"),"eval":("(?:[^"\\]|\\.)*"),"target":("(?:[^"\\]|\\.)*"),"attempt":(\d+),/;

/** Equal to `rowKey`; undefined for lines that begin otherwise. */
function keyAtGlance(text: string): string | undefined {
	const found = beginning.exec(text);
	const read = found ? readJson(`[${found[2]},${found[1]},${found[3]},${found[4]}]`) : undefined;
	// Written anew: a piece of the line would keep the whole of it in memory.
	return read && "value" in read ? JSON.stringify(read.value) : undefined;
}

function keyOf(text: string): string | undefined {
	const row = parseRow(text);
	return row && rowKey(row);
}
