/** A bash command line up to the cursor, split as bash splits it, without expansions. */
export interface ShellLine {
	/** Unquoted words, the program's name first; the last one is at the cursor. */
	readonly words: readonly string[];
	/** The quote that is open at the cursor. */
	readonly quote: "'" | '"' | "";
	/** The part of the last word, without quotes, before what readline will replace. */
	readonly prefix: string;
	/** Whether the replaced part begins with a `~` that the shell expands. */
	readonly isHome: boolean;
}

/** @param breaks characters at which readline begins a new word, as `COMP_WORDBREAKS` has them */
export function readShellLine(line: string, breaks: string): ShellLine {
	const reading = new Reading(breaks);
	for (const character of line) reading.take(character);
	return reading.end();
}

class Reading {
	readonly #breaks: string;
	readonly #words: string[] = [];
	#word: string | undefined;
	#quote: ShellLine["quote"] = "";
	#escaped = false;
	#prefix = "";
	#isHome = false;

	constructor(breaks: string) {
		this.#breaks = breaks;
	}

	take(character: string): void {
		if (this.#escaped) this.#escape(character);
		else if (character === "\\" && this.#quote !== "'") {
			this.#escaped = true;
			this.#word ??= "";
		} else if (this.#quote === "") this.#takeBare(character);
		else if (character === this.#quote) this.#endQuote(character);
		else this.#add(character);
	}

	/** Between double quotes, a backslash only escapes special characters. */
	#escape(character: string): void {
		this.#escaped = false;
		this.#add(this.#quote === '"' && !/["\\$`]/.test(character) ? `\\${character}` : character);
	}

	#takeBare(character: string): void {
		if (/\s/.test(character)) this.#endWord();
		else if (character === "'" || character === '"') this.#openQuote(character);
		else {
			if (this.#word === undefined) this.#isHome = character === "~";
			this.#add(character);
			if (this.#breaks.includes(character)) this.#begin();
		}
	}

	/** While a quote is open, readline replaces the text after it. */
	#openQuote(quote: "'" | '"'): void {
		this.#quote = quote;
		this.#word ??= "";
		this.#begin();
	}

	#endQuote(character: string): void {
		this.#quote = "";
		if (this.#breaks.includes(character)) this.#begin();
	}

	/** Marks where readline begins a new word. */
	#begin(): void {
		this.#prefix = this.#word ?? "";
		this.#isHome = false;
	}

	#add(text: string): void {
		this.#word = (this.#word ?? "") + text;
	}

	#endWord(): void {
		if (this.#word !== undefined) this.#words.push(this.#word);
		this.#word = undefined;
		this.#prefix = "";
		this.#isHome = false;
	}

	end(): ShellLine {
		const words = [...this.#words, this.#word ?? ""];
		return { words, quote: this.#quote, prefix: this.#prefix, isHome: this.#isHome };
	}
}
