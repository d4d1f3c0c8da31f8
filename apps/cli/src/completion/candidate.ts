/** A possible word at the cursor. */
export interface Candidate {
	/** The whole word, without quotes. */
	readonly text: string;
	/** Short description. */
	readonly about?: string;
	/** Whether the word can continue, as after a directory's `/`; no space is added then. */
	readonly isOpen?: boolean;
}
