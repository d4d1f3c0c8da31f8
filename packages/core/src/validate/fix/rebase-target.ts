import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { interpolateEnv } from "../../base/interpolate.ts";
import type { Environment } from "../../io/environment.ts";
import { isInside } from "../../io/files/path-inside.ts";
import { parseCommand } from "../../model/command.ts";
import type { DiskView } from "../../model/disk-view.ts";
import { stripScheme } from "../../model/path-text.ts";
import { replaceWord } from "./replace-word.ts";

export interface Move {
	/** Directory of the file that the definition stands in. */
	readonly from: string;
	/** Directory of the file that it goes to. */
	readonly to: string;
	/** Root of the eval's repository: an absolute path into it is mended as it moves, as it would be where it stands. */
	readonly root: string;
	readonly view: DiskView;
	/** What the eval's variables hold today. */
	readonly env: Environment;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * A target's settings as they must be written in another directory, so that their paths lead where they led. Values are as
 * written, `${{ }}` included. Undefined where a path begins with a variable that holds a relative path today: wherever that
 * is written, it leads elsewhere.
 */
export function rebaseTarget(settings: Fields, move: Move): Fields | undefined {
	if (move.from === move.to) return settings;
	const result: Record<string, unknown> = { ...settings };
	for (const key of ["cwd", "fixtures"]) {
		const value = settings[key];
		if (typeof value !== "string") continue;
		const moved = rebasePath(value, move);
		if (moved === undefined) return undefined;
		result[key] = moved;
	}
	const cwd = typeof settings.cwd === "string" ? settings.cwd : undefined;
	if (isCommand(settings.command)) result.command = rebaseCommand(settings.command, cwd, move);
	const parts: readonly [key: string, moved: unknown][] = [
		["healthcheck", rebaseHealthcheck(settings.healthcheck, move)],
		["hooks", rebaseHooks(settings.hooks, move)],
	];
	for (const [key, moved] of parts) {
		if (settings[key] === undefined) continue;
		if (moved === undefined) return undefined;
		result[key] = moved;
	}
	return result;
}

function isCommand(value: unknown): value is string | string[] {
	return typeof value === "string" || (Array.isArray(value) && value.every((word) => typeof word === "string"));
}

function isFields(value: unknown): value is Fields {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined where the path begins with a variable that holds a relative path. */
function rebasePath(path: string, move: Move): string | undefined {
	const { from, to, env } = move;
	const scheme = path.startsWith("file://") ? "file://" : "";
	const plain = stripScheme(path).replaceAll("\\", "/");
	if (plain.startsWith("${{")) {
		// Unset, or absolute: then it means the same wherever it is written.
		const today = interpolateEnv(plain, env).value;
		return today === plain || isAbsolute(today) ? path : undefined;
	}
	if (/^\{\{/.test(plain)) return path;
	if (isAbsolute(plain)) {
		const inside = insideRoot(plain, move);
		return inside === undefined ? path : `${scheme}${explicit(relative(to, inside))}`;
	}
	// Not resolved: a part of it may be a variable.
	return `${scheme}${explicit(join(relative(to, from), plain))}`;
}

/** A relative path that can't be taken for a bare word. */
function explicit(path: string): string {
	const way = path.split(sep).join("/");
	return way.startsWith("../") || way === ".." ? way : `./${way}`;
}

/** What a path, absolute or written from the repository's root, leads to; undefined where that is not in the repository. */
function insideRoot(path: string, { root, view }: Move): string | undefined {
	if (view.kind(path) !== "missing") return isInside(root, path) ? path : undefined;
	return view.kind(join(root, path)) === "missing" ? undefined : join(root, path);
}

/**
 * Words that name a file below the file's directory. Those found below `cwd` stay right, as that moves with them; all
 * other words mean something where the command runs.
 */
function rebaseCommand(command: string | readonly string[], cwd: string | undefined, move: Move): string | string[] {
	const word = (text: string): string => {
		const plain = text.replaceAll("\\", "/");
		if (!plain.includes("/") || plain.includes("{") || plain.startsWith("-")) return text;
		if (isAbsolute(plain)) {
			const inside = cwd?.includes("{") ? undefined : insideRoot(plain, move);
			return inside === undefined
				? text
				: explicit(relative(cwd === undefined ? move.to : resolve(move.from, cwd), inside));
		}
		const exists = (base: string) => move.view.kind(resolve(base, plain)) !== "missing";
		if (cwd !== undefined && !cwd.includes("{") && exists(resolve(move.from, cwd))) return plain;
		return exists(move.from) ? (rebasePath(text, move) ?? text) : text;
	};
	if (typeof command !== "string") return command.map(word);
	const parsed = parseCommand(command);
	if (parsed.kind === "shell") return command;
	let result = command;
	for (const written of [...parsed.words].reverse()) {
		const moved = word(written.text);
		if (moved !== written.text) result = replaceWord(result, written, moved);
	}
	return result;
}

/** It runs in the eval's directory unless it says otherwise, wherever its file is. */
function rebaseHealthcheck(value: unknown, move: Move): unknown {
	if (isCommand(value)) return rebaseCommand(value, undefined, move);
	if (!isFields(value) || !isCommand(value.command)) return value;
	const cwd = typeof value.cwd === "string" ? value.cwd : undefined;
	const movedCwd = cwd === undefined ? undefined : rebasePath(cwd, move);
	if (cwd !== undefined && movedCwd === undefined) return undefined;
	const command = rebaseCommand(value.command, cwd, move);
	return { ...value, command, ...(movedCwd === undefined ? {} : { cwd: movedCwd }) };
}

/** A hook without `cwd` runs beside the file that it is written in: that has to be said once it has moved. */
function rebaseHooks(value: unknown, move: Move): unknown {
	if (!isFields(value)) return value;
	const hooks: Record<string, unknown> = {};
	for (const [name, hook] of Object.entries(value)) {
		const moved = rebaseHook(hook, move);
		if (moved === undefined) return undefined;
		hooks[name] = moved;
	}
	return hooks;
}

function rebaseHook(hook: unknown, move: Move): unknown {
	const here = rebasePath(".", move);
	if (isCommand(hook)) return { command: rebaseCommand(hook, ".", move), cwd: here };
	if (!isFields(hook)) return hook;
	const key = isCommand(hook.command) ? "command" : "script";
	const command = hook[key];
	if (!isCommand(command)) return hook;
	const cwd = typeof hook.cwd === "string" ? hook.cwd : ".";
	const moved = rebasePath(cwd, move);
	return moved === undefined ? undefined : { ...hook, [key]: rebaseCommand(command, cwd, move), cwd: moved };
}
