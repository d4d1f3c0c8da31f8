import { relative } from "node:path";
import type { Place } from "../base/diagnostic.ts";
import type { LoadedEval, Suite, TestCase } from "../model/eval-types.ts";
import type { Reference } from "../model/references.ts";
import { type EvalSide, type Executed, evalSide, executedBy, type Side, watchedPaths } from "./eval-side.ts";
import type { ExecutableChange, TouchedEval } from "./sync-types.ts";
import type { TreeChange } from "./tree-diff.ts";

/** The paths of a change, to check whether a path is, contains or is inside one of them. */
export class ChangedPaths {
	/** Absolute path → whether it is new. */
	readonly #files = new Map<string, boolean>();
	readonly #above = new Set<string>();

	constructor(root: string, changes: readonly TreeChange[]) {
		for (const { path, before } of changes) {
			const file = `${root}/${path}`;
			this.#files.set(file, before === undefined);
			for (let slash = file.lastIndexOf("/"); slash > root.length; slash = file.lastIndexOf("/", slash - 1))
				this.#above.add(file.slice(0, slash));
		}
	}

	/** Returns whether `path`, or something in it, changes. */
	touches(path: string): boolean {
		return this.#files.has(path) || this.#above.has(path);
	}

	/** Returns `added` or `changed` for a changed file. */
	changeOf(path: string): "added" | "changed" | undefined {
		const isNew = this.#files.get(path);
		return isNew === undefined ? undefined : isNew ? "added" : "changed";
	}
}

export interface EvalChanges {
	readonly touched: TouchedEval | undefined;
	readonly executes: readonly ExecutableChange[];
}

/** Returns how the change affects one eval file, which can be added or removed. */
export function evalChanges(file: string, before: Side, after: Side, changed: ChangedPaths): EvalChanges {
	const was = evalSide(file, before);
	if (was && !watchedOf(was, before).some((path) => changed.touches(path))) return { touched: undefined, executes: [] };
	const will = evalSide(file, after);
	const name = relative(after.root, file);
	if (!will) {
		const tests = was?.loaded.tests.map(({ id }) => id) ?? [];
		return { touched: was && { file: name, change: "removed", tests }, executes: [] };
	}
	const executes = executableChanges(
		name,
		was && executedBy(was, before),
		executedBy(will, after),
		after.root,
		changed,
	);
	if (!was) return { touched: { file: name, change: "added", tests: will.loaded.tests.map(({ id }) => id) }, executes };
	const tests = touchedTests(was, will, changed);
	const isTouched = tests.length > 0 || executes.length > 0 || changed.touches(file);
	return { touched: isTouched ? { file: name, change: "changed", tests } : undefined, executes };
}

/** Includes imports of referenced scripts. */
function watchedOf(side: EvalSide, at: Side): string[] {
	return [...watchedPaths(side), ...executedBy(side, at).scripts.keys()];
}

/** Returns ids of tests that are new or differ, or that use a changed file. */
function touchedTests(was: EvalSide, will: EvalSide, changed: ChangedPaths): string[] {
	const former = new Map(was.loaded.tests.map((test) => [test.id, testText(test)]));
	const isShared = sharedText(was) !== sharedText(will);
	const users = usersOf(will, changed);
	return will.loaded.tests
		.filter((test) => isShared || users === "all" || users.has(test) || former.get(test.id) !== testText(test))
		.map(({ id }) => id);
}

/** Kinds of references that loading reads: their content is compared as part of the tests. */
const readByLoading = new Set<Reference["kind"]>(["tests", "suite", "workspace-file", "include", "prompt-file"]);

/** Returns the tests that refer to a changed file; all of them if a shared part does. */
function usersOf({ loaded, references }: EvalSide, changed: ChangedPaths): "all" | ReadonlySet<TestCase> {
	const byPlace = new Map(loaded.tests.map((test) => [placeKey(test.at, test.at.path?.length ?? 0), test]));
	const users = new Set<TestCase>();
	for (const { kind, at, resolved, state } of references) {
		if (state === "run-time" || readByLoading.has(kind) || !changed.touches(resolved)) continue;
		const user = testAt(at, byPlace);
		if (!user) return "all";
		users.add(user);
	}
	return users;
}

function testAt(at: Place, byPlace: ReadonlyMap<string, TestCase>): TestCase | undefined {
	for (let length = at.path?.length ?? 0; length >= 0; length--) {
		const test = byPlace.get(placeKey(at, length));
		if (test) return test;
	}
	return undefined;
}

function placeKey({ file, line, path }: Place, length: number): string {
	return JSON.stringify([file, line, (path ?? []).slice(0, length)]);
}

/** Keys of locations; suites are compared separately. */
const places = new Set(["at", "base", "file", "scope", "suite", "program"]);

function text(value: unknown): string {
	return JSON.stringify(value, (key, inner: unknown) => (places.has(key) ? undefined : inner));
}

function testText(test: TestCase): string {
	return text({ ...test, suite: undefined, own: suiteText(test.suite) });
}

function suiteText({
	workspace,
	extensions,
	preprocessors,
	targets,
	threshold,
	timeoutSeconds,
	repeat,
}: Suite): string {
	return text({ workspace, extensions, preprocessors, targets, threshold, timeoutSeconds, repeat });
}

/** Returns what all tests of an eval share: its suite and targets. */
function sharedText({ loaded, targets }: EvalSide): string {
	const used = targets.map(({ name, wire }) => [name, wire]);
	return suiteText(loaded.suite) + text({ used, ...runControls(loaded) });
}

function runControls({ workers, budgetUsd, requires }: LoadedEval) {
	return { workers, budgetUsd, requires };
}

function executableChanges(
	file: string,
	was: Executed | undefined,
	will: Executed,
	root: string,
	changed: ChangedPaths,
): ExecutableChange[] {
	const keyOf = ({ kind, name }: Executed["commands"][number]) => `${kind} ${name}`;
	const former = new Set(was?.commands.map((one) => `${keyOf(one)} ${one.text}`));
	const formerKeys = new Set(was?.commands.map(keyOf));
	const commands = will.commands
		.filter((one) => !former.has(`${keyOf(one)} ${one.text}`))
		.map((one): ExecutableChange => {
			return { kind: one.kind, what: one.text, eval: file, change: formerKeys.has(keyOf(one)) ? "changed" : "added" };
		});
	const scripts = [...will.scripts].flatMap(([path, kind]): ExecutableChange[] => {
		const change = changed.changeOf(path);
		return change === undefined ? [] : [{ kind, what: relative(root, path), eval: file, change }];
	});
	return [...commands, ...scripts];
}
