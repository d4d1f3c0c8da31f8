import { dirname, join } from "node:path";
import { type StructuredPatchHunk, structuredPatch } from "diff";
import { findScope } from "../../eval/discover-evals.ts";
import { evalEnvironment } from "../../eval/load-eval.ts";
import { loadTargets, targetFileNames } from "../../eval/load-targets.ts";
import { valueBelow } from "../../eval/source.ts";
import { AgentvError, type DocumentPath } from "../../lib/errors.ts";
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
import { literalSecrets, type ValidationRun } from "../eval-context.ts";
import type { ValidationFinding } from "../validate-evals.ts";
import { bringTargets } from "./bring-targets.ts";
import { type FieldChange, type TargetChange, unwrapEdits, unwrapped } from "./edits.ts";

export interface PlannedFile {
	/** Absolute, or as in a diff. */
	readonly path: string;
	/** Undefined for a new file. */
	readonly before: string | undefined;
	readonly after: string;
}

export interface PlannedFinding {
	readonly evalFile: string;
	readonly finding: ValidationFinding;
	readonly changes: readonly (FieldChange | TargetChange)[];
}

/** Changes shared files once, and returns why a finding's changes were not possible. */
export function editedFiles(findings: readonly PlannedFinding[], run: ValidationRun) {
	const refused = new Map<PlannedFinding, string>();
	const files = new Map<string, PlannedFile>();
	const refuse = (change: FieldChange | TargetChange, reason: string) => {
		for (const finding of findings) if (finding.changes.includes(change)) refused.set(finding, reason);
	};
	const changes = findings.flatMap((finding) => finding.changes);
	const fields = groupBy(
		changes.filter((change) => change.kind !== "target"),
		({ at }) => at.file,
	);
	for (const [path, inFile] of fields) {
		const before = run.view.readText(path);
		const same = groupBy(inFile, ({ says: _, ...change }) => JSON.stringify(change));
		const distinct = new Map([...same.values()].flatMap((group) => (group[0] ? [[group[0], group] as const] : [])));
		const patched = patchText(path, before, [...distinct.keys()]);
		for (const { change, reason } of patched.refused)
			for (const repeated of distinct.get(change) ?? []) refuse(repeated, reason);
		files.set(path, { path, before, after: patched.text });
	}
	const targets = groupBy(
		changes.filter((change) => change.kind === "target"),
		({ directory }) => directory,
	);
	for (const [directory, inDirectory] of targets) {
		const edit = (part: readonly TargetChange[]): PlannedFile | undefined => {
			try {
				return withTargets(directory, part, files, run);
			} catch (error) {
				if (!(error instanceof AgentvError)) throw error;
				for (const change of part) refuse(change, error.message);
				return undefined;
			}
		};
		// A target that can't be moved doesn't stop the others.
		const movable = inDirectory.filter((change) => edit([change]));
		const file = movable.length > 0 ? edit(movable) : undefined;
		if (file) files.set(file.path, file);
	}
	return { files: [...files.values()].filter(({ before, after }) => before !== after), refused };
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

function withTargets(
	directory: string,
	changes: readonly TargetChange[],
	files: ReadonlyMap<string, PlannedFile>,
	{ view, env, cwd, targetsFile }: ValidationRun,
): PlannedFile {
	const own = findScope(directory, cwd, view);
	const variables = evalEnvironment(own, env, view);
	const scope = loadTargets(own, { view, env: variables, targetsFile });
	const existing = targetFileNames.map((name) => join(directory, name)).find((file) => view.kind(file) === "file");
	const path = existing ?? join(directory, "targets.yaml");
	if (!existing && view.kind(path) !== "missing") throw new AgentvError("refused", "targets.yaml is not a file");
	const names = [...new Set(changes.map(({ name }) => name))];
	const move = { to: dirname(path), root: own.root, view, env: variables };
	const brought = bringTargets(names, { scope, directory, targetsFile, ...move });
	for (const [name, entry] of brought)
		if (!literalSecrets(entry).next().done)
			throw new AgentvError("refused", `target ${JSON.stringify(name)} contains a literal credential`);
	const before = files.get(path)?.before ?? (existing ? view.readText(existing) : undefined);
	const text = files.get(path)?.after ?? before;
	const entries = [...brought.values()];
	return { path, before, after: text === undefined ? newFile(entries) : appended(path, text, entries) };
}

function newFile(targets: readonly object[]): string {
	const text = `${blockText({ targets })}\n`;
	// Verify the printer's output by parsing it.
	if (!sameValue(parseYaml(text, "targets.yaml").value, { targets }))
		throw new AgentvError("refused", "a target's settings can't be written as YAML");
	return text;
}

function appended(path: string, text: string, targets: readonly object[]): string {
	let document = parseYaml(text, path);
	for (const entry of targets) {
		const list = Array.isArray(document.value) ? [] : ["targets"];
		const present = valueBelow(document.value, list);
		const meant = withValueAt(document.value ?? {}, list, [...(Array.isArray(present) ? present : []), entry]);
		document = verifiedPatch(document, appendToSequence(document, list, blockText(entry)), meant);
	}
	return document.text;
}

interface Patched {
	readonly text: string;
	/** Unsafe changes, and why. */
	readonly refused: readonly { readonly change: FieldChange; readonly reason: string }[];
}

/** Verifies each change by parsing; one with other effects is refused. */
export function patchText(file: string, text: string, changes: readonly FieldChange[]): Patched {
	if (!file.endsWith(".jsonl")) return patchDocument(file, text, changes);
	const rows = new Map(parseJsonLines(text, file).rows.map((row) => [String(row.line), row.range]));
	const edits: TextEdit[] = [];
	const refused: Patched["refused"][number][] = [];
	for (const [line, inLine] of groupBy(changes, ({ at }) => String(at.line))) {
		const range = rows.get(line);
		if (!range) {
			refused.push(...inLine.map((change) => ({ change, reason: "no such line" })));
			continue;
		}
		const patched = patchDocument(`${file}.json`, text.slice(...range), inLine);
		edits.push({ range, text: patched.text });
		refused.push(...patched.refused);
	}
	return { text: applyEdits(text, edits), refused };
}

function patchDocument(file: string, text: string, changes: readonly FieldChange[]): Patched {
	// Deepest first: renaming or removing a mapping changes the paths inside it.
	const others = changes
		.filter((change) => change.kind !== "value")
		.sort((a, b) => (b.at.path?.length ?? 0) - (a.at.path?.length ?? 0));
	const values = changes.filter((change) => change.kind === "value");
	let document = parseYaml(text, file);
	const refused: { change: FieldChange; reason: string }[] = [];
	// Each patch parses the whole text, so try them together before one by one.
	const patch = (part: readonly FieldChange[]): void => {
		if (part.length === 0) return;
		try {
			document = patchTogether(document, part);
		} catch (error) {
			if (!(error instanceof AgentvError) && !(error instanceof RangeError)) throw error;
			const [change, ...more] = part;
			if (more.length > 0) {
				patch(part.slice(0, part.length >> 1));
				patch(part.slice(part.length >> 1));
			} else if (change)
				refused.push({
					change,
					reason: error instanceof AgentvError ? error.message : "two fixes change the same text",
				});
		}
	};
	patch(values);
	patch(others);
	return { text: document.text, refused };
}

/** @throws AgentvError, RangeError if the changes can't be made in one step */
function patchTogether(document: YamlDocument, changes: readonly FieldChange[]): YamlDocument {
	const edits = new Map<string, TextEdit>();
	let meant = document.value;
	for (const change of changes) {
		// A value shared by an anchor and its aliases is written once.
		for (const edit of editsOf(document, change)) edits.set(`${edit.range.join()} ${edit.text}`, edit);
		meant = changed(meant, document, change);
	}
	return verifiedPatch(document, [...edits.values()], meant);
}

function editsOf(document: YamlDocument, change: FieldChange): readonly TextEdit[] {
	const path = change.at.path ?? [];
	switch (change.kind) {
		case "value":
			return [replaceScalar(document, path, change.value)];
		case "key":
			return [renameKey(document, path, change.key)];
		case "entry":
			return insertPair(document, path, change.key, blockText(change.value));
		case "remove":
			return removeEntry(document, path);
		case "unwrap":
			return unwrapEdits(document, path);
	}
}

function changed(value: unknown, document: YamlDocument, change: FieldChange): unknown {
	const path = change.at.path ?? [];
	switch (change.kind) {
		case "value":
			return pathsOfSame(document, path).reduce((meant: unknown, at) => withValueAt(meant, at, change.value), value);
		case "key":
			return withValueAt(withoutValueAt(value, path), [...path.slice(0, -1), change.key], valueBelow(value, path));
		case "entry":
			return withValueAt(value, [...path, change.key], change.value);
		case "remove":
			return withoutValueAt(value, path);
		case "unwrap":
			return unwrapped(value, path);
	}
}

/** Merge keys and aliases can add paths. */
function pathsOfSame(document: YamlDocument, path: DocumentPath): DocumentPath[] {
	const { written } = document.find(path);
	const text = valueBelow(document.value, path);
	const paths: DocumentPath[] = [];
	const walk = (value: unknown, at: DocumentPath) => {
		if (typeof value === "object" && value !== null)
			for (const [key, item] of Object.entries(value)) walk(item, [...at, Array.isArray(value) ? Number(key) : key]);
		else if (value === text && document.find(at).written === written) paths.push(at);
	};
	walk(document.value, []);
	return paths;
}

/** Lines around a change. */
const context = 3;
/** For more changed lines, the difference is not minimal. */
const maxCompared = 2000;

/** Returns a diff for `git apply` and `patch -p1`; empty without changes. */
export function unifiedDiff({ path, before, after }: PlannedFile): string {
	if (before === after) return "";
	const name = (prefix: string) => quotedName(`${prefix}/${path}`);
	const header = before === undefined ? `diff --git ${name("a")} ${name("b")}\nnew file mode 100644\n` : "";
	const options = { context, maxEditLength: maxCompared };
	const patch = structuredPatch("", "", before ?? "", after, "", "", options);
	const hunks = patch?.hunks ?? replacement(before ?? "", after);
	const range = (start: number, lines: number) => `${lines === 0 ? start - 1 : start},${lines}`;
	const texts = hunks.map(
		({ oldStart, oldLines, newStart, newLines, lines }) =>
			`@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@\n${lines.map((line) => `${line}\n`).join("")}`,
	);
	return `${header}--- ${before === undefined ? "/dev/null" : name("a")}\n+++ ${name("b")}\n${texts.join("")}`;
}

function replacement(before: string, after: string): StructuredPatchHunk[] {
	const [removed] = structuredPatch("", "", before, "").hunks;
	const [added] = structuredPatch("", "", "", after).hunks;
	const [oldLines, newLines] = [removed?.oldLines ?? 0, added?.newLines ?? 0];
	return [
		{ oldStart: 1, oldLines, newStart: 1, newLines, lines: [...(removed?.lines ?? []), ...(added?.lines ?? [])] },
	];
}

function quotedName(name: string): string {
	return /["\\\p{Cc}]/u.test(name) ? JSON.stringify(name) : /\s/.test(name) ? `${name}\t` : name;
}
