/** A temporary directory that is created only when needed. */
export interface Scratch {
	/** Absolute; may not exist yet. */
	readonly path: string;
	/** Creates it if missing and returns its path. */
	make(): string;
}
