import { digestText } from "../io/files/digest-tree.ts";

/** A file or directory in the version that a digest was computed from. */
export interface FileVersion {
	/** Absolute. */
	readonly path: string;
	/** Hexadecimal; a word if missing or unreadable. */
	readonly sha256: string;
	/** For a directory: digest and mode of each file below it, by relative path. */
	readonly members?: ReadonlyMap<string, string>;
}

export interface ContentState {
	readonly digest: string;
	readonly files: readonly FileVersion[];
}

/** A check stays valid for this many times its own duration. */
const patience = 10;

/**
 * The current content of some files. The state is the same object while nothing changes. A slow
 * check (a directory of thousands of files) is not repeated for each test: its result is valid for
 * ten times its duration.
 */
export class Content {
	readonly #look: (before: ContentState | undefined) => ContentState;
	#state: ContentState | undefined;
	#validUntil = 0;
	#isFrozen = false;

	private constructor(look: (before: ContentState | undefined) => ContentState) {
		this.#look = look;
	}

	/** @param look returns `before` itself if nothing changed */
	static of(look: (before: ContentState | undefined) => ContentState): Content {
		return new Content(look);
	}

	/** Combines contents whose order and paths don't matter. */
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
		// A first check reads everything, so it doesn't predict the duration of the next one.
		if (before) this.#validUntil = endedAt + patience * (endedAt - startedAt);
		return this.#state;
	}

	/** The representation of the content in JSON. */
	toJSON(): string {
		return this.state().digest;
	}

	/** Keeps the current state: a copy does not change with its source. */
	freeze(): void {
		this.state();
		this.#isFrozen = true;
	}
}
