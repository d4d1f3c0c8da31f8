import { AgentvError } from "@agentv/core";
import type { Argument, Command, Option } from "commander";
import { several } from "../program/options.ts";
import { defaultCommand, type Position, positionOf, type ShellLine, takesValue } from "./shell-line.ts";
import type { Candidate, CompletionRequest, Surroundings } from "./sources.ts";

/**
 * Returns the possible words at the cursor, which it reads from the program itself.
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
		// Control characters in a file's name must not reach the terminal.
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
		return values.map((candidate) => ({ ...candidate, text: `${attached}${candidate.text}` }));
	}
	if (typed.startsWith("-") && !isBehindDashes) return options(position);
	const named = operands.length === 0 && !isBehindDashes ? subcommands(position) : [];
	const values = argument ? await valuesOf(argument, { ...surroundings, position, typed }) : [];
	const words = [...named, ...values];
	return words.length > 0 || argument || isBehindDashes ? words : options(position);
}

async function valuesOf(wanted: Option | Argument, request: CompletionRequest): Promise<readonly Candidate[]> {
	if (wanted.argChoices) return wanted.argChoices.map((text) => ({ text }));
	const { sourceOf } = await import("./sources.ts");
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
	if (command.commands.length === 0) return [];
	const visible = command.createHelp().visibleCommands(command);
	return visible.map((subcommand) => ({ text: subcommand.name(), about: subcommand.description() }));
}

function options({ commands, optionValues }: Position): Candidate[] {
	const command = commands.at(-1) ?? commands[0];
	const fallback = defaultCommand(command);
	const [program] = commands;
	const own = [command, ...(fallback ? [fallback] : [])].flatMap((each) => each.createHelp().visibleOptions(each));
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

/** Ends a finished word with a space, because not every bash can add one itself. */
export function answerBash(candidates: readonly Candidate[], { prefix, quote, isHome }: ShellLine): string {
	return lines(
		candidates
			.filter(({ text }) => text.startsWith(prefix))
			.map(({ text, isOpen }) => {
				const rest = text.slice(prefix.length);
				const quoted = isHome ? `~${bashQuoted(rest.slice(1), quote)}` : bashQuoted(rest, quote);
				// Readline closes an open quote itself.
				return isOpen || quote !== "" ? quoted : `${quoted} `;
			}),
	);
}

function bashQuoted(text: string, quote: ShellLine["quote"]): string {
	if (quote === "'") return text.replaceAll("'", "'\\''");
	// History expansion also happens between double quotes, where a backslash can't prevent it.
	if (quote === '"') return text.replace(/["\\$`]/g, "\\$&").replace(/!+/g, `"'$&'"`);
	return text.replace(/[^\p{L}\p{N}\p{M}_./:=@%+,^-]/gu, "\\$&");
}

/** Marks a word as open (`+`) or finished (` `); zsh quotes it itself. */
export function answerZsh(candidates: readonly Candidate[], typed: string): string {
	// zsh only expands `~` if the text before the last slash remains as typed.
	const prefixLength = typed.startsWith("~") ? typed.lastIndexOf("/") + 1 : 0;
	return lines(
		candidates.map(
			({ text, about = "", isOpen }) => `${isOpen ? "+" : " "}\t${text.slice(prefixLength)}\t${oneLine(about)}`,
		),
	);
}

/** Leaves quoting to fish, which adds no space after `/` and `=`. */
export function answerFish(candidates: readonly Candidate[]): string {
	return lines(candidates.map(({ text, about }) => (about ? `${text}\t${oneLine(about)}` : text)));
}

function oneLine(text: string): string {
	return text.replace(/[\s\p{Cc}]+/gu, " ").slice(0, 120);
}

function lines(texts: readonly string[]): string {
	return texts.map((text) => `${text}\n`).join("");
}
