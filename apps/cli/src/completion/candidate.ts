/** A word that may stand where the cursor is. */
export interface Candidate {
	/** The whole word, without quotes. */
	readonly text: string;
	/** In a few words what it is. */
	readonly about?: string;
	/** The word goes on behind it, as behind a directory's `/`: no space is put there. */
	readonly isOpen?: boolean;
}
