import { digestText } from "../io/files/digest-tree.ts";

/** A file or directory in the version that a digest was computed from. */
export interface FileVersion {
	/** Absolute. */
	readonly path: string;
	/** Hexadecimal; a word for what is missing or can't be read. */
	readonly sha256: string;
	/** Of a directory: digest and mode of each file below it, by relative path. */
	readonly members?: ReadonlyMap<string, string>;
}

export interface ContentState {
	readonly digest: string;
	readonly files: readonly FileVersion[];
}

/** How many times longer than a look at a content takes the last look is relied on. */
const patience = 10;

/**
 * What some files hold, as of now. A state is the same object as long as nothing changed. A look that takes long (a directory of thousands
 * of files) is not repeated for each test: its result is relied on for ten times as long as it took.
 */
export class Content {
	readonly #look: (before: ContentState | undefined) => ContentState;
	#state: ContentState | undefined;
	#validUntil = 0;
	#isFrozen = false;

	private constructor(look: (before: ContentState | undefined) => ContentState) {
		this.#look = look;
	}

	/** @param look returns `before` itself when nothing changed */
	static of(look: (before: ContentState | undefined) => ContentState): Content {
		return new Content(look);
	}

	/** Joins contents whose order and places don't matter. */
	static union(contents: readonly Content[]): Content {
		let last: readonly ContentState[] = [];
		return new Content((before) => {
			const states = contents.map((content) => content.state());
			if (before && states.every((state, index) => state === last[index])) return before;
			last = states;
			const digests = states.map(({ digest }) => digest).sort();
			return { digest: digestText(digests.join("\n")), files: states.flatMap(({ files }) => files) };
		});
	}

	state(): ContentState {
		if (this.#state && this.#isFrozen) return this.#state;
		const startedAt = performance.now();
		if (this.#state && startedAt < this.#validUntil) return this.#state;
		const before = this.#state;
		this.#state = this.#look(before);
		const endedAt = performance.now();
		// A first look reads everything, which says nothing about what the next one takes.
		if (before) this.#validUntil = endedAt + patience * (endedAt - startedAt);
		return this.#state;
	}

	/** What represents the content in JSON. */
	toJSON(): string {
		return this.state().digest;
	}

	/** Keeps the state of now from here on: what was copied does not change with its source. */
	freeze(): void {
		this.state();
		this.#isFrozen = true;
	}
}
