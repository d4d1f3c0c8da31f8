import { join } from "node:path";
import { parseRow, wholeLines } from "../model/result-files.ts";
import type { ResultRow } from "../schema/result-row.ts";
import { glanceAtIndex, type IndexGlance } from "./glance-at-index.ts";

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
	readonly #glance: IndexGlance;
	readonly #bad: Set<number>;
	/** How many rows there are; lines that are broken further on are counted, too. */
	readonly count: number;

	constructor(directory: string) {
		this.#file = join(directory, "index.jsonl");
		this.#glance = glanceAtIndex(directory);
		const { lines, bad, superseded } = this.#glance;
		this.#bad = new Set(bad);
		this.count = lines - bad.size - superseded.size;
	}

	*[Symbol.iterator](): Generator<ResultRow> {
		for (const { row } of this.recorded()) yield row;
	}

	*recorded(): Generator<RecordedRow> {
		let line = 0;
		for (const text of wholeLines(this.#file)) {
			if (line === this.#glance.lines) return;
			line += 1;
			if (this.#glance.superseded.has(line)) continue;
			const row = parseRow(text);
			if (row) yield { row, text };
			else this.#bad.add(line);
		}
	}

	/** Numbers (from 1) of lines that are no rows; complete once the rows were walked. */
	get badLines(): readonly number[] {
		return [...this.#bad].sort((a, b) => a - b);
	}
}
