/** The result of scanning a script: its imports, and what is unknown. */
export interface ScriptImports {
	readonly imports: readonly ScriptImport[];
	readonly unknown: readonly UnknownImport[];
}

export interface ScriptImport {
	/** `pattern`: a path with a `*` for each computed part. */
	readonly kind: "module" | "file" | "pattern";
	readonly specifier: string;
	/** 1-based. */
	readonly line: number;
	/** Found by a text scan instead of a parser: a missing file is not an error then. */
	readonly guessed: boolean;
}

/** A location in a script whose imports are unknown without running it. */
export interface UnknownImport {
	readonly line: number;
	/** The computed construct, a noun phrase: `a computed import`. */
	readonly what: string;
}

/** Returns the 1-based line of an offset; offsets must increase. */
export function lineCounter(text: string): (offset: number) => number {
	let line = 1;
	let seen = 0;
	return (offset) => {
		if (offset < seen) {
			line = 1;
			seen = 0;
		}
		for (let at = text.indexOf("\n", seen); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
			line += 1;
			seen = at + 1;
		}
		return line;
	};
}
