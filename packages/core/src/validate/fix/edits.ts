import { dirname } from "node:path";
import { isMap } from "yaml";
import { type CommandWord, parseCommand } from "../../eval/command.ts";
import { valueBelow } from "../../eval/source.ts";
import type { Diagnostic, DocumentPath, Place } from "../../lib/errors.ts";
import type { TextEdit } from "../../lib/text.ts";
import {
	cannotPatch,
	columnOf,
	contentEnd,
	lineEnd,
	lineStart,
	nextLineStart,
	startsLine,
	type YamlDocument,
} from "../../lib/yaml-document.ts";
import { withoutValueAt, withValueAt } from "../../lib/yaml-edit.ts";
import { type EvalContext, relativePath, writtenText, writtenValue } from "../eval-context.ts";

/** Rules specify changes; the planner converts them to text edits. */
export type Change = FieldChange | TargetChange | PinChange;

export type FieldChange =
	/** Replaces a scalar with text as written, including `${{ }}`. */
	| { readonly kind: "value"; readonly at: Place; readonly value: string | number; readonly says: string }
	| { readonly kind: "key"; readonly at: Place; readonly key: string; readonly says: string }
	| { readonly kind: "entry"; readonly at: Place; readonly key: string; readonly value: unknown; readonly says: string }
	| { readonly kind: "remove"; readonly at: Place; readonly says: string }
	/** Moves the mapping's entries one level up. */
	| { readonly kind: "unwrap"; readonly at: Place; readonly says: string };

export interface TargetChange {
	readonly kind: "target";
	readonly name: string;
	readonly directory: string;
	readonly says: string;
}

/** The commit is that of `ref` at the remote (default HEAD). */
export interface PinChange {
	readonly kind: "pin";
	/** An existing commit, else the mapping that gets a `commit`. */
	readonly at: Place;
	readonly repo: string;
	readonly ref: string | undefined;
	readonly says: string;
}

/**
 * Removes the key's line and moves its lines and comments left.
 * @throws AgentvError `refused` if the mapping is not in separate lines
 */
export function unwrapEdits(document: YamlDocument, path: DocumentPath): TextEdit[] {
	const { text } = document;
	const { pair, written, found } = document.find(path);
	if (!pair || found < path.length || !isMap(written) || written.flow || written.anchor !== undefined)
		throw cannotPatch();
	const key = pair.key.range[0];
	const first = written.range[0];
	if (!startsLine(text, key) || !startsLine(text, first)) throw cannotPatch();
	const by = columnOf(text, first) - columnOf(text, key);
	const end = contentEnd(text, written);
	const edits: TextEdit[] = [{ range: [lineStart(text, key), nextLineStart(text, key)], text: "" }];
	for (let line = nextLineStart(text, key); line < end; line = nextLineStart(text, line)) {
		const blank = text.slice(line, lineEnd(text, line)).trim() === "";
		if (blank) continue;
		const indent = /^ */.exec(text.slice(line, line + by))?.[0].length ?? 0;
		edits.push({ range: [line, line + indent], text: "" });
	}
	return edits;
}

export function unwrapped(value: unknown, path: DocumentPath): unknown {
	const held = valueBelow(value, path) ?? {};
	return Object.entries(held).reduce(
		(changed, [key, item]) => withValueAt(changed, [...path.slice(0, -1), key], item),
		withoutValueAt(value, path),
	);
}

/** Keeps the word's quotes, or adds necessary ones. */
export function replaceWord(command: string, { range, quoted }: CommandWord, path: string): string {
	const written = quoted || /[^\w@%+=:,./-]/.test(path) ? `'${path.replaceAll("'", "'\\''")}'` : path;
	return command.slice(0, range[0]) + written + command.slice(range[1]);
}

const renamed = new Set([
	...["assert", "evaluators", "eval_cases", "evalcases", "expected_outcome", "script", "judge_target", "path"],
	...["max_tokens", "endpoint", "attachments_format"],
]);
/** Fields of an eval's `execution` block with the same name and shape one level up. */
const flat = new Set(["target", "targets", "workers", "threshold", "budget_usd"]);

/** Returns the changes for a finding of `schema.deprecated`. */
export function deprecatedChanges({ at, data }: Diagnostic, context: EvalContext): FieldChange[] {
	const { key, instead } = data as { readonly key: string; readonly instead: string };
	const { file, path = [], line } = at;
	const place: Place = { file, path, ...(line === undefined ? {} : { line }) };
	const holder: Place = { ...place, path: path.slice(0, -1) };
	const around = writtenValue(holder, context);
	if (typeof around !== "object" || around === null) return [];
	const fields = around as Readonly<Record<string, unknown>>;
	const says = `${key} → ${instead}`;
	if (at.part !== "key") return [{ kind: "value", at: place, value: instead, says }];
	if (renamed.has(key)) return Object.hasOwn(fields, instead) ? [] : [{ kind: "key", at: place, key: instead, says }];
	if (key === "timeout_ms" && typeof fields.timeout_ms === "number")
		return [
			{ kind: "value", at: place, value: fields.timeout_ms / 1000, says },
			{ kind: "key", at: place, key: instead, says },
		];
	if (key === "execution") return unwrap(place, fields);
	if (key === "source") return repository(place, holder, fields, "repo", ["url", "path"]);
	if (key === "checkout") return repository(place, holder, fields, "commit", ["ref"]);
	return [];
}

function unwrap(at: Place, fields: Readonly<Record<string, unknown>>): FieldChange[] {
	const held = fields.execution;
	if (typeof held !== "object" || held === null) return [];
	const keys = Object.keys(held);
	const free = keys.every((key) => flat.has(key) && !Object.hasOwn(fields, key));
	// With both, `targets` wins one level up but not inside.
	if (!free || keys.length === 0 || (keys.includes("targets") && keys.includes("target"))) return [];
	return [{ kind: "unwrap", at, says: `execution: { ${keys.join(", ")} } → ${keys.join(", ")}` }];
}

function repository(
	at: Place,
	holder: Place,
	fields: Readonly<Record<string, unknown>>,
	key: string,
	from: readonly string[],
): FieldChange[] {
	const old = String(at.path?.at(-1));
	const held = fields[old];
	if (typeof held !== "object" || held === null || Object.hasOwn(fields, key)) return [];
	const entries = Object.entries(held).filter(([name]) => name !== "type");
	const [only] = entries;
	if (entries.length !== 1 || !only || !from.includes(only[0]) || typeof only[1] !== "string") return [];
	const says = `${old}.${only[0]} → ${key}`;
	return [
		{ kind: "entry", at: holder, key, value: only[1], says },
		{ kind: "remove", at, says },
	];
}

/** None if the path contains a variable, or comes from an alias or merge. */
export function rewritePath(at: Place, raw: string, resolved: string, context: EvalContext): Change[] {
	const written = writtenText(at, context);
	if (written === undefined) return [];
	const reference = context.references.files.find((file) => file.at === at && file.raw === raw);
	if (reference?.glob) return [];
	const path = relativePath(reference?.command?.cwd ? reference.base : dirname(at.file), resolved);
	const kept = raw.endsWith("/") && !path.endsWith("/") ? `${path}/` : path;
	const value = replaced(written, raw, raw.startsWith("file://") ? `file://${kept}` : kept, reference?.word?.index);
	return value === undefined ? [] : [{ kind: "value", at, value, says: `${raw} → ${kept}` }];
}

function replaced(written: string, raw: string, path: string, word: number | undefined): string | undefined {
	if (written === raw) return path;
	if (word === undefined) {
		// An extension's path is followed by `:` and the name of its export.
		return written.startsWith(`${raw}:`) ? `${path}${written.slice(raw.length)}` : undefined;
	}
	const parsed = parseCommand(written);
	const commandWord = parsed.kind === "argv" ? parsed.words[word] : undefined;
	if (!commandWord) return undefined;
	if (commandWord.text === raw) return replaceWord(written, commandWord, path);
	// With backslashes, which only Windows supports.
	return written.slice(...commandWord.range) === raw
		? replaceWord(written, { ...commandWord, quoted: false }, path)
		: undefined;
}
