/** What scanning one script found: each thing it names, and what can't be known. */
export interface ScriptImports {
	readonly imports: readonly ScriptImport[];
	readonly unknown: readonly UnknownImport[];
}

export interface ScriptImport {
	/**
	 * `module`: resolved as the language resolves modules; `file`: a path relative to the script; `pattern`: a path in which every `*`
	 * stands for something computed.
	 */
	readonly kind: "module" | "file" | "pattern";
	readonly specifier: string;
	/** 1-based. */
	readonly line: number;
	/** Found by a scan for words rather than by a parser: what does not exist is no import then. */
	readonly guessed: boolean;
}

/** A place in a script that brings files nobody can name without running it. */
export interface UnknownImport {
	readonly line: number;
	/** What is computed there, a noun phrase: `a computed import`. */
	readonly what: string;
}

/** 1-based line of an offset; offsets are asked in growing order. */
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
