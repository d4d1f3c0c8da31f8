import type { OpenRun } from "@agentv/core";

/** What an export gets. */
export interface ExportedRun extends OpenRun {
	/** How the run is named in headings. */
	readonly name: string;
	/** Text of a file beside the rows, as far as it can be read. */
	readonly detail: (file: string) => string | undefined;
}

/** Turns a run into one document, piece by piece: runs may be larger than memory. */
export type RunExport = (run: ExportedRun) => Generator<string>;
