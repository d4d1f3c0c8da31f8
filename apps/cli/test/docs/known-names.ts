import { existsSync } from "node:fs";
import { join } from "node:path";
import { commandsBelow, wholeProgram } from "./commands-page.ts";
import { root } from "./markdown-page.ts";

const program = wholeProgram();
const commands = new Map(commandsBelow(program));
const groups = [...new Set([...commands.keys()].map((name) => name.split(" ").slice(0, 2).join(" ")))];

/** Options of every command. */
const everywhere = new Set(["--help", "-h", ...program.options.flatMap(flagsOf)]);
const everyFlag = new Set([
	...everywhere,
	...[...commands.values()].flatMap(({ options }) => options.flatMap(flagsOf)),
]);
// Options of other programs.
for (const flag of ["--acp", "--check", "--full", "--file"]) everyFlag.add(flag);

function flagsOf({ short, long }: { readonly short?: string | undefined; readonly long?: string | undefined }) {
	return [short, long].filter((flag) => flag !== undefined);
}

/**
 * Returns why a text in backticks is wrong, if it names a missing command, option or file of this
 * repository.
 */
export function unknownName(code: string): string | undefined {
	const words = code.split(/\s+/);
	const flags = words.filter((word) => /^--?[a-z]/i.test(word)).map((word) => word.replace(/[=,].*$/s, ""));
	if (words[0] === "agentv" && words.length > 1) return unknownCommand(words, flags);
	if (words[0]?.startsWith("-")) {
		const foreign = flags.filter((flag) => !everyFlag.has(flag));
		if (foreign.length > 0) return `no command has ${foreign.join(", ")}`;
	}
	const isOurs = /^(docs|examples|apps|packages|bench)\/[\w./-]+$/.test(code);
	return isOurs && !existsSync(join(root, code)) ? "there is no such file" : undefined;
}

function unknownCommand([, first = "", second = ""]: readonly string[], flags: readonly string[]): string | undefined {
	// `agentv --help` and `agentv <command>` name no command.
	if (/^[-<[…]/.test(first)) return unknownFlags("agentv", everywhere, flags);
	const group = `agentv ${first}`;
	if (!groups.includes(group)) return "there is no such command";
	if (commands.has(`${group} ${second}`)) return unknownFlags(`${group} ${second}`, undefined, flags);
	if (commands.has(group)) return unknownFlags(group, undefined, flags);
	// `agentv eval` is the only group that accepts arguments itself.
	if (/^($|[-<[…])/.test(second)) return undefined;
	return group === "agentv eval" && /[./*]/.test(second)
		? unknownFlags("agentv eval run", undefined, flags)
		: "there is no such command";
}

function unknownFlags(name: string, known: ReadonlySet<string> | undefined, flags: readonly string[]) {
	const own = known ?? new Set([...everywhere, ...(commands.get(name)?.options.flatMap(flagsOf) ?? [])]);
	const foreign = flags.filter((flag) => !own.has(flag));
	return foreign.length > 0 ? `${name} has no ${foreign.join(", ")}` : undefined;
}
