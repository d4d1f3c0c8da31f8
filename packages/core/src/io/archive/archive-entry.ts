/** One file, link or (empty) directory of an archive. */
export interface ArchiveEntry {
	readonly kind: "file" | "link" | "directory";
	/** Path in the archive, `/` between components. */
	readonly path: string;
	/** Absolute path of the file; for links the text stands in `link`. */
	readonly from: string;
	readonly size: number;
	readonly executable: boolean;
	readonly link?: string | undefined;
}

export interface ArchiveOptions {
	/** The time that every entry gets. */
	readonly time: Date;
	readonly signal?: AbortSignal | undefined;
}
