import type { z } from "zod";
import { type Diagnostic, type DocumentPath, finding, type Place } from "../base/diagnostic.ts";
import { referenceScalar } from "../base/interpolate.ts";
import { nearestName } from "../base/nearest.ts";
import { withValueAt } from "../base/value-edit.ts";
import { type FieldNote, inspectFields } from "../schema/inspect-fields.ts";
import { type ShapeIssue, shapeIssues } from "../schema/shape-issues.ts";
import {
	badWeight,
	conflictingFields,
	olderField,
	schemaShape,
	unknownField,
	unknownSetting,
	unsupportedField,
} from "./load-findings.ts";
import { type Part, placeOf } from "./source.ts";

/** Collects findings while loading; loading never throws on bad input. */
export interface LoadLog {
	report(diagnostic: Diagnostic): void;
}

/**
 * Parses `part` by `schema`: reports shape issues, unknown, deprecated, conflicting and unsupported
 * keys at their locations, and returns the typed value, or undefined if the shape is wrong. Text
 * that is a whole variable reference becomes a number or boolean if the schema expects one; a
 * number in place of text is read as written.
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

/** Returns the part with its scalars as written if its format needs text. */
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
	const found = fieldFinding(note, placeOf(part, note.path, "key"));
	if (found) log.report(found);
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
