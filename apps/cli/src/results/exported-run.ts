import type { AttemptFile, OpenRun } from "@agentv/core";

/** Input of an exporter. */
export interface ExportedRun extends OpenRun {
	/** The run's name in headings. */
	readonly name: string;
	/** Reads an attempt's file; undefined if it can't be read. */
	readonly attempt: (file: string) => AttemptFile | undefined;
	/** Reads the beginning of a file next to it. */
	readonly head: (
		file: string,
		maxBytes: number,
	) => { readonly text: string; readonly cut: boolean; readonly size: number } | undefined;
}

/** Exports a run as one document, in pieces, because runs may be larger than memory. */
export type RunExport = (run: ExportedRun) => Generator<string>;
