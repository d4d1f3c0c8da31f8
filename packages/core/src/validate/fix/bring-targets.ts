import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { parseCommand } from "../../eval/command.ts";
import { evalsBelow } from "../../eval/discover-evals.ts";
import { loadEval } from "../../eval/load-eval.ts";
import type { TargetDefinition, TargetScope } from "../../eval/load-targets.ts";
import { resolvePath, stripScheme } from "../../eval/read-shape.ts";
import { type DiskView, valueBelow } from "../../eval/source.ts";
import { AgentvError } from "../../lib/errors.ts";
import { interpolateEnv } from "../../lib/interpolate.ts";
import type { Environment } from "../../machine/environment.ts";
import { isInside } from "../../machine/files.ts";
import { type ValidationRun, workspacesOf } from "../eval-context.ts";
import { replaceWord } from "./edits.ts";

type Fields = Readonly<Record<string, unknown>>;

interface Move {
	readonly from: string;
	readonly to: string;
	/** Absolute paths into this root of the eval's repository become relative. */
	readonly root: string;
	readonly view: DiskView;
	readonly env: Environment;
}

interface Bringing extends Omit<Move, "from"> {
	readonly scope: TargetScope;
	readonly directory: string;
	/** The value of `--targets`, which only applies to this run. */
	readonly targetsFile: string | undefined;
}

/**
 * Returns targets as they must be written next to the eval, in dependency order. Chains are
 * flattened up to a variable, which stays, with everything that it can select.
 * @throws AgentvError `refused` for a target that can't be moved
 */
export function bringTargets(names: readonly string[], bringing: Bringing): ReadonlyMap<string, Fields> {
	const brought = new Map<string, Fields>();
	const waiting = [...names];
	for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
		const definition = brought.has(name) ? undefined : bringing.scope.find(name);
		if (!definition || !isForeign(definition, bringing)) continue;
		const { entry, needs } = flatten(definition, bringing);
		brought.set(name, entry);
		waiting.push(...needs);
	}
	return brought;
}

function isForeign({ level, file }: TargetDefinition, { directory, targetsFile }: Bringing): boolean {
	return level !== directory && file !== targetsFile;
}

function flatten(first: TargetDefinition, bringing: Bringing): { entry: Fields; needs: string[] } {
	const { scope } = bringing;
	const needs: string[] = [];
	const seen = new Set<TargetDefinition>();
	let settings: Fields = {};
	let kept: Fields = {};
	let definition: TargetDefinition | undefined = first;
	while (definition) {
		seen.add(definition);
		const { name: _name, use_target: chosen, ...raw } = rawEntry(definition, scope);
		settings = { ...moved(first.name, raw, { ...bringing, from: definition.base }), ...settings };
		needs.push(...namedIn(raw, definition, scope));
		const next: TargetDefinition | undefined =
			typeof chosen === "string" ? scope.find(definition.entry.useTarget ?? "") : undefined;
		const stays: boolean = isVariable(chosen) || !next || seen.has(next) || !isForeign(next, bringing);
		if (chosen !== undefined && stays) {
			kept = { use_target: chosen };
			needs.push(...chosenFrom(chosen, definition, next, scope));
		}
		definition = stays ? undefined : next;
	}
	return { entry: { name: first.name, ...kept, ...settings }, needs };
}

function moved(name: string, settings: Fields, move: Move): Fields {
	try {
		return rebaseTarget(settings, move);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		throw new AgentvError("refused", `a path of target ${JSON.stringify(name)} ${error.message}`);
	}
}

function rawEntry({ file, part }: TargetDefinition, scope: TargetScope): Fields {
	const raw = valueBelow(scope.sources.get(file)?.raw(), part.at.path ?? []);
	return isFields(raw) ? raw : {};
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

/** A variable can select every target of its file and of the selected target's file. */
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

/** Keeps what paths resolve to. @throws AgentvError `refused` for a relative path in a variable */
export function rebaseTarget(settings: Fields, move: Move): Fields {
	if (move.from === move.to) return settings;
	const { cwd, fixtures, command, healthcheck, hooks } = settings;
	return {
		...settings,
		...(typeof cwd === "string" ? { cwd: rebasePath(cwd, move) } : {}),
		...(typeof fixtures === "string" ? { fixtures: rebasePath(fixtures, move) } : {}),
		...(isCommand(command) ? { command: rebaseCommand(command, typeof cwd === "string" ? cwd : undefined, move) } : {}),
		...(healthcheck === undefined ? {} : { healthcheck: rebaseHealthcheck(healthcheck, move) }),
		...(isFields(hooks)
			? { hooks: Object.fromEntries(Object.entries(hooks).map(([name, hook]) => [name, rebaseHook(hook, move)])) }
			: {}),
	};
}

function isCommand(value: unknown): value is string | string[] {
	return typeof value === "string" || (Array.isArray(value) && value.every((word) => typeof word === "string"));
}

function isFields(value: unknown): value is Fields {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function rebasePath(path: string, move: Move): string {
	const { from, to, env } = move;
	const scheme = path.startsWith("file://") ? "file://" : "";
	const plain = stripScheme(path).replaceAll("\\", "/");
	if (plain.startsWith("${{")) {
		// An unset or absolute path is independent of its location.
		const today = interpolateEnv(plain, env).value;
		if (today === plain || isAbsolute(today)) return path;
		throw new AgentvError("refused", "begins with a variable that contains a relative path");
	}
	if (/^\{\{/.test(plain)) return path;
	if (isAbsolute(plain)) {
		const inside = insideRoot(plain, move);
		return inside === undefined ? path : `${scheme}${explicit(relative(to, inside))}`;
	}
	// Not resolved, because a part of it can be a variable.
	return `${scheme}${explicit(join(relative(to, from), plain))}`;
}

/** Adds `./`, so that the path can't be mistaken for a bare word. */
function explicit(path: string): string {
	const way = path.split(sep).join("/");
	return way.startsWith("../") || way === ".." ? way : `./${way}`;
}

/** Returns undefined unless the path is absolute or root-relative, and inside the repository. */
function insideRoot(path: string, { root, view }: Move): string | undefined {
	if (view.kind(path) !== "missing") return isInside(root, path) ? path : undefined;
	return view.kind(join(root, path)) === "missing" ? undefined : join(root, path);
}

/** Words below `cwd` stay valid, since that is rewritten too. */
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

/** Runs in the eval's directory by default, wherever its file is. */
function rebaseHealthcheck(value: unknown, move: Move): unknown {
	if (isCommand(value)) return rebaseCommand(value, undefined, move);
	if (!isFields(value) || !isCommand(value.command)) return value;
	const cwd = typeof value.cwd === "string" ? value.cwd : undefined;
	const command = rebaseCommand(value.command, cwd, move);
	return { ...value, command, ...(cwd === undefined ? {} : { cwd: rebasePath(cwd, move) }) };
}

/** A hook without `cwd` runs next to its file, so a moved one needs an explicit `cwd`. */
function rebaseHook(hook: unknown, move: Move): unknown {
	if (isCommand(hook)) return { command: rebaseCommand(hook, ".", move), cwd: rebasePath(".", move) };
	if (!isFields(hook)) return hook;
	const key = isCommand(hook.command) ? "command" : "script";
	const command = hook[key];
	if (!isCommand(command)) return hook;
	const cwd = typeof hook.cwd === "string" ? hook.cwd : ".";
	return { ...hook, [key]: rebaseCommand(command, cwd, move), cwd: rebasePath(cwd, move) };
}

export function templatesBelow(root: string, { view, env, cwd }: ValidationRun): ReadonlySet<string> {
	const templates = evalsBelow(root, view).flatMap((file) => {
		try {
			if (!/workspace|template/.test(view.readText(file))) return [];
			const loaded = loadEval(file, { view, env, cwd });
			return workspacesOf(loaded).flatMap(({ template }) => {
				const resolved = template && resolvePath(template, loaded.scope, view);
				return resolved?.kind === "directory" && !isInside(resolved.path, file) ? [resolved.path] : [];
			});
		} catch (error) {
			// An unreadable eval has no relevant template.
			if (error instanceof AgentvError) return [];
			throw error;
		}
	});
	return new Set(templates);
}

export function isInCase(file: string, root: string, view: DiskView): boolean {
	for (let at = dirname(file); at !== root && at !== dirname(at); at = dirname(at)) {
		if (!at.endsWith("/workspace")) continue;
		if (["case.yaml", "case.yml"].some((name) => view.kind(join(dirname(at), name)) === "file")) return true;
	}
	return false;
}
