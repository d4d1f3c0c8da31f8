import { dirname, join } from "node:path";
import { findScope } from "../../eval/discover-evals.ts";
import { evalEnvironment } from "../../eval/load-eval.ts";
import { loadTargets, targetFileNames } from "../../eval/load-targets.ts";
import { AgentvError, type DocumentPath, type Place } from "../../lib/errors.ts";
import { parseJsonLines } from "../../lib/json.ts";
import { applyEdits, type TextEdit } from "../../lib/text.ts";
import { parseYaml, type YamlDocument } from "../../lib/yaml-document.ts";
import {
	appendToSequence,
	blockText,
	insertPair,
	removeEntry,
	renameKey,
	replaceScalar,
	sameValue,
	verifiedPatch,
	withoutValueAt,
	withValueAt,
} from "../../lib/yaml-edit.ts";
import type { ValidationRun } from "../eval-context.ts";
import { literalSecrets } from "../repository-facts.ts";
import type { ValidationFinding } from "../validate-evals.ts";
import { type BroughtTarget, bringTargets } from "./bring-targets.ts";
import { type FieldChange, type TargetChange, unwrapEdits, unwrapped, valueAt } from "./edits.ts";

export interface Edited {
	readonly files: readonly PlannedFile[];
	/** Why a finding's changes were not possible. */
	readonly refused: ReadonlyMap<PlannedFinding, string>;
}

/** Returns the files after the changes of all findings; shared files are changed once. */
export function editedFiles(findings: readonly PlannedFinding[], run: ValidationRun): Edited {
	const refused = new Map<PlannedFinding, string>();
	const files = new Map<string, PlannedFile>();
	const refuse = (changes: readonly unknown[], reason: string) => {
		for (const finding of findings)
			if (finding.changes.some((change) => changes.includes(change))) refused.set(finding, reason);
	};
	const fields = groupBy(
		findings.flatMap(({ changes }) => changes.filter(isField)),
		({ at }) => at.file,
	);
	for (const [path, changes] of fields) {
		const before = run.view.readText(path);
		const patched = patchText(path, before, distinct(changes));
		for (const { change, reason } of patched.refused)
			refuse(
				changes.filter((one) => sameChange(one, change)),
				reason,
			);
		if (patched.text !== before) files.set(path, { path, before, after: patched.text });
	}
	const targets = groupBy(
		findings.flatMap(({ changes }) => changes.filter(isTarget)),
		({ directory }) => directory,
	);
	for (const [directory, changes] of targets) {
		// One that can't be moved doesn't stop the others.
		const movable = changes.filter((change) => {
			const alone = withTargets(directory, [change], files, run);
			if ("reason" in alone) refuse([change], alone.reason);
			return !("reason" in alone);
		});
		const written = withTargets(directory, movable, files, run);
		if ("reason" in written) refuse(movable, written.reason);
		else if (written.after !== written.before) files.set(written.path, written);
	}
	return { files: [...files.values()].filter(({ before, after }) => before !== after), refused };
}

function isField(change: FieldChange | TargetChange): change is FieldChange {
	return change.kind !== "target";
}

function isTarget(change: FieldChange | TargetChange): change is TargetChange {
	return change.kind === "target";
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
	const groups = new Map<string, Item[]>();
	for (const item of items) {
		const group = groups.get(key(item));
		if (group) group.push(item);
		else groups.set(key(item), [item]);
	}
	return groups;
}

function keyOf({ says: _, ...change }: FieldChange): string {
	return JSON.stringify(change);
}

function sameChange(a: FieldChange, b: FieldChange): boolean {
	return keyOf(a) === keyOf(b);
}

/** Several evals that share a file have the same findings in it. */
function distinct(changes: readonly FieldChange[]): FieldChange[] {
	return [...new Map(changes.map((change) => [keyOf(change), change])).values()];
}

function withTargets(
	directory: string,
	changes: readonly TargetChange[],
	files: ReadonlyMap<string, PlannedFile>,
	run: ValidationRun,
): PlannedFile | { readonly reason: string } {
	const { view, env, cwd, targetsFile } = run;
	const scope = findScope(directory, cwd, view);
	const variables = evalEnvironment(scope, env, view);
	const targets = loadTargets(scope, {
		view,
		env: variables,
		...(targetsFile ? { targetsFile } : {}),
	});
	const existing = targetFileNames.map((name) => join(directory, name)).find((file) => view.kind(file) === "file");
	const path = existing ?? join(directory, "targets.yaml");
	if (!existing && view.kind(path) !== "missing") return { reason: "targets.yaml is not a file" };
	const names = [...new Set(changes.map(({ name }) => name))];
	const brought = bringTargets(names, {
		scope: targets,
		directory,
		...{ to: dirname(path), root: scope.root },
		targetsFile,
		view,
		env: variables,
	});
	if ("stuck" in brought)
		return {
			reason: `a path of target ${JSON.stringify(brought.stuck)} begins with a variable that contains a relative path`,
		};
	const secret = brought.find(({ entry }) => [...literalSecrets(entry)].length > 0);
	if (secret) return { reason: `target ${JSON.stringify(secret.name)} contains a literal credential` };
	const before = files.get(path)?.before ?? (existing ? view.readText(existing) : undefined);
	const text = files.get(path)?.after ?? before;
	try {
		return { path, before, after: text === undefined ? newFile(brought) : appended(path, text, brought) };
	} catch (error) {
		if (error instanceof AgentvError) return { reason: error.message };
		throw error;
	}
}

function newFile(targets: readonly BroughtTarget[]): string {
	const text = `${blockText({ targets: targets.map(({ entry }) => entry) })}\n`;
	// Verify the printer's output by parsing it.
	const read = parseYaml(text, "targets.yaml").value;
	if (!sameValue(read, { targets: targets.map(({ entry }) => entry) }))
		throw new AgentvError("refused", "a target's settings can't be written as YAML");
	return text;
}

function appended(path: string, text: string, targets: readonly BroughtTarget[]): string {
	let document = parseYaml(text, path);
	for (const { entry } of targets) {
		const list = Array.isArray(document.value) ? [] : ["targets"];
		const held = list.length === 0 ? document.value : (document.value as { targets?: unknown } | null)?.targets;
		const length = Array.isArray(held) ? held.length : 0;
		const meant = withValueAt(document.value ?? {}, [...list, length], entry);
		const base = Array.isArray(held) || list.length === 0 ? meant : withValueAt(document.value ?? {}, list, [entry]);
		document = verifiedPatch(document, appendToSequence(document, list, blockText(entry)), base);
	}
	return document.text;
}

export interface Patched {
	readonly text: string;
	/** Changes that were not safely possible, and why. */
	readonly refused: readonly { readonly change: FieldChange; readonly reason: string }[];
}

/** Verifies each change by parsing; one with other effects is refused. */
export function patchText(file: string, text: string, changes: readonly FieldChange[]): Patched {
	return file.endsWith(".jsonl") ? patchLines(file, text, changes) : patchDocument(file, text, changes);
}

function patchDocument(file: string, text: string, changes: readonly FieldChange[]): Patched {
	// Deepest first: a renamed or removed mapping changes the paths inside it.
	const others = changes
		.filter((change) => change.kind !== "value")
		.sort((a, b) => (b.at.path?.length ?? 0) - (a.at.path?.length ?? 0));
	const values = changes.filter((change) => change.kind === "value");
	let document = parseYaml(text, file);
	const refused: { change: FieldChange; reason: string }[] = [];
	// Apply them together, since each patch parses the whole text; apply the rest one by one.
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
		// A value shared by an anchor and its aliases is written once.
		for (const edit of step.edits) edits.set(`${edit.range.join()} ${edit.text}`, edit);
		meant = step.apply(meant);
	}
	return verifiedPatch(document, [...edits.values()], meant);
}

interface Step {
	readonly edits: readonly TextEdit[];
	/** Applies the expected effect to the document's value. */
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

/** Returns every path of the node at `path`: merge keys and aliases can add more. */
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

/** Each line is a separate JSON document. */
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

export interface PlannedFile {
	/** Absolute. */
	readonly path: string;
	/** Undefined for a new file. */
	readonly before: string | undefined;
	readonly after: string;
}

/** A change, for display. */
export interface PlannedChange {
	readonly rule: string;
	/** Absolute path of the changed file. */
	readonly file: string;
	/** Location of the finding. */
	readonly at: { readonly file: string; readonly line: number; readonly column: number };
	/** A short description. */
	readonly says: string;
}

/** What the fixes would do. Nothing is written yet. */
export interface FixPlan {
	readonly files: readonly PlannedFile[];
	readonly changes: readonly PlannedChange[];
	/** The fixed findings, by eval file. */
	readonly mended: ReadonlyMap<string, readonly ValidationFinding[]>;
	/** Fixable findings that could not be fixed, and why. */
	readonly refused: readonly { readonly finding: ValidationFinding; readonly reason: string }[];
	/** The meaning of each affected eval, before and after. */
	readonly meanings: ReadonlyMap<string, string>;
	/** Absolute. A killed fix can have left files there. */
	readonly directories: ReadonlySet<string>;
}

/** A finding with the changes that fix it. */
export interface PlannedFinding {
	/** The eval that it was found in; absolute. */
	readonly evalFile: string;
	readonly finding: ValidationFinding;
	readonly changes: readonly (FieldChange | TargetChange)[];
}

export interface DiffFile {
	/** As in the diff; `/` between components. */
	readonly path: string;
	/** Undefined for a new file. */
	readonly before: string | undefined;
	readonly after: string;
}

const context = 3;

/** Returns a unified diff for `git apply` and `patch -p1`; "" without changes. */
export function unifiedDiff({ path, before, after }: DiffFile): string {
	if (before === after) return "";
	const old = linesOf(before ?? "");
	const now = linesOf(after);
	const hunks = hunksOf(editsBetween(old, now), old, now);
	const name = (prefix: string) => quotedName(`${prefix}/${path}`);
	const from = before === undefined ? "/dev/null" : name("a");
	const header = before === undefined ? `diff --git ${name("a")} ${name("b")}\nnew file mode 100644\n` : "";
	return `${header}--- ${from}\n+++ ${name("b")}\n${hunks.join("")}`;
}

function quotedName(name: string): string {
	return /["\\\p{Cc}]/u.test(name) ? JSON.stringify(name) : /\s/.test(name) ? `${name}\t` : name;
}

/** Splits text into lines with their line breaks. */
function linesOf(text: string): string[] {
	return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** A range of old lines and its replacement: `[from, to)` each. */
interface Edit {
	readonly old: readonly [number, number];
	readonly now: readonly [number, number];
}

/** Returns the differences of two lists of lines. Skips equal ends, since fixes change little. */
function editsBetween(old: readonly string[], now: readonly string[]): Edit[] {
	let start = 0;
	while (start < old.length && start < now.length && old[start] === now[start]) start++;
	let [oldEnd, nowEnd] = [old.length, now.length];
	while (oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]) {
		oldEnd--;
		nowEnd--;
	}
	const size = (oldEnd - start) * (nowEnd - start);
	if (size === 0 || size > 4_000_000) return [{ old: [start, oldEnd], now: [start, nowEnd] }];
	return aligned(old.slice(start, oldEnd), now.slice(start, nowEnd), start);
}

/** Aligns by the longest common subsequence. */
function aligned(old: readonly string[], now: readonly string[], offset: number): Edit[] {
	const width = now.length + 1;
	const longest = new Uint32Array((old.length + 1) * width);
	const at = (i: number, j: number) => longest[i * width + j] ?? 0;
	for (let i = old.length - 1; i >= 0; i--)
		for (let j = now.length - 1; j >= 0; j--)
			longest[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
	const edits: Edit[] = [];
	let [i, j] = [0, 0];
	while (i < old.length || j < now.length) {
		if (i < old.length && j < now.length && old[i] === now[j]) {
			i++;
			j++;
			continue;
		}
		const [fromOld, fromNow] = [i, j];
		while ((i < old.length || j < now.length) && !(i < old.length && j < now.length && old[i] === now[j])) {
			if (j >= now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) i++;
			else j++;
		}
		edits.push({ old: [fromOld + offset, i + offset], now: [fromNow + offset, j + offset] });
	}
	return edits;
}

function hunksOf(edits: readonly Edit[], old: readonly string[], now: readonly string[]): string[] {
	const groups: Edit[][] = [];
	for (const edit of edits) {
		const last = groups.at(-1);
		const before = last?.at(-1);
		if (last && before && edit.old[0] - before.old[1] <= 2 * context) last.push(edit);
		else groups.push([edit]);
	}
	return groups.map((group) => hunk(group, old, now));
}

function hunk(group: readonly Edit[], old: readonly string[], now: readonly string[]): string {
	const [first, last] = [group[0] as Edit, group.at(-1) as Edit];
	const before = Math.min(context, first.old[0]);
	const after = Math.min(context, old.length - last.old[1]);
	const lines: string[] = [];
	let at = first.old[0] - before;
	for (const edit of group) {
		lines.push(...old.slice(at, edit.old[0]).map((line) => ` ${line}`));
		lines.push(
			...old.slice(...edit.old).map((line) => `-${line}`),
			...now.slice(...edit.now).map((line) => `+${line}`),
		);
		at = edit.old[1];
	}
	lines.push(...old.slice(at, at + after).map((line) => ` ${line}`));
	const range = (start: number, end: number) => `${end === start ? start : start + 1},${end - start}`;
	const header = `@@ -${range(first.old[0] - before, last.old[1] + after)} +${range(first.now[0] - before, last.now[1] + after)} @@\n`;
	return (
		header + lines.map((line) => (line.endsWith("\n") ? line : `${line}\n\\ No newline at end of file\n`)).join("")
	);
}
