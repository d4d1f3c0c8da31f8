import { isAbsolute, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { interpolateEnv } from "../base/interpolate.ts";
import type { Environment } from "../io/environment.ts";
import { targetKind } from "../io/files/stat-path.ts";
import {
	type CommandSpec,
	fileOfWord,
	meansFile,
	parseCommand,
	shellScriptIndex,
	type WrittenCommand,
} from "./command.ts";
import type { DiskView } from "./disk-view.ts";
import type { EvalScope } from "./eval-scope.ts";
import { resolvePath } from "./path-text.ts";
import { fillShellText, type HoleReader, type HoleValue } from "./shell-values.ts";

export interface CommandSetting {
	readonly view: DiskView;
	/** The scope of the eval that runs it; bounds the search that older evals need. */
	readonly scope: EvalScope;
	/** The program's environment. */
	readonly env: Environment;
	/** By the text inside the braces of `{NAME}` or `{{name}}`. Other names stay. */
	readonly values?: Readonly<Record<string, HoleValue>> | undefined;
	/** For commands without one. Default: the directory of the command's file. */
	readonly defaultCwd?: string | undefined;
	/** Literal words that are appended to the command. */
	readonly extraWords?: readonly string[] | undefined;
}

/** Options for `runProcess`. */
export type RunnableCommand = {
	/** Absolute. */
	readonly cwd: string;
	readonly env: Environment;
} & (
	| { readonly argv: readonly string[]; readonly shell?: undefined }
	| { readonly shell: string; readonly argv?: undefined }
);

/**
 * Resolves a command for execution: words that name files become absolute paths, values one
 * argument each. In the shell form, and in the script of a `sh -c` word list, values are quoted.
 * @throws AgentvError `config` if a `${{ }}` variable has no value
 */
export function resolveCommand(command: CommandSpec, setting: CommandSetting): RunnableCommand {
	const cwd = workingDirectory(command, setting);
	const parsed = parseCommand(command.written?.text ?? command.text);
	const readHole = holeReader(setting, command.written);
	const extra = setting.extraWords ?? [];
	if (parsed.kind === "shell") {
		const filled = fillShellText(parsed.text, readHole);
		const words = extra.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
		return { shell: [filled.text, ...words].join(" "), cwd, env: { ...setting.env, ...filled.env } };
	}
	const texts = parsed.words.map((word) => word.text);
	const script = shellScriptIndex(texts.map((word) => fillWord(word, readHole).join(" ")));
	let env = setting.env;
	const argv = texts.flatMap((word, index) => {
		if (index !== script) return wordAsRun(word, command, cwd, setting) ?? fillWord(word, readHole);
		const filled = fillShellText(word, readHole);
		env = { ...env, ...filled.env };
		return [filled.text];
	});
	return { argv: [...argv, ...extra], cwd, env };
}

function workingDirectory(command: CommandSpec, setting: CommandSetting): string {
	if (!command.cwd) return setting.defaultCwd ?? command.base;
	const raw = fillWord(command.cwd.raw, holeReader(setting, undefined)).join(" ");
	if (raw !== command.cwd.raw) return resolve(command.cwd.base, raw);
	const found = resolvePath(command.cwd, setting.scope, setting.view);
	return found.kind === "directory" ? found.path : resolve(command.cwd.base, raw);
}

/** Run-time values (a prompt, for example) never name a file. */
function wordAsRun(word: string, command: CommandSpec, cwd: string, setting: CommandSetting): string | undefined {
	const known = command.written ? command.written.fill(word) : word;
	const located = locate(known, command, cwd, setting);
	return located === known ? undefined : located;
}

/** Returns the word as an absolute path if it names a file, else unchanged. */
function locate(word: string, command: CommandSpec, cwd: string, setting: CommandSetting): string {
	const known = fileOfWord(word, command, setting.view);
	if (known !== undefined) return known;
	if (!word.includes("/") || word.includes("{") || isAbsolute(word) || word.startsWith("-")) return word;
	// A run-time working directory: its content must not be cached.
	const here = resolve(cwd, word);
	if (targetKind(here) !== "missing") return meansFile(word) || command.cwd ? here : word;
	if (!meansFile(word)) return word;
	const older = resolvePath({ raw: word, at: command.at, base: command.base }, setting.scope, setting.view);
	return older.found === undefined ? word : older.path;
}

const hole = /^\$\{\{[\s\S]*?\}\}|^\{\{\s*([A-Za-z_][\w.-]*)\s*\}\}|^\{([A-Z_][A-Z0-9_]*)\}/;

/** Reads holes: `${{ }}` and a test's `vars` if the text still has them, then the given values. */
function holeReader(setting: CommandSetting, written: WrittenCommand | undefined): HoleReader {
	return (rest) => {
		if (rest[0] !== "{" && rest[0] !== "$") return undefined;
		if (written && rest.startsWith("$${{")) return { length: 4, value: "${{" };
		const match = hole.exec(rest);
		if (!match) return undefined;
		const filled = written ? written.fill(match[0]) : match[0];
		if (filled !== match[0]) return { length: match[0].length, value: filled };
		const name = match[1] ?? match[2];
		if (name === undefined) return written ? { length: match[0].length, value: orThrow(match[0]) } : undefined;
		const value = setting.values && Object.hasOwn(setting.values, name) ? setting.values[name] : undefined;
		return value === undefined ? undefined : { length: match[0].length, value };
	};
}

/** Returns a `${{ }}` look-alike unchanged; throws for a reference without a value. */
function orThrow(reference: string): string {
	const [unset] = interpolateEnv(reference, {}).uses;
	if (unset) {
		const hint = `Set ${unset.name}, or give it a default: \${{ ${unset.name}:-… }}.`;
		throw new AgentvError("config", `the variable ${unset.name} is not set`, { hint });
	}
	return reference;
}

/** Fills values into a word: one argument, or several for a list that is the whole word. */
function fillWord(word: string, readHole: HoleReader): string[] {
	const whole = readHole(word);
	if (whole && whole.length === word.length) {
		return typeof whole.value === "string" ? [whole.value] : [...whole.value];
	}
	const pieces: string[] = [];
	let kept = 0;
	// Not character by character: a command can have thousands of long words.
	const start = /[{$]/g;
	for (let found = start.exec(word); found; found = start.exec(word)) {
		const next = readHole(word.slice(found.index));
		if (!next) continue;
		pieces.push(word.slice(kept, found.index), typeof next.value === "string" ? next.value : next.value.join(" "));
		kept = found.index + next.length;
		start.lastIndex = kept;
	}
	return [pieces.join("") + word.slice(kept)];
}
