import { AgentvError } from "@agentv/core";
import type { Command, Option } from "commander";
import { several } from "../program/option-values.ts";
import type { CompletionRequest, Surroundings } from "./asked.ts";
import type { Candidate } from "./candidate.ts";
import { defaultCommand, type Position, positionOf, takesValue } from "./position.ts";
import { sourceOf } from "./value-sources.ts";

/**
 * Returns the possible words at the cursor. Commands, options and choices are read from the program itself.
 * @param words after the program's name; the last one is at the cursor, and may be empty
 */
export async function complete(
	program: Command,
	words: readonly string[],
	surroundings: Surroundings,
): Promise<Candidate[]> {
	const position = positionOf(program, words);
	const candidates = await candidatesAt(position, surroundings);
	const seen = new Set<string>();
	return candidates.filter(({ text }) => {
		// No control character of a file's name may reach the terminal.
		if (!text.startsWith(position.typed) || /\p{Cc}/u.test(text) || seen.has(text)) return false;
		seen.add(text);
		return true;
	});
}

async function candidatesAt(position: Position, surroundings: Surroundings): Promise<Candidate[]> {
	const { typed, value, argument, isBehindDashes, operands } = position;
	if (value) {
		const { attached } = value;
		const request: CompletionRequest = { ...surroundings, position, typed: typed.slice(attached.length) };
		const values = await valuesOf(value.option, request);
		return values.map((one) => ({ ...one, text: `${attached}${one.text}` }));
	}
	if (typed.startsWith("-") && !isBehindDashes) return options(position);
	const named = operands.length === 0 && !isBehindDashes ? subcommands(position) : [];
	const values = argument ? await valuesOf(argument, { ...surroundings, position, typed }) : [];
	const words = [...named, ...values];
	return words.length > 0 || argument || isBehindDashes ? words : options(position);
}

async function valuesOf(
	wanted: Parameters<typeof sourceOf>[0] & { readonly argChoices?: readonly string[] | undefined },
	request: CompletionRequest,
): Promise<readonly Candidate[]> {
	if (wanted.argChoices) return wanted.argChoices.map((text) => ({ text }));
	try {
		return (await sourceOf(wanted)?.(request)) ?? [];
	} catch (error) {
		// Unreadable files are ignored: a prompt is not the place for errors.
		if (error instanceof AgentvError) return [];
		throw error;
	}
}

function subcommands({ commands }: Position): Candidate[] {
	const command = commands.at(-1) ?? commands[0];
	const isLeaf = command.commands.length === 0;
	return isLeaf
		? []
		: command
				.createHelp()
				.visibleCommands(command)
				.map((one) => ({ text: one.name(), about: one.description() }));
}

function options({ commands, optionValues }: Position): Candidate[] {
	const command = commands.at(-1) ?? commands[0];
	const fallback = defaultCommand(command);
	const [program] = commands;
	const own = [command, ...(fallback ? [fallback] : [])].flatMap((one) => one.createHelp().visibleOptions(one));
	const global = command === program ? [] : program.options.filter(({ long }) => long !== "--version");
	const all = [...own, ...global];
	const isLeft = (option: Option) =>
		!optionValues.has(option.attributeName()) || option.variadic || option.parseArg === several;
	return all.filter(isLeft).flatMap((option) => {
		const text = option.long ?? option.short;
		const hint = takesValue(option) ? `${option.flags.replace(/^.*?(?=[<[])/, "")} ` : "";
		return text ? [{ text, about: `${hint}${option.description}` }] : [];
	});
}
