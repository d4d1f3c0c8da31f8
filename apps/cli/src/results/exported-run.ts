import type { AttemptFile, OpenRun } from "@agentv/core";

/** What an export gets. */
export interface ExportedRun extends OpenRun {
	/** How the run is named in headings. */
	readonly name: string;
	/** An attempt's own file, as far as it can be read. */
	readonly attempt: (file: string) => AttemptFile | undefined;
	/** The beginning of a file that stands beside it. */
	readonly head: (
		file: string,
		maxBytes: number,
	) => { readonly text: string; readonly cut: boolean; readonly size: number } | undefined;
}

/** Turns a run into one document, piece by piece: runs may be larger than memory. */
export type RunExport = (run: ExportedRun) => Generator<string>;
