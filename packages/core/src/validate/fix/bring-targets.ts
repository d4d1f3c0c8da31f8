import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { parseCommand } from "../../eval/command.ts";
import { evalsBelow } from "../../eval/discover-evals.ts";
import { loadEval } from "../../eval/load-eval.ts";
import type { TargetDefinition, TargetScope } from "../../eval/load-targets.ts";
import { resolvePath, stripScheme } from "../../eval/read-shape.ts";
import type { DiskView } from "../../eval/source.ts";
import { AgentvError } from "../../lib/errors.ts";
import { interpolateEnv } from "../../lib/interpolate.ts";
import type { Environment } from "../../machine/environment.ts";
import { isInside } from "../../machine/files.ts";
import { type ValidationRun, workspacesOf } from "../eval-context.ts";
import { replaceWord, valueAt } from "./edits.ts";

type Fields = Readonly<Record<string, unknown>>;

export interface BroughtTarget {
	readonly name: string;
	/** Values as written, including `${{ }}`. */
	readonly entry: Fields;
}

export interface Bringing {
	readonly scope: TargetScope;
	/** Directory of the eval: its own definitions stay unchanged. */
	readonly directory: string;
	/** Directory of the file that receives the targets. */
	readonly to: string;
	/** Root of the eval's repository. */
	readonly root: string;
	/** `--targets FILE`: only for this run. */
	readonly targetsFile?: string | undefined;
	readonly view: DiskView;
	/** The eval's variables. */
	readonly env: Environment;
}

/**
 * Returns the targets `names` and their dependencies as written next to the eval: chains are
 * flattened up to a variable, which stays, together with everything that it can select from that
 * file.
 * @returns the targets in dependency order, or the name of one that can't be moved
 */
export function bringTargets(
	names: readonly string[],
	bringing: Bringing,
): readonly BroughtTarget[] | { readonly stuck: string } {
	const brought = new Map<string, Fields>();
	const waiting = [...names];
	for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
		if (brought.has(name)) continue;
		const definition = bringing.scope.find(name);
		if (!definition || !isForeign(definition, bringing)) continue;
		const flat = flatten(definition, bringing);
		if (!flat) return { stuck: name };
		brought.set(name, flat.entry);
		waiting.push(...flat.needs);
	}
	return [...brought].map(([name, entry]) => ({ name, entry }));
}

function isForeign({ level, file }: TargetDefinition, { directory, targetsFile }: Bringing): boolean {
	return level !== directory && file !== targetsFile;
}

const chain = new Set(["name", "use_target"]);

function flatten(first: TargetDefinition, bringing: Bringing): { entry: Fields; needs: string[] } | undefined {
	const { scope } = bringing;
	const layers: Fields[] = [];
	const needs: string[] = [];
	const seen = new Set<TargetDefinition>();
	let kept: unknown;
	let definition: TargetDefinition | undefined = first;
	while (definition) {
		seen.add(definition);
		const raw = rawEntry(definition, scope);
		const { to, root, view, env } = bringing;
		const move: Move = { from: definition.base, to, root, view, env };
		const moved = rebaseTarget(withoutChain(raw), move);
		if (!moved) return undefined;
		layers.push(moved);
		needs.push(...namedIn(raw, definition, scope));
		const next: TargetDefinition | undefined =
			typeof raw.use_target === "string" ? scope.find(definition.entry.useTarget ?? "") : undefined;
		const stays: boolean = isVariable(raw.use_target) || !next || seen.has(next) || !isForeign(next, bringing);
		if (raw.use_target !== undefined && stays) {
			kept = raw.use_target;
			needs.push(...chosenFrom(raw.use_target, definition, next, scope));
		}
		definition = stays ? undefined : next;
	}
	const settings = Object.assign({}, ...layers.reverse()) as Fields;
	return { entry: { name: first.name, ...(kept === undefined ? {} : { use_target: kept }), ...settings }, needs };
}

function withoutChain(raw: Fields): Fields {
	return Object.fromEntries(Object.entries(raw).filter(([key]) => !chain.has(key)));
}

function rawEntry({ file, part }: TargetDefinition, scope: TargetScope): Fields {
	const raw = valueAt(scope.sources.get(file)?.raw(), part.at.path ?? []);
	return typeof raw === "object" && raw !== null ? (raw as Fields) : {};
}

function isVariable(value: unknown): boolean {
	return typeof value === "string" && value.includes("${{");
}

function namedIn(raw: Fields, definition: TargetDefinition, scope: TargetScope): string[] {
	const { graderTarget, judgeTarget, fallbackTargets = [] } = definition.entry;
	const named = [graderTarget, judgeTarget, ...fallbackTargets].filter((name) => name !== undefined);
	const written = [
		raw.grader_target,
		raw.judge_target,
		...(Array.isArray(raw.fallback_targets) ? raw.fallback_targets : []),
	];
	return written.some(isVariable) ? [...named, ...namesOfFile(definition.file, scope)] : named;
}

/** A variable can select every target of its file and of the selected one's. */
function chosenFrom(
	written: unknown,
	definition: TargetDefinition,
	next: TargetDefinition | undefined,
	scope: TargetScope,
): string[] {
	const today = definition.entry.useTarget === undefined ? [] : [definition.entry.useTarget];
	if (!isVariable(written)) return today;
	return [...today, ...namesOfFile(definition.file, scope), ...(next ? namesOfFile(next.file, scope) : [])];
}

function namesOfFile(file: string, scope: TargetScope): string[] {
	return scope.names.filter((name) => scope.find(name)?.file === file);
}

interface Move {
	/** Directory of the file with the definition. */
	readonly from: string;
	/** Directory of the destination. */
	readonly to: string;
	/** Root of the eval's repository: absolute paths into it become relative. */
	readonly root: string;
	readonly view: DiskView;
	/** The current values of the eval's variables. */
	readonly env: Environment;
}

type TargetFields = Readonly<Record<string, unknown>>;

/**
 * Returns a target's settings for another directory, so that their paths resolve as before. Values
 * are as written, including `${{ }}`. Undefined if a path begins with a variable with a relative
 * path, which can't be moved.
 */
export function rebaseTarget(settings: TargetFields, move: Move): TargetFields | undefined {
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

function isFields(value: unknown): value is TargetFields {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined if the path begins with a variable with a relative path. */
function rebasePath(path: string, move: Move): string | undefined {
	const { from, to, env } = move;
	const scheme = path.startsWith("file://") ? "file://" : "";
	const plain = stripScheme(path).replaceAll("\\", "/");
	if (plain.startsWith("${{")) {
		// Unset or absolute: independent of its location.
		const today = interpolateEnv(plain, env).value;
		return today === plain || isAbsolute(today) ? path : undefined;
	}
	if (/^\{\{/.test(plain)) return path;
	if (isAbsolute(plain)) {
		const inside = insideRoot(plain, move);
		return inside === undefined ? path : `${scheme}${explicit(relative(to, inside))}`;
	}
	// Not resolved: a part of it can be a variable.
	return `${scheme}${explicit(join(relative(to, from), plain))}`;
}

/** Returns a relative path that can't be mistaken for a bare word. */
function explicit(path: string): string {
	const way = path.split(sep).join("/");
	return way.startsWith("../") || way === ".." ? way : `./${way}`;
}

/** Resolves an absolute or root-relative path inside the repository; else undefined. */
function insideRoot(path: string, { root, view }: Move): string | undefined {
	if (view.kind(path) !== "missing") return isInside(root, path) ? path : undefined;
	return view.kind(join(root, path)) === "missing" ? undefined : join(root, path);
}

/**
 * Words that are files relative to the definition's file. Words below `cwd` stay valid, since that
 * is rewritten too; others are relative to the working directory.
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

/** It runs in the eval's directory by default, wherever its file is. */
function rebaseHealthcheck(value: unknown, move: Move): unknown {
	if (isCommand(value)) return rebaseCommand(value, undefined, move);
	if (!isFields(value) || !isCommand(value.command)) return value;
	const cwd = typeof value.cwd === "string" ? value.cwd : undefined;
	const movedCwd = cwd === undefined ? undefined : rebasePath(cwd, move);
	if (cwd !== undefined && movedCwd === undefined) return undefined;
	const command = rebaseCommand(value.command, cwd, move);
	return { ...value, command, ...(movedCwd === undefined ? {} : { cwd: movedCwd }) };
}

/** A hook without `cwd` runs next to its file, so a moved one needs an explicit `cwd`. */
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

/**
 * Detects evals inside the template of another eval: these are test data, so no fix changes them.
 * Checks all evals with a workspace in the repository (or the eval's search bound).
 */
export class TemplateEvals {
	readonly #run: ValidationRun;
	readonly #templates = new Map<string, readonly string[]>();

	constructor(run: ValidationRun) {
		this.#run = run;
	}

	/** @param root the eval's search bound: its repository */
	has(file: string, root: string): boolean {
		let templates = this.#templates.get(root);
		if (!templates) {
			templates = this.#find(root);
			this.#templates.set(root, templates);
		}
		return templates.some((template) => isInside(template, file)) || this.#inCase(file, root);
	}

	#find(root: string): string[] {
		const found = new Set<string>();
		for (const file of evalsBelow(root, this.#run.view))
			for (const template of this.#templatesOf(file)) found.add(template);
		return [...found];
	}

	#templatesOf(file: string): string[] {
		const { view, env, cwd } = this.#run;
		try {
			if (!/workspace|template/.test(view.readText(file))) return [];
			const loaded = loadEval(file, { view, env, cwd });
			return workspacesOf(loaded).flatMap(({ template }) => {
				const resolved = template && resolvePath(template, loaded.scope, view);
				// An eval is never inside its own template, even if that is `.` or a parent.
				return resolved?.kind === "directory" && !isInside(resolved.path, file) ? [resolved.path] : [];
			});
		} catch (error) {
			// An unreadable eval has no relevant template.
			if (error instanceof AgentvError) return [];
			throw error;
		}
	}

	/** Below the `workspace/` of a directory with a `case.yaml`. */
	#inCase(file: string, root: string): boolean {
		const { view } = this.#run;
		for (let at = dirname(file); at !== root && at !== dirname(at); at = dirname(at)) {
			if (!at.endsWith("/workspace")) continue;
			if (["case.yaml", "case.yml"].some((name) => view.kind(join(dirname(at), name)) === "file")) return true;
		}
		return false;
	}
}
