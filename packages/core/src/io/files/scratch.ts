/** A directory for a moment's files, which is made only when something is put into it. */
export interface Scratch {
	/** Absolute; it may not be there yet. */
	readonly path: string;
	/** Makes it where it is not there, and answers its path. */
	make(): string;
}
