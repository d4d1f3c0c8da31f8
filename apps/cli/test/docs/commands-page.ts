import type { Command } from "commander";
import { createProgram } from "../../src/main.ts";

const nowhere = { write: () => undefined, isTTY: false, columns: 80, color: false };

/** Returns the complete command line, for its help only. */
export function wholeProgram(): Command {
	const context = { env: {}, cwd: "/", stdout: nowhere, stderr: nowhere, signal: new AbortController().signal };
	return createProgram({ ...context, debug: false }, { finish: () => undefined, complain: () => undefined });
}

/** Returns every command with an action and its full name, such as `agentv eval run`. */
export function commandsBelow(command: Command, name = command.name()): [name: string, command: Command][] {
	const own: [string, Command][] = command.commands.length === 0 || hasAction(command) ? [[name, command]] : [];
	const shown = command.createHelp().visibleCommands(command);
	const subs = command.commands.filter((sub) => shown.includes(sub));
	return [...own, ...subs.flatMap((sub) => commandsBelow(sub, `${name} ${sub.name()}`))];
}

/** A group that is also a command, like `agentv bundle`, has arguments. */
function hasAction(command: Command): boolean {
	return command.registeredArguments.length > 0;
}

/** Returns the content of docs/commands.md. */
export function commandsPage(): string {
	const program = wholeProgram();
	const commands = commandsBelow(program);
	const contents = commands.map(([name, command]) => `| ${link(name)} | ${cell(command.description())} |`);
	return `${[
		"# Commands",
		"Every command with its arguments and options. This page is generated from the command line itself; `agentv <command> --help` prints the same.",
		["| command | does |", "| --- | --- |", ...contents].join("\n"),
		"Exit codes are the same for every command: see the [README](../README.md#exit-codes).",
		"## Everywhere",
		optionsTable(program),
		...commands.map(section),
	].join("\n\n")}\n`;
}

function section([name, command]: [string, Command]): string {
	const parts = [
		`## ${name}`,
		escaped(sentence(command.description())),
		`\`\`\`\n${name} ${usageOf(command)}\n\`\`\``,
		argumentsTable(command),
		optionsTable(command),
		afterHelp(command),
	];
	return parts.filter((part) => part !== "").join("\n\n");
}

function usageOf(command: Command): string {
	const given = command.registeredArguments.map((one) => {
		const name = one.variadic ? `${one.name()}...` : one.name();
		return one.required ? `<${name}>` : `[${name}]`;
	});
	return [...(command.options.length > 0 ? ["[options]"] : []), ...given].join(" ");
}

function argumentsTable(command: Command): string {
	const rows = command.registeredArguments
		.filter((one) => one.description !== "")
		.map((one) => {
			const [choices, fallback] = [one.argChoices, one.defaultValue];
			return `| \`${one.name()}\` | ${cell(one.description)}${noted(choices, fallback)} |`;
		});
	return rows.length === 0 ? "" : ["| argument | is |", "| --- | --- |", ...rows].join("\n");
}

function optionsTable(command: Command): string {
	const rows = command.options
		.filter((option) => !option.hidden)
		.map((option) => {
			const fallback = typeof option.defaultValue === "boolean" ? undefined : option.defaultValue;
			return `| \`${option.flags.replaceAll("|", "\\\\|")}\` | ${cell(option.description)}${noted(option.argChoices, fallback)} |`;
		});
	return rows.length === 0 ? "" : ["| option | does |", "| --- | --- |", ...rows].join("\n");
}

function noted(choices: readonly string[] | undefined, fallback: unknown): string {
	const isSet = fallback !== undefined && !(Array.isArray(fallback) && fallback.length === 0);
	const notes = [
		...(choices ? [choices.map((choice) => `\`${choice}\``).join(", ")] : []),
		...(isSet ? [`default: \`${fallback}\``] : []),
	];
	return notes.length === 0 ? "" : ` (${notes.join("; ")})`;
}

/** Returns the text of a command's help after its options. */
function afterHelp(command: Command): string {
	let said = "";
	command.configureOutput({
		writeOut: (text) => {
			said += text;
		},
	});
	command.outputHelp();
	const text = said.slice(command.helpInformation().length).trim();
	return text.includes("\n") ? `\`\`\`\n${text}\n\`\`\`` : escaped(text);
}

function link(name: string): string {
	return `[\`${name}\`](#${name.replaceAll(" ", "-")})`;
}

function cell(text: string): string {
	return escaped(text).replaceAll("|", "\\|");
}

/** Escapes `<` outside of backticks, where it would begin a tag. */
function escaped(text: string): string {
	return text.replace(/`[^`]*`|</g, (found) => (found === "<" ? "\\<" : found));
}

function sentence(text: string): string {
	return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
}
