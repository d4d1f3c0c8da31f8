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
	// The deepest first: a renamed or dissolved mapping changes the paths of all that is in it.
	const others = changes
		.filter((change) => change.kind !== "value")
		.sort((a, b) => (b.at.path?.length ?? 0) - (a.at.path?.length ?? 0));
	const values = changes.filter((change) => change.kind === "value");
	let document = parseYaml(text, file);
	const refused: { change: FieldChange; reason: string }[] = [];
	// Together, since each patch reads the whole text again; what can't be done with the others is done after them, or refused.
	const patch = (part: readonly FieldChange[]): void => {
		if (part.length === 0) return;
		try {
			document = patchTogether(document, part);
		} catch (error) {
			const [only, ...more] = part;
			if (more.length > 0) {
				patch(part.slice(0, part.length >> 1));
				patch(part.slice(part.length >> 1));
			} else if (only) refused.push({ change: only, reason: reasonOf(error) });
		}
	};
	patch(values);
	patch(others);
	return { text: document.text, refused };
}

function reasonOf(error: unknown): string {
	if (error instanceof AgentvError) return error.message;
	if (error instanceof RangeError) return "two fixes change the same text";
	throw error;
}

/** @throws AgentvError, RangeError if the changes can't be made in one step */
function patchTogether(document: YamlDocument, changes: readonly FieldChange[]): YamlDocument {
	const edits = new Map<string, TextEdit>();
	let meant = document.value;
	for (const change of changes) {
		const step = stepOf(document, change);
		// What an anchor and its aliases share is written once.
		for (const edit of step.edits) edits.set(`${edit.range.join()} ${edit.text}`, edit);
		meant = step.apply(meant);
	}
	return verifiedPatch(document, [...edits.values()], meant);
}

interface Step {
	readonly edits: readonly TextEdit[];
	/** What the edits should make of the document's value. */
	readonly apply: (value: unknown) => unknown;
}

function stepOf(document: YamlDocument, change: FieldChange): Step {
	const path = change.at.path ?? [];
	switch (change.kind) {
		case "value": {
			const paths = pathsOfSame(document, path);
			return {
				edits: [replaceScalar(document, path, change.value)],
				apply: (value) => paths.reduce((changed, at) => withValueAt(changed, at, change.value), value),
			};
		}
		case "key": {
			const renamed = [...path.slice(0, -1), change.key];
			return {
				edits: [renameKey(document, path, change.key)],
				apply: (value) => withValueAt(withoutValueAt(value, path), renamed, valueAt(value, path)),
			};
		}
		case "entry":
			return {
				edits: insertPair(document, path, change.key, blockText(change.value)),
				apply: (value) => withValueAt(value, [...path, change.key], change.value),
			};
		case "remove":
			return { edits: removeEntry(document, path), apply: (value) => withoutValueAt(value, path) };
		case "unwrap":
			return { edits: unwrapEdits(document, path), apply: (value) => unwrapped(value, path) };
	}
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
			refused.push(...here.map((change) => ({ change, reason: "no such line" })));
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
