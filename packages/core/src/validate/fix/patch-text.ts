import { AgentvError } from "../../base/agentv-error.ts";
import type { DocumentPath, Place } from "../../base/diagnostic.ts";
import { parseJsonLines } from "../../base/json-lines.ts";
import { applyEdits, type TextEdit } from "../../base/text-edits.ts";
import { withoutValueAt, withValueAt } from "../../base/value-edit.ts";
import { parseYaml, type YamlDocument } from "../../base/yaml-document.ts";
import { blockText, insertPair } from "../../base/yaml-insert.ts";
import { verifiedPatch } from "../../base/yaml-patch.ts";
import { removeEntry } from "../../base/yaml-remove.ts";
import { renameKey, replaceScalar } from "../../base/yaml-replace.ts";
import type { FieldChange } from "./change.ts";
import { unwrapEdits, unwrapped } from "./unwrap-edits.ts";
import { valueAt } from "./value-at.ts";

export interface Patched {
	readonly text: string;
	/** Changes that could not be made safely, and why. */
	readonly refused: readonly { readonly change: FieldChange; readonly reason: string }[];
}

/**
 * Makes changes of one file's text. Each is read again and compared with what was meant; what would do anything else is
 * refused and left out.
 */
export function patchText(file: string, text: string, changes: readonly FieldChange[]): Patched {
	return file.endsWith(".jsonl") ? patchLines(file, text, changes) : patchDocument(file, text, changes);
}

function patchDocument(file: string, text: string, changes: readonly FieldChange[]): Patched {
	const values = changes.filter((change) => change.kind === "value");
	// The deepest first: a renamed or dissolved mapping changes the paths of all that is in it.
	const others = changes
		.filter((change) => change.kind !== "value")
		.sort((a, b) => (b.at.path?.length ?? 0) - (a.at.path?.length ?? 0));
	let document = parseYaml(text, file);
	const refused: { change: FieldChange; reason: string }[] = [];
	const attempt = (make: (document: YamlDocument) => YamlDocument): string | undefined => {
		try {
			document = make(document);
			return undefined;
		} catch (error) {
			if (error instanceof AgentvError) return error.message;
			if (error instanceof RangeError) return "two fixes change the same place";
			throw error;
		}
	};
	// Together first: they are many and alike, and what an anchor and its aliases share changes for all of them at once.
	const together = attempt((before) => replaceValues(before, values)) === undefined;
	for (const change of together ? others : [...values, ...others]) {
		const reason = attempt((before) => patchOne(before, change));
		if (reason !== undefined) refused.push({ change, reason });
	}
	return { text: document.text, refused };
}

type ValueChange = Extract<FieldChange, { kind: "value" }>;

function replaceValues(document: YamlDocument, changes: readonly ValueChange[]): YamlDocument {
	if (changes.length === 0) return document;
	let meant = document.value;
	const edits = new Map<string, TextEdit>();
	for (const { at, value } of changes) {
		const edit = replaceScalar(document, at.path ?? [], value);
		edits.set(`${edit.range.join()} ${edit.text}`, edit);
		for (const path of pathsOfSame(document, at.path ?? [])) meant = withValueAt(meant, path, value);
	}
	return verifiedPatch(document, [...edits.values()], meant);
}

/** Every path that shows what is written at `path`: with merge keys and aliases around it, several may. */
function pathsOfSame(document: YamlDocument, path: DocumentPath): DocumentPath[] {
	const { written } = document.find(path);
	const text = valueAt(document.value, path);
	const found: DocumentPath[] = [];
	const walk = (value: unknown, at: DocumentPath) => {
		if (typeof value === "object" && value !== null)
			for (const [key, item] of Object.entries(value)) walk(item, [...at, Array.isArray(value) ? Number(key) : key]);
		else if (value === text && document.find(at).written === written) found.push(at);
	};
	walk(document.value, []);
	return found;
}

function patchOne(document: YamlDocument, change: FieldChange): YamlDocument {
	const path = change.at.path ?? [];
	const { value } = document;
	switch (change.kind) {
		case "value":
			return replaceValues(document, [change]);
		case "key": {
			const meant = withValueAt(withoutValueAt(value, path), [...path.slice(0, -1), change.key], valueAt(value, path));
			return verifiedPatch(document, [renameKey(document, path, change.key)], meant);
		}
		case "entry": {
			const meant = withValueAt(value, [...path, change.key], change.value);
			return verifiedPatch(document, insertPair(document, path, change.key, blockText(change.value)), meant);
		}
		case "remove":
			return verifiedPatch(document, removeEntry(document, path), withoutValueAt(value, path));
		case "unwrap":
			return verifiedPatch(document, unwrapEdits(document, path), unwrapped(value, path));
	}
}

/** Each line is a JSON document of its own. */
function patchLines(file: string, text: string, changes: readonly FieldChange[]): Patched {
	const rows = new Map(parseJsonLines(text, file).rows.map((row) => [row.line, row]));
	const byLine = new Map<number | undefined, FieldChange[]>();
	for (const change of changes) byLine.set(lineOf(change.at), [...(byLine.get(lineOf(change.at)) ?? []), change]);
	const edits: TextEdit[] = [];
	const refused: { change: FieldChange; reason: string }[] = [];
	for (const [line, here] of byLine) {
		const row = line === undefined ? undefined : rows.get(line);
		if (!row) {
			refused.push(...here.map((change) => ({ change, reason: "there is no such line" })));
			continue;
		}
		const patched = patchDocument(`${file}.json`, text.slice(...row.range), here);
		edits.push({ range: row.range, text: patched.text });
		refused.push(...patched.refused);
	}
	return { text: applyEdits(text, edits), refused };
}

function lineOf({ line }: Place): number | undefined {
	return line;
}
