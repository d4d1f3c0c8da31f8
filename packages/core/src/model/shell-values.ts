import { AgentvError } from "../base/agentv-error.ts";

/** One argument, or several. */
export type HoleValue = string | readonly string[];

export interface ShellText {
	readonly text: string;
	/** Variables that the text uses; add them to the shell's environment. */
	readonly env: Readonly<Record<string, string>>;
}

/** Returns the hole at the beginning of `rest` and its value; undefined if there is none. */
export type HoleReader = (rest: string) => { readonly length: number; readonly value: HoleValue } | undefined;

type Mode = "plain" | "double" | "substitution" | "backtick" | "braces" | "parenthesis";

interface Heredoc {
	readonly end: string;
	readonly tabs: boolean;
	readonly literal: boolean;
}

/**
 * Fills values into a shell's text. They are passed in environment variables and the text only
 * refers to these, quoted for their context, since a shell never parses a variable's value as
 * syntax: no value can become a command.
 * @throws AgentvError `config` for a value that would end its here-document
 */
export function fillShellText(text: string, readHole: HoleReader, prefix = "AGENTV_VALUE_"): ShellText {
	return new ShellScan(text, readHole, prefix).run();
}

class ShellScan {
	readonly #text: string;
	readonly #readHole: HoleReader;
	readonly #prefix: string;
	readonly #env: Record<string, string> = {};
	readonly #modes: Mode[] = ["plain"];
	#heredocs: Heredoc[] = [];
	#at = 0;
	#out = "";

	constructor(text: string, readHole: HoleReader, prefix: string) {
		this.#text = text;
		this.#readHole = readHole;
		this.#prefix = prefix;
	}

	run(): ShellText {
		while (this.#at < this.#text.length) this.#step();
		return { text: this.#out, env: this.#env };
	}

	/** Whether double quotes are open here: inside `${…}` as outside it. */
	get #quoted(): boolean {
		return this.#modes.findLast((mode) => mode !== "braces") === "double";
	}

	#step(): void {
		const rest = this.#text.slice(this.#at, this.#at + 4096);
		const hole = this.#readHole(rest);
		if (hole) {
			this.#at += hole.length;
			this.#out += this.#quoted ? this.#named(hole.value, "") : this.#named(hole.value, '"');
			return;
		}
		const character = rest[0] ?? "";
		if (character === "\\") this.#take(2);
		else if (rest.startsWith("$(")) this.#push("substitution", 2);
		else if (rest.startsWith("${")) this.#push("braces", 2);
		else if (character === "`") this.#modes.at(-1) === "backtick" ? this.#pop() : this.#push("backtick", 1);
		else if (character === '"') this.#modes.at(-1) === "double" ? this.#pop() : this.#push("double", 1);
		else if (character === "}" && this.#modes.at(-1) === "braces") this.#pop();
		else if (this.#quoted) this.#take(1);
		else this.#plain(character, rest);
	}

	#plain(character: string, rest: string): void {
		const mode = this.#modes.at(-1);
		const heredoc = /^<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|(\\?)([^\s'"|&;<>()]+))/.exec(rest);
		if (character === "'") this.#singleQuoted();
		else if (character === "(") this.#push("parenthesis", 1);
		else if (character === ")" && (mode === "substitution" || mode === "parenthesis")) this.#pop();
		else if (character === "#" && /^[\s;|&(]?$/.test(this.#text[this.#at - 1] ?? ""))
			this.#take(rest.split("\n", 1)[0]?.length ?? 1);
		else if (heredoc && rest[2] !== "<") {
			const [whole, dash, single, double, backslash, bare] = heredoc;
			const literal = single !== undefined || double !== undefined || backslash !== "";
			this.#heredocs.push({ end: single ?? double ?? bare ?? "", tabs: dash === "-", literal });
			this.#take(whole.length);
		} else {
			this.#take(1);
			if (character === "\n") for (const next of this.#heredocs.splice(0)) this.#heredoc(next);
		}
	}

	/** `'a{X}b'` becomes `'a'"$X"'b'`. */
	#singleQuoted(): void {
		this.#take(1);
		while (this.#at < this.#text.length) {
			const hole = this.#readHole(this.#text.slice(this.#at, this.#at + 4096));
			if (hole) {
				this.#at += hole.length;
				this.#out += `'${this.#named(hole.value, '"', true)}'`;
				continue;
			}
			const ends = this.#text[this.#at] === "'";
			this.#take(1);
			if (ends) return;
		}
	}

	/** With a quoted end nothing is expanded, so the text itself is inserted. */
	#heredoc({ end, tabs, literal }: Heredoc): void {
		let line = "";
		while (this.#at < this.#text.length) {
			const hole = this.#readHole(this.#text.slice(this.#at, this.#at + 4096));
			if (hole) {
				this.#at += hole.length;
				line += literal ? joined(hole.value) : this.#named(hole.value, "");
				continue;
			}
			const character = this.#text[this.#at++] ?? "";
			line += character;
			if (character !== "\n" && this.#at < this.#text.length) continue;
			this.#out += line;
			const lines = line.replace(/\n$/, "").split("\n");
			const isEnd = (one: string | undefined) => (tabs ? one?.replace(/^\t+/, "") : one) === end;
			if (lines.length > 1 && lines.some(isEnd)) {
				throw new AgentvError(
					"config",
					`a value contains the line ${JSON.stringify(end)}, the end of its here-document`,
				);
			}
			if (isEnd(lines[0])) return;
			line = "";
		}
	}

	/** Several variables inside one pair of quotes (`together`) are one word. */
	#named(value: HoleValue, quote: '"' | "", together = false): string {
		const values = typeof value === "string" || together ? [joined(value)] : value;
		return values
			.map((one) => {
				const name = `${this.#prefix}${Object.keys(this.#env).length + 1}`;
				this.#env[name] = one;
				return `${quote}\${${name}}${quote}`;
			})
			.join(" ");
	}

	#push(mode: Mode, length: number): void {
		this.#modes.push(mode);
		this.#take(length);
	}

	#pop(): void {
		this.#modes.pop();
		this.#take(1);
	}

	#take(length: number): void {
		this.#out += this.#text.slice(this.#at, this.#at + length);
		this.#at += length;
	}
}

function joined(value: HoleValue): string {
	return typeof value === "string" ? value : value.join(" ");
}
