import { isAbsolute, relative, sep, win32 } from "node:path";
import type { DocumentPath, Place } from "../base/diagnostic.ts";
import { parseCommand } from "../model/command.ts";
import { shownPath as shownIn } from "../model/eval-scope.ts";
import { stripScheme } from "../model/path-text.ts";
import { isSystemPath } from "../model/reference.ts";
import type { Reference, ReferenceKind } from "../model/references.ts";
import type { PlacedVariable } from "../model/source.ts";
import type { EvalContext } from "./eval-context.ts";

/** The references whose path is for the path rules to judge: repositories have rules of their own, system programs none. */
export function pathReferences(context: EvalContext): readonly Reference[] {
	context.remembered.paths ??= context.references.files.filter(
		(reference) => isForPathRules(reference) && !reference.listed,
	);
	return context.remembered.paths;
}

/** Those, and the files that a directory or glob of tests leads to: nobody wrote their paths, but they have to come along. */
export function neededPaths(context: EvalContext): readonly Reference[] {
	return context.references.files.filter(isForPathRules);
}

function isForPathRules(reference: Reference): boolean {
	return reference.kind !== "repository" && !isSystemPath(reference);
}

/** Those of them that are not simply there, below the eval, as they are written: the others give most path rules nothing to say. */
export function oddReferences(context: EvalContext): readonly Reference[] {
	context.remembered.odd ??= pathReferences(context).filter(
		({ state, found, raw }) => state !== "ok" || found !== "direct" || raw.includes("\\"),
	);
	return context.remembered.odd;
}

/** Whether the path is written from the file system's root. A custom grader's is ours, nobody wrote it. */
export function isWrittenAbsolute(reference: Reference): boolean {
	const raw = stripScheme(reference.raw);
	return reference.kind !== "custom-grader" && (isAbsolute(raw) || win32.isAbsolute(raw));
}

/** `path` as a file in `directory` would write it: with `./` or `../`, `/` between components. */
export function relativePath(directory: string, path: string): string {
	const way = relative(directory, path).split(sep).join("/");
	if (way === "") return "./";
	return way.startsWith("../") || way === ".." ? way : `./${way}`;
}

/** `path` for messages. */
export function shownPath(path: string, { loaded }: EvalContext): string {
	return shownIn(path, loaded.scope);
}

/** The variables that a reference's path is written with. */
export function variablesOf(reference: Reference, context: EvalContext): PlacedVariable[] {
	const here = variablesAt(reference.at, context);
	const { command, word } = reference;
	if (here.length === 0 || !word || !command || typeof command.text !== "string") return here;
	const written = writtenText(reference.at, context);
	const parsed = written === undefined ? undefined : parseCommand(written);
	if (parsed?.kind !== "argv") return here;
	const text = parsed.words[word.index]?.text ?? "";
	return here.filter(({ name }) => new RegExp(`\\$\\{\\{\\s*${name}\\b`).test(text));
}

/** The variables in the value at a place. */
export function variablesAt(place: Place, { loaded, targets }: EvalContext): PlacedVariable[] {
	const source = loaded.sources.get(place.file) ?? targets.sources.get(place.file);
	if (!source || source.variables.length === 0) return [];
	return source.variables.filter(({ at }) => at.line === place.line && samePath(at.path, place.path));
}

function samePath(a: DocumentPath = [], b: DocumentPath = []): boolean {
	return a.length === b.length && a.every((key, index) => String(key) === String(b[index]));
}

/** The text at a place as its author wrote it, `${{ }}` included; undefined where there is no text value. */
export function writtenText(place: Place, context: EvalContext): string | undefined {
	const value = writtenValue(place, context);
	return typeof value === "string" ? value : undefined;
}

/** The value at a place before `${{ }}`. */
export function writtenValue(place: Place, { loaded, targets }: EvalContext): unknown {
	const source = loaded.sources.get(place.file) ?? targets.sources.get(place.file);
	let value = source?.raw(place.line);
	for (const key of place.path ?? [])
		value = typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[key] : undefined;
	return value;
}

/** Kinds of files that loading has to read, and reports by itself where they are missing. */
export const loadingKinds: ReadonlySet<ReferenceKind> = new Set([
	"tests",
	"suite",
	"workspace-file",
	"include",
	"prompt-file",
]);
