/** A file, link or empty directory. */
export interface ArchiveEntry {
	readonly kind: "file" | "link" | "directory";
	/** Path in the archive, `/` between components. */
	readonly path: string;
	/** Absolute path of the file; unused for links, whose text is in `link`. */
	readonly from: string;
	readonly size: number;
	readonly executable: boolean;
	readonly link?: string | undefined;
}

export interface ArchiveOptions {
	/** The modification time of every entry. */
	readonly time: Date;
	readonly signal?: AbortSignal | undefined;
}
