import type { Argument, Command, Option } from "commander";

/** A command line up to the cursor, and what the word at the cursor can be. */
export interface Position {
	/** The program, then the commands given. */
	readonly commands: readonly [Command, ...Command[]];
	/** The part of the word before the cursor, without quotes. */
	readonly typed: string;
	/** The option whose value the word is; `attached` is the part of the word before the value: `--format=`. */
	readonly value?: { readonly option: Option; readonly attached: string };
	/** The command's argument that the word would be. */
	readonly argument?: Argument;
	/** After `--` there are no options or commands. */
	readonly isBehindDashes: boolean;
	/** Words other than options, their values and commands. */
	readonly operands: readonly string[];
	/** Values of the options so far, by attribute name; none for flags. */
	readonly optionValues: ReadonlyMap<string, readonly string[]>;
}

/** Reads the words after the program's name; the last one is at the cursor and may be empty. */
export function positionOf(program: Command, words: readonly string[]): Position {
	const reading = new PositionReading(program);
	for (const word of words.slice(0, -1)) reading.take(word);
	return reading.end(words.at(-1) ?? "");
}

/** Returns the default subcommand (`agentv eval` is `agentv eval run`). */
export function defaultCommand(command: Command): Command | undefined {
	// Not public in commander; without it, the short form would be completed without options.
	const { _defaultCommandName: name } = command as { _defaultCommandName?: string | null };
	return command.commands.find((candidate) => candidate.name() === name);
}

export function takesValue(option: Option): boolean {
	return option.required || option.optional;
}

class PositionReading {
	readonly #commands: [Command, ...Command[]];
	readonly #optionValues = new Map<string, string[]>();
	#operands: string[] = [];
	#pending: Option | undefined;
	#isBehindDashes = false;

	constructor(program: Command) {
		this.#commands = [program];
	}

	get #command(): Command {
		return this.#commands.at(-1) ?? this.#commands[0];
	}

	take(word: string): void {
		if (this.#pending && !(this.#isFlag(word) && !this.#mustTake(this.#pending))) {
			this.#note(this.#pending, word);
			if (!this.#pending.variadic) this.#pending = undefined;
			return;
		}
		this.#pending = undefined;
		if (this.#isBehindDashes) this.#operands.push(word);
		else if (word === "--") this.#isBehindDashes = true;
		else if (this.#isFlag(word)) this.#takeFlag(word);
		else this.#takeWord(word);
	}

	/** The first value of an option that requires one may begin with a dash. */
	#mustTake(option: Option): boolean {
		return option.required && (this.#optionValues.get(option.attributeName()) ?? []).length === 0;
	}

	#isFlag(word: string): boolean {
		return word.startsWith("-") && word !== "-" && !this.#isBehindDashes;
	}

	#takeFlag(word: string): void {
		const [flag = "", ...rest] = word.split("=");
		const option = this.#optionOf(flag);
		if (!option) return;
		this.#note(option);
		if (!takesValue(option)) return;
		if (rest.length > 0) this.#note(option, rest.join("="));
		else this.#pending = option;
	}

	#optionOf(flag: string): Option | undefined {
		const fallback = defaultCommand(this.#command);
		const commands = [this.#command, ...(fallback ? [fallback] : []), ...this.#commands];
		return commands.flatMap(({ options }) => options).find(({ long, short }) => flag === long || flag === short);
	}

	#note(option: Option, value?: string): void {
		const values = this.#optionValues.get(option.attributeName()) ?? [];
		this.#optionValues.set(option.attributeName(), value === undefined ? values : [...values, value]);
	}

	#takeWord(word: string): void {
		const command = this.#command;
		const isFirst = this.#operands.length === 0;
		const named = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
		if (isFirst && named) this.#commands.push(named);
		else if (!(isFirst && word === "help" && command.commands.length > 0)) {
			const fallback = isFirst ? defaultCommand(command) : undefined;
			if (fallback) this.#commands.push(fallback);
			this.#operands.push(word);
		}
	}

	end(typed: string): Position {
		const shared = {
			commands: this.#commands,
			isBehindDashes: this.#isBehindDashes,
			operands: this.#operands,
			optionValues: this.#optionValues,
		};
		if (this.#pending && !(this.#isFlag(typed) && !this.#mustTake(this.#pending)))
			return { ...shared, typed, value: { option: this.#pending, attached: "" } };
		const equals = this.#isFlag(typed) ? typed.indexOf("=") : -1;
		const option = equals < 0 ? undefined : this.#optionOf(typed.slice(0, equals));
		if (option && takesValue(option))
			return { ...shared, typed, value: { option, attached: typed.slice(0, equals + 1) } };
		const argument = this.#isFlag(typed) ? undefined : this.#nextArgument();
		return { ...shared, typed, ...(argument ? { argument } : {}) };
	}

	#nextArgument(): Argument | undefined {
		const command = defaultCommand(this.#command) ?? this.#command;
		const list = command.registeredArguments;
		const last = list.at(-1);
		return list[this.#operands.length] ?? (last?.variadic ? last : undefined);
	}
}

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

export const shellNames = ["bash", "zsh", "fish"] as const;
export type ShellName = (typeof shellNames)[number];

// Each calls `agentv __complete` and passes its output to the shell as plain text, which is never evaluated.

/** Works with bash 3.2 and newer, with or without the bash-completion package. */
const bash = `# Completion of agentv for bash. In ~/.bashrc: eval "$(agentv completion bash)"
_agentv() {
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		COMPREPLY+=("$line")
	done < <(command agentv __complete bash -- "$COMP_WORDBREAKS" "\${COMP_LINE:0:COMP_POINT}" </dev/null 2>/dev/null)
}
complete -o nospace -F _agentv agentv
`;

/** Also works as a file \`_agentv\` in the fpath. */
const zsh = `#compdef agentv
# Completion of agentv for zsh. In ~/.zshrc, after compinit: source <(agentv completion zsh)
_agentv() {
	local -a lines words_done texts_done words_open texts_open
	local line text about
	lines=("\${(@f)$(command agentv __complete zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" </dev/null 2>/dev/null)}")
	for line in "\${lines[@]}"; do
		about=\${line#??*$'\\t'}
		text=\${\${line#??}%%$'\\t'*}
		[[ -n $text ]] || continue
		[[ -n $about ]] && about="$text  -- $about" || about=$text
		if [[ $line == +* ]]; then
			words_open+=("$text") texts_open+=("$about")
		else
			words_done+=("$text") texts_done+=("$about")
		fi
	done
	[[ $PREFIX == '~'*/* ]] && compset -P '*/'
	local -a how
	[[ "\${texts_done[*]}\${texts_open[*]}" == *'  -- '* ]] && how=(-l)
	local ret=1
	(( $#words_done )) && compadd $how -d texts_done -a -- words_done && ret=0
	(( $#words_open )) && compadd $how -S '' -d texts_open -a -- words_open && ret=0
	return ret
}
if [[ $funcstack[1] == _agentv ]]; then
	_agentv "$@"
elif (( $+functions[compdef] )); then
	compdef _agentv agentv
else
	print -u2 'agentv: call compinit before this, for example: autoload -Uz compinit && compinit'
fi
`;

const fish = `# Completion of agentv for fish. Save it as ~/.config/fish/completions/agentv.fish
function __agentv_complete
	set -l words (commandline -opc)
	set -e words[1]
	set -l last (commandline -ct)
	command agentv __complete fish -- $words "$last" </dev/null 2>/dev/null
end
complete -c agentv -f -a '(__agentv_complete)'
`;

export const shellScripts: Readonly<Record<ShellName, string>> = { bash, zsh, fish };
