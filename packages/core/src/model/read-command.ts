import type { CommandText } from "../schema/primitives.ts";
import type { CommandSpec } from "./command.ts";
import { child, type Part, placeOf } from "./source.ts";

/** Reads the command `text` at `part`. */
export function readCommand(text: CommandText, part: Part, base: string): CommandSpec {
	const written = part.unfilled([]);
	// A variable without a value stays as written, and must be distinguishable from text in a value.
	const hasVariables = isCommandText(written) && (String(written) !== String(text) || String(written).includes("${{"));
	return { text, at: part.at, base, ...(hasVariables ? { written: { text: written, fill: part.fill } } : {}) };
}

/** Reads the command under `key` of `part`, with its sibling `cwd`. */
export function commandOf(
	text: CommandText,
	part: Part,
	key: string,
	cwd: string | undefined,
	base: string,
): CommandSpec {
	const command = readCommand(text, child(part, key), base);
	return cwd === undefined ? command : { ...command, cwd: { raw: cwd, at: placeOf(part, ["cwd"]), base } };
}

/** Returns whether a value can be a command: a text, or a list of words. */
export function isCommandText(value: unknown): value is string | string[] {
	return (
		typeof value === "string" ||
		(Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === "string"))
	);
}
