import { dirname, isAbsolute, join, resolve } from "node:path";
import type { z } from "zod";
import { type FieldNote, inspectFields, type ShapeIssue, shapeIssues } from "../format/inspect-fields.ts";
import { AgentvError, type Diagnostic, type DocumentPath, finding, type Place } from "../lib/errors.ts";
import { referenceScalar } from "../lib/interpolate.ts";
import { locateInLine, parseJsonLines } from "../lib/json.ts";
import { nearestName } from "../lib/text.ts";
import { parseYaml, type SourceRange } from "../lib/yaml-document.ts";
import { withValueAt } from "../lib/yaml-edit.ts";
import { isInside, type PathKind, realPath } from "../machine/files.ts";
import { type EvalScope, findScope, rootNames, withParents } from "./discover-evals.ts";
import {
	badWeight,
	conflictingFields,
	olderField,
	outsideRoot,
	schemaShape,
	unknownField,
	unknownSetting,
	unsupportedField,
} from "./load-findings.ts";
import { type DiskView, openDiskView, type Part, placeOf } from "./source.ts";

/** Collects findings while loading; loading never throws on bad input. */
export interface LoadLog {
	report(diagnostic: Diagnostic): void;
}

/**
 * Parses `part` by `schema`: reports wrong shapes and unknown, deprecated, conflicting and
 * unsupported keys at their locations. Returns undefined if the shape is wrong. A text that is a
 * whole variable reference becomes a number or boolean if the schema expects one; a number in place
 * of text is read as written.
 */
export function readShape<Schema extends z.ZodType>(
	schema: Schema,
	part: Part,
	log: LoadLog,
): z.output<Schema> | undefined {
	const notes = inspectFields(schema, part.value);
	const parsed = parse(schema, asWritten(part, notes));
	if (!parsed.ok) {
		for (const issue of parsed.issues) log.report(shapeFinding(issue, placeOf(part, issue.path)));
		return undefined;
	}
	for (const note of notes) reportField(note, part, log);
	return parsed.value;
}

/** Keeps scalars as written if their format needs text. */
function asWritten(part: Part, notes: readonly FieldNote[]): Part {
	let { value } = part;
	for (const note of notes) {
		const written = note.kind === "text" ? part.written(note.path) : undefined;
		if (written !== undefined) value = withValueAt(value, note.path, written);
	}
	return value === part.value ? part : { ...part, value };
}

type Parsed<Value> = { ok: true; value: Value } | { ok: false; issues: ShapeIssue[] };

function parse<Schema extends z.ZodType>(schema: Schema, part: Part): Parsed<z.output<Schema>> {
	const first = schema.safeParse(part.value);
	if (first.success) return { ok: true, value: first.data };
	const issues = shapeIssues(first.error, part.value);
	if (part.references.size === 0) return { ok: false, issues };
	const converted = structuredClone(part.value);
	const changed = issues.filter((issue) => convertAt(converted, issue.path, part));
	if (changed.length === 0) return { ok: false, issues };
	const second = schema.safeParse(converted);
	return second.success
		? { ok: true, value: second.data }
		: { ok: false, issues: shapeIssues(second.error, converted) };
}

function convertAt(root: unknown, path: DocumentPath, part: Part): boolean {
	const full = [...(part.at.path ?? []), ...path].join("\0");
	if (!part.references.has(full) || path.length === 0) return false;
	let holder = root as Record<string | number, unknown>;
	for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>;
	const last = path[path.length - 1] as string | number;
	const text = holder[last];
	const scalar = typeof text === "string" ? referenceScalar(text) : undefined;
	if (scalar === undefined) return false;
	holder[last] = scalar;
	return true;
}

function shapeFinding(issue: ShapeIssue, at: Place): Diagnostic {
	const field = issue.path
		.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`))
		.join("")
		.replace(/^\./, "");
	const kind = issue.path.at(-1) === "weight" ? badWeight : schemaShape;
	return finding(kind, { field, message: issue.message }, at);
}

function reportField(note: FieldNote, part: Part, log: LoadLog): void {
	const diagnostic = fieldFinding(note, placeOf(part, note.path, "key"));
	if (diagnostic) log.report(diagnostic);
}

function fieldFinding(note: FieldNote, at: Place): Diagnostic | undefined {
	switch (note.kind) {
		case "unknown": {
			const data = { key: note.key, nearest: nearestName(note.key, note.known) };
			return finding(note.isError ? unknownSetting : unknownField, data, at);
		}
		case "older":
			return finding(olderField, { key: note.key, instead: note.instead }, at);
		case "conflict":
			return finding(conflictingFields, { keys: note.keys }, at);
		case "unsupported": {
			const { key, hint, severity } = note;
			return { ...finding(unsupportedField, { key, hint }, at), severity };
		}
		case "text":
			return undefined;
	}
}

const nouns = {
	tests: "test data",
	suite: "suite",
	"workspace-file": "workspace file",
	include: "assertion include",
	"prompt-file": "prompt file",
	template: "workspace template",
	repository: "repository",
	"input-file": "input file",
	prompt: "prompt file",
	"metadata-file": "file",
	fixtures: "fixtures file",
	hook: "hook script",
	grader: "grader script",
	"target-command": "target script",
	healthcheck: "health check script",
	preprocessor: "preprocessor script",
	"prompt-command": "prompt script",
	"working-directory": "working directory",
	extension: "extension module",
	"agent-rules": "agent rules",
	"custom-grader": "grader program",
} as const;

export type ReferenceKind = keyof typeof nouns;

export function referenceNoun({ kind }: { readonly kind: ReferenceKind }): string {
	return nouns[kind];
}

export interface PathText {
	readonly kind: ReferenceKind;
	/** After `${{ }}`; with a `file://` prefix. */
	readonly raw: string;
	readonly at: Place;
	/** Absolute; the directory of the file that contains the path. */
	readonly base: string;
}

export type PathFound = "direct" | "absolute" | "from-root" | "parent-search" | "other-case";

interface ResolvedPath {
	/** Absolute; if not found, where it should be. */
	readonly path: string;
	readonly found: PathFound | undefined;
	readonly kind: PathKind;
	/** The path contains `{{workspace_path}}` or another run-time value. */
	readonly runTime: boolean;
}

/** Older evals also search the parent directories up to the root. */
export function resolvePath(text: Pick<PathText, "raw" | "base">, scope: EvalScope, view: DiskView): ResolvedPath {
	const raw = stripScheme(text.raw);
	if (raw.includes("}}", raw.indexOf("{{") + 2) && raw.includes("{{"))
		return { path: raw, found: undefined, kind: "missing", runTime: true };
	const normalized = raw.replaceAll("\\", "/");
	const here = (path: string, found: PathFound): ResolvedPath | undefined => {
		const kind = view.kind(path);
		return kind === "missing" ? undefined : { path, found, kind, runTime: false };
	};
	const direct = resolve(text.base, normalized);
	if (isAbsolute(normalized)) {
		return here(normalized, "absolute") ?? here(join(scope.root, normalized), "from-root") ?? missing(direct);
	}
	const exact = here(resolve(text.base, raw), "direct") ?? here(direct, "direct");
	if (exact) return exact;
	const cased = view.otherCase(direct);
	if (cased !== undefined && isInside(scope.root, cased)) return here(cased, "other-case") ?? missing(direct);
	if (!isInside(scope.root, text.base)) return missing(direct);
	for (const parent of withParents(dirname(text.base), scope.root)) {
		if (!isInside(scope.root, parent)) break;
		const match = here(resolve(parent, normalized), "parent-search");
		if (match && isInside(scope.root, match.path)) return match;
	}
	return missing(direct);
}

export function stripScheme(raw: string): string {
	return raw.startsWith("file://") ? raw.slice("file://".length) : raw;
}

function missing(path: string): ResolvedPath {
	return { path, found: undefined, kind: "missing", runTime: false };
}

export function isAddress(text: string): boolean {
	return /^(https?:\/\/|data:)/i.test(text);
}

export interface NamedPath {
	readonly raw: string;
	readonly kind: string;
	readonly at: Place;
}

/** Returns the real path if it is outside the root, directly or through links. */
export function pathOutside(path: string, { root }: Pick<EvalScope, "root">): string | undefined {
	const real = realPath(path);
	return isInside(root, real) || isInside(realPath(root), real) ? undefined : real;
}

/** Returns undefined if `path` is inside the root, or the user allows it. */
export function outOfReach(path: string, { raw, kind, at }: NamedPath, scope: EvalScope): Diagnostic | undefined {
	if (!scope.reach || scope.reach.ownFiles.includes(at.file)) return undefined;
	const real = pathOutside(path, scope);
	if (real === undefined || scope.reach.allowed.some((allowed) => isInside(allowed, real))) return undefined;
	const { option } = scope.reach;
	return finding(outsideRoot, { raw, kind, boundary: rootNames[scope.rootKind], real, option }, at);
}

/** @throws AgentvError `config` if a run may not read `path` */
export function refuseOutOfReach(path: string, named: NamedPath, scope: EvalScope): void {
	const refused = outOfReach(path, named, scope);
	if (!refused) return;
	throw new AgentvError("config", refused.message, { diagnostics: [refused] });
}

/**
 * Call it immediately before opening, since a link can have changed. @throws AgentvError `config`
 */
export function resolveWithinReach(text: PathText, scope: EvalScope, view: DiskView): ResolvedPath {
	const resolved = resolvePath(text, scope, view);
	if (resolved.found !== undefined) refuseOutOfReach(resolved.path, { ...text, kind: referenceNoun(text) }, scope);
	return resolved;
}

export interface LocatedFinding {
	readonly diagnostic: Diagnostic;
	readonly text?: string;
	readonly range?: SourceRange;
}

type Locator = { readonly text: string; readonly locate: (place: Place) => SourceRange | undefined };

/** Reads every file once. Findings in unreadable files stay unlocated. */
export function locateFindings(
	diagnostics: readonly Diagnostic[],
	view: DiskView = openDiskView(),
): readonly LocatedFinding[] {
	const locators = new Map<string, Locator | undefined>();
	return diagnostics.map((diagnostic) => {
		const { file } = diagnostic.at;
		if (!locators.has(file)) locators.set(file, openLocator(file, view));
		const locator = locators.get(file);
		const range = locator?.locate(diagnostic.at);
		return { diagnostic, ...(locator ? { text: locator.text } : {}), ...(range ? { range } : {}) };
	});
}

function openLocator(file: string, view: DiskView): Locator | undefined {
	try {
		// A link can point to a file outside the eval: never quote that.
		if (pathOutside(file, findScope(dirname(file), dirname(file), view)) !== undefined) return undefined;
		const text = view.readText(file);
		return { text, locate: file.endsWith(".jsonl") ? inLines(text, file) : inDocument(text, file) };
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

function inDocument(text: string, file: string): Locator["locate"] {
	const document = parseYaml(text, file);
	return (place) => {
		if (place.path !== undefined || place.range !== undefined) return document.range(place);
		return place.line === undefined ? undefined : wholeLine(text, place.line);
	};
}

function inLines(text: string, file: string): Locator["locate"] {
	const rows = new Map(parseJsonLines(text, file).rows.map((row) => [row.line, row]));
	return (place) => {
		if (place.line === undefined) return undefined;
		const row = rows.get(place.line);
		return row === undefined ? wholeLine(text, place.line) : locateInLine(text, row, place);
	};
}

function wholeLine(text: string, line: number): SourceRange | undefined {
	const lines = text.split("\n");
	const content = lines[line - 1];
	if (content === undefined) return undefined;
	const offset = lines.slice(0, line - 1).reduce((sum, before) => sum + before.length + 1, 0);
	const { length } = content.replace(/\r$/, "");
	return { start: { line, column: 1, offset }, end: { line, column: length + 1, offset: offset + length } };
}
