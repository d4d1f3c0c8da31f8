import type { Argument, Command, Option } from "commander";

export interface Position {
	/** The program comes first. */
	readonly commands: readonly [Command, ...Command[]];
	/** Up to the cursor, without quotes. */
	readonly typed: string;
	/** `attached` is the text before the value: `--format=`. */
	readonly value?: { readonly option: Option; readonly attached: string };
	readonly argument?: Argument;
	/** After `--` there are no options or commands. */
	readonly isBehindDashes: boolean;
	/** Excludes options, their values and commands. */
	readonly operands: readonly string[];
	/** By attribute name; none for flags. */
	readonly optionValues: ReadonlyMap<string, readonly string[]>;
}

/** Reads the words after the program's name; the last one is at the cursor and may be empty. */
export function positionOf(program: Command, words: readonly string[]): Position {
	const { pending, ...read } = readWords(program, words.slice(0, -1));
	const { commands, operands, isBehindDashes } = read;
	const typed = words.at(-1) ?? "";
	if (pending && takes(pending, typed, read)) return { ...read, typed, value: { option: pending, attached: "" } };
	if (isFlag(typed) && !isBehindDashes) {
		const attached = /^[^=]+=/.exec(typed)?.[0] ?? "";
		const option = optionOf(attached.slice(0, -1), commands);
		return { ...read, typed, ...(option && takesValue(option) ? { value: { option, attached } } : {}) };
	}
	const command = commands.at(-1) ?? program;
	const list = (defaultCommand(command) ?? command).registeredArguments;
	const last = list.at(-1);
	const argument = list[operands.length] ?? (last?.variadic ? last : undefined);
	return { ...read, typed, ...(argument ? { argument } : {}) };
}

type Read = Omit<Position, "typed" | "value" | "argument">;

function readWords(program: Command, words: readonly string[]): Read & { readonly pending: Option | undefined } {
	const commands: [Command, ...Command[]] = [program];
	const optionValues = new Map<string, string[]>();
	const operands: string[] = [];
	let isBehindDashes = false;
	let pending: Option | undefined;
	for (const word of words) {
		if (pending && takes(pending, word, { isBehindDashes, optionValues })) {
			optionValues.get(pending.attributeName())?.push(word);
			if (!pending.variadic) pending = undefined;
			continue;
		}
		pending = undefined;
		const command = commands.at(-1) ?? program;
		if (isBehindDashes) operands.push(word);
		else if (word === "--") isBehindDashes = true;
		else if (isFlag(word)) {
			const [flag = "", ...rest] = word.split("=");
			const option = optionOf(flag, commands);
			if (!option) continue;
			const values = optionValues.get(option.attributeName()) ?? [];
			optionValues.set(option.attributeName(), values);
			if (takesValue(option) && rest.length === 0) pending = option;
			else if (takesValue(option)) values.push(rest.join("="));
		} else if (operands.length > 0) operands.push(word);
		else {
			const named = command.commands.find(
				(candidate) => candidate.name() === word || candidate.aliases().includes(word),
			);
			const next = named ?? defaultCommand(command);
			const isHelp = word === "help" && command.commands.length > 0;
			if (next && (named || !isHelp)) commands.push(next);
			if (!named && !isHelp) operands.push(word);
		}
	}
	return { commands, operands, optionValues, isBehindDashes, pending };
}

function isFlag(word: string): boolean {
	return word.startsWith("-") && word !== "-";
}

/** Accepts a first value with a dash if the option requires a value. */
function takes(option: Option, word: string, read: Pick<Read, "isBehindDashes" | "optionValues">): boolean {
	const isFirst = (read.optionValues.get(option.attributeName()) ?? []).length === 0;
	return !isFlag(word) || read.isBehindDashes || (option.required && isFirst);
}

function optionOf(flag: string, commands: Position["commands"]): Option | undefined {
	const last = commands.at(-1) ?? commands[0];
	return [last, defaultCommand(last) ?? last, ...commands]
		.flatMap(({ options }) => options)
		.find(({ long, short }) => flag === long || flag === short);
}

export function defaultCommand(command: Command): Command | undefined {
	// Not public in commander, but completion of the short form needs its options.
	const { _defaultCommandName: name } = command as { _defaultCommandName?: string | null };
	return command.commands.find((candidate) => candidate.name() === name);
}

export function takesValue(option: Option): boolean {
	return option.required || option.optional;
}

/** Split as bash splits it, without expansions. */
export interface ShellLine {
	/** Without quotes, the program's name first; the last one is at the cursor. */
	readonly words: readonly string[];
	/** Open at the cursor. */
	readonly quote: "'" | '"' | "";
	/** Unquoted part of the last word that readline will not replace. */
	readonly prefix: string;
	/** Whether the replaced part begins with a `~` that the shell expands. */
	readonly isHome: boolean;
}

/** @param breaks characters at which readline begins a new word, as `COMP_WORDBREAKS` has them */
export function readShellLine(line: string, breaks: string): ShellLine {
	const words: string[] = [];
	let word: string | undefined;
	let quote: ShellLine["quote"] = "";
	let isEscaped = false;
	let prefix = "";
	let isHome = false;
	const begin = () => {
		prefix = word ?? "";
		isHome = false;
	};
	for (const character of line) {
		if (isEscaped) {
			isEscaped = false;
			// Between double quotes, a backslash only escapes special characters.
			word += quote === '"' && !/["\\$`]/.test(character) ? `\\${character}` : character;
		} else if (character === "\\" && quote !== "'") {
			isEscaped = true;
			word ??= "";
		} else if (character === quote) {
			quote = "";
			if (breaks.includes(character)) begin();
		} else if (quote !== "") word += character;
		else if (/\s/.test(character)) {
			if (word !== undefined) words.push(word);
			word = undefined;
			begin();
		} else if (character === "'" || character === '"') {
			// While a quote is open, readline replaces the text after it.
			quote = character;
			word ??= "";
			begin();
		} else {
			if (word === undefined) isHome = character === "~";
			word = (word ?? "") + character;
			if (breaks.includes(character)) begin();
		}
	}
	return { words: [...words, word ?? ""], quote, prefix, isHome };
}

export const shellNames = ["bash", "zsh", "fish"] as const;
export type ShellName = (typeof shellNames)[number];

// Each passes the output of `agentv __complete` to the shell as plain text, never evaluated.

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
