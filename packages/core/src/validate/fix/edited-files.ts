import { dirname, join } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { sameValue, withValueAt } from "../../base/value-edit.ts";
import { parseYaml } from "../../base/yaml-document.ts";
import { appendToSequence, blockText } from "../../base/yaml-insert.ts";
import { verifiedPatch } from "../../base/yaml-patch.ts";
import { evalEnvironment } from "../../model/eval-environment.ts";
import { findScope } from "../../model/eval-scope.ts";
import { loadTargets, targetFileNames } from "../../model/load-targets.ts";
import { literalSecrets } from "../literal-secrets.ts";
import type { ValidationRun } from "../validation-run.ts";
import { type BroughtTarget, bringTargets } from "./bring-targets.ts";
import type { FieldChange, TargetChange } from "./change.ts";
import type { PlannedFile } from "./fix-plan.ts";
import { patchText } from "./patch-text.ts";
import type { PlannedFinding } from "./planned-finding.ts";

export interface Edited {
	readonly files: readonly PlannedFile[];
	/** Why a finding's changes could not be made. */
	readonly refused: ReadonlyMap<PlannedFinding, string>;
}

/** The files as the changes of all findings leave them; what many evals share is changed once. */
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
		// One that can't be moved is no reason to leave the others.
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

/** Several evals that read one file find the same in it. */
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
	// What a printer writes is read again before anybody trusts it.
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
