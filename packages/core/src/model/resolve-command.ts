import { isAbsolute, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { interpolateEnv } from "../base/interpolate.ts";
import type { Environment } from "../io/environment.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { type CommandSpec, fileOfWord, meansFile, parseCommand, shellScriptIndex } from "./command.ts";
import type { DiskView } from "./disk-view.ts";
import type { EvalScope } from "./eval-scope.ts";
import { resolvePath } from "./path-text.ts";
import { fillShellText, type HoleReader, type HoleValue } from "./shell-values.ts";

/** What a command is resolved with. */
export interface CommandSetting {
	readonly view: DiskView;
	/** Of the eval that runs it: bounds the search that older evals need. */
	readonly scope: EvalScope;
	/** The environment that the program gets. */
	readonly env: Environment;
	/**
	 * Values by the text inside the braces: `{NAME}` for upper-case names, `{{name}}` for any. Names that are not among them stay as
	 * they are written.
	 */
	readonly values?: Readonly<Record<string, HoleValue>> | undefined;
	/** Working directory where the command names none. Default: the directory of the file it is written in. */
	readonly defaultCwd?: string | undefined;
	/** Words put behind the command's own, as they are. */
	readonly extraWords?: readonly string[] | undefined;
}

/** A command ready for `runProcess`: spread it into its options. */
export type RunnableCommand = {
	/** Absolute. */
	readonly cwd: string;
	readonly env: Environment;
} & (
	| { readonly argv: readonly string[]; readonly shell?: undefined }
	| { readonly shell: string; readonly argv?: undefined }
);

/**
 * Turns a command as a file says it into what is run: words that name files become absolute paths, values one argument each. In the shell
 * form, and in the script of a `sh -c` word list, values are quoted.
 * @throws AgentvError `config` where a `${{ }}` variable has no value
 */
export function resolveCommand(command: CommandSpec, setting: CommandSetting): RunnableCommand {
	const cwd = workingDirectory(command, setting);
	const source = sourceOf(command, setting.env);
	const parsed = parseCommand(source);
	const readHole = holeReader(setting, source !== command.text);
	const extra = setting.extraWords ?? [];
	if (parsed.kind === "shell") {
		const filled = fillShellText(parsed.text, readHole);
		const words = extra.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
		return { shell: [filled.text, ...words].join(" "), cwd, env: { ...setting.env, ...filled.env } };
	}
	const texts = parsed.words.map((word) => word.text);
	const script = shellScriptIndex(texts);
	let env = setting.env;
	const argv = texts.flatMap((word, index) => {
		if (index !== script) return fillWord(locate(word, command, cwd, setting), readHole);
		const filled = fillShellText(word, readHole);
		env = { ...env, ...filled.env };
		return [filled.text];
	});
	return { argv: [...argv, ...extra], cwd, env };
}

/** The text with its `${{ }}` still in it, so that each value stays one argument; the given one where something else changed it. */
function sourceOf(command: CommandSpec, env: Environment): CommandSpec["text"] {
	const { written, text } = command;
	return written !== undefined && interpolateEnv(written, env).value === text ? written : text;
}

function workingDirectory(command: CommandSpec, setting: CommandSetting): string {
	if (!command.cwd) return setting.defaultCwd ?? command.base;
	const raw = fillWord(command.cwd.raw, holeReader(setting, false)).join(" ");
	if (raw !== command.cwd.raw) return resolve(command.cwd.base, raw);
	const found = resolvePath(command.cwd, setting.scope, setting.view);
	return found.kind === "directory" ? found.path : resolve(command.cwd.base, raw);
}

/** The word as an absolute path where it names a file, else as it is. */
function locate(word: string, command: CommandSpec, cwd: string, setting: CommandSetting): string {
	const known = fileOfWord(word, command, setting.view);
	if (known !== undefined) return known;
	if (!word.includes("/") || word.includes("{") || isAbsolute(word) || word.startsWith("-")) return word;
	// A working directory that only the run knows: nobody may remember what it held a moment ago.
	const here = resolve(cwd, word);
	if (targetKind(here) !== "missing") return meansFile(word) || command.cwd ? here : word;
	if (!meansFile(word)) return word;
	const older = resolvePath({ raw: word, at: command.at, base: command.base }, setting.scope, setting.view);
	return older.found === undefined ? word : older.path;
}

const hole = /^\$\{\{[\s\S]*?\}\}|^\{\{\s*([A-Za-z_][\w.-]*)\s*\}\}|^\{([A-Z_][A-Z0-9_]*)\}/;

/** Reads holes by the given values and, where the text still has its `${{ }}`, by the environment. */
function holeReader(setting: CommandSetting, withVariables: boolean): HoleReader {
	return (rest) => {
		if (rest[0] !== "{" && rest[0] !== "$") return undefined;
		if (withVariables && rest.startsWith("$${{")) return { length: 4, value: "${{" };
		const match = hole.exec(rest);
		if (!match) return undefined;
		const name = match[1] ?? match[2];
		if (name === undefined) {
			return withVariables ? { length: match[0].length, value: variable(match[0], setting.env) } : undefined;
		}
		const value = setting.values && Object.hasOwn(setting.values, name) ? setting.values[name] : undefined;
		return value === undefined ? undefined : { length: match[0].length, value };
	};
}

function variable(reference: string, env: Environment): string {
	const { value, uses } = interpolateEnv(reference, env);
	const unset = uses.find((use) => use.state === "unset");
	if (unset) {
		const hint = `Set ${unset.name}, or give it a default: \${{ ${unset.name}:-… }}.`;
		throw new AgentvError("config", `the variable ${unset.name} is not set`, { hint });
	}
	return value;
}

/** A word with its values in it: one argument, or as many as a list has that stands alone. */
function fillWord(word: string, readHole: HoleReader): string[] {
	const whole = readHole(word);
	if (whole && whole.length === word.length) {
		return typeof whole.value === "string" ? [whole.value] : [...whole.value];
	}
	let filled = "";
	for (let at = 0; at < word.length; ) {
		const next = readHole(word.slice(at));
		filled += next ? (typeof next.value === "string" ? next.value : next.value.join(" ")) : word[at];
		at += next?.length ?? 1;
	}
	return [filled];
}
