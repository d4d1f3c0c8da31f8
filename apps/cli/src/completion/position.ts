import type { Argument, Command, Option } from "commander";

/** What a command line says up to the cursor, and what the word at the cursor can be. */
export interface Position {
	/** The commands that are named, the program first. */
	readonly commands: readonly [Command, ...Command[]];
	/** What is typed of the word at the cursor, without quotes. */
	readonly typed: string;
	/** The option whose value the word is; `attached` stands before the value in the same word: `--format=`. */
	readonly value?: { readonly option: Option; readonly attached: string };
	/** The argument of the command that the word would be. */
	readonly argument?: Argument;
	/** Behind `--` there are no options and no commands. */
	readonly isBehindDashes: boolean;
	/** Words that are neither options, their values nor commands. */
	readonly operands: readonly string[];
	/** Values of the options so far, by attribute name; of flags there are none. */
	readonly given: ReadonlyMap<string, readonly string[]>;
}

/** Reads the words behind the program's name, the last of which is at the cursor (empty where it only begins). */
export function positionOf(program: Command, words: readonly string[]): Position {
	const reading = new Reading(program);
	for (const word of words.slice(0, -1)) reading.take(word);
	return reading.end(words.at(-1) ?? "");
}

/** The command that is meant where none of the subcommands is named (`agentv eval` is `agentv eval run`). */
export function defaultCommand(command: Command): Command | undefined {
	// The parser keeps the name to itself; without it the short form would be completed as if it had no options.
	const { _defaultCommandName: name } = command as { _defaultCommandName?: string | null };
	return command.commands.find((candidate) => candidate.name() === name);
}

/** Whether an option wants a value. */
export function takesValue(option: Option): boolean {
	return option.required || option.optional;
}

class Reading {
	readonly #commands: [Command, ...Command[]];
	readonly #given = new Map<string, string[]>();
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

	/** An option's first value may begin with a dash where the option can't do without. */
	#mustTake(option: Option): boolean {
		return option.required && (this.#given.get(option.attributeName()) ?? []).length === 0;
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
		const values = this.#given.get(option.attributeName()) ?? [];
		this.#given.set(option.attributeName(), value === undefined ? values : [...values, value]);
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
			given: this.#given,
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
