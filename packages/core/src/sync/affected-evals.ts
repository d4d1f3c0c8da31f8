import { basename, join, relative, resolve } from "node:path";
import { type ExecutedCommand, executedCommands, executedKinds } from "../eval/command-files.ts";
import { findEvals, isEvalName, withParents } from "../eval/discover-evals.ts";
import type { LoadedEval, Suite, TestCase } from "../eval/eval-types.ts";
import { loadEval } from "../eval/load-eval.ts";
import { loadTargets, type TargetCache, targetCache, targetFileNames } from "../eval/load-targets.ts";
import { type ResolvedTarget, resolvedTargets, usedTargets } from "../eval/resolve-target.ts";
import { scriptClosure } from "../eval/script-closure.ts";
import { type DiskView, openDiskView, overlayDiskView } from "../eval/source.ts";
import { collectReferences, type Reference } from "../eval/visit.ts";
import { AgentvError, type Place } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import { splitGlob } from "../machine/find-files.ts";
import type { ExecutableChange, SyncChanges, TouchedEval } from "./make-plan.ts";
import type { CloneGit } from "./observation.ts";
import type { Seen } from "./observe.ts";
import type { TreeChange } from "./recover.ts";

class ChangedPaths {
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

	/** Also true for a directory that contains changes. */
	touches(path: string): boolean {
		return this.#files.has(path) || this.#above.has(path);
	}

	changeOf(path: string): "added" | "changed" | undefined {
		const isNew = this.#files.get(path);
		return isNew === undefined ? undefined : isNew ? "added" : "changed";
	}
}

interface EvalChanges {
	readonly touched: TouchedEval | undefined;
	readonly executes: readonly ExecutableChange[];
}

function evalChanges(file: string, before: Side, after: Side, changed: ChangedPaths): EvalChanges {
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

function watchedOf(side: EvalSide, at: Side): string[] {
	return [...watchedPaths(side), ...executedBy(side, at).scripts.keys()];
}

function touchedTests(was: EvalSide, will: EvalSide, changed: ChangedPaths): string[] {
	const previous = new Map(was.loaded.tests.map((test) => [test.id, testText(test)]));
	const isShared = sharedText(was) !== sharedText(will);
	const users = usersOf(will, changed);
	return will.loaded.tests
		.filter((test) => isShared || users === "all" || users.has(test) || previous.get(test.id) !== testText(test))
		.map(({ id }) => id);
}

/** Loading reads these: their content is compared as part of the tests. */
const readByLoading = new Set<Reference["kind"]>(["tests", "suite", "workspace-file", "include", "prompt-file"]);

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
	const previous = new Set(was?.commands.map((command) => `${keyOf(command)} ${command.text}`));
	const previousKeys = new Set(was?.commands.map(keyOf));
	const commands = will.commands
		.filter((command) => !previous.has(`${keyOf(command)} ${command.text}`))
		.map((command): ExecutableChange => {
			return {
				kind: command.kind,
				what: command.text,
				eval: file,
				change: previousKeys.has(keyOf(command)) ? "changed" : "added",
			};
		});
	const scripts = [...will.scripts].flatMap(([path, kind]): ExecutableChange[] => {
		const change = changed.changeOf(path);
		return change === undefined ? [] : [{ kind, what: relative(root, path), eval: file, change }];
	});
	return [...commands, ...scripts];
}

interface Side {
	readonly view: DiskView;
	readonly env: Environment;
	readonly root: string;
	readonly targetCache: TargetCache;
}

interface EvalSide {
	readonly loaded: LoadedEval;
	readonly targets: readonly ResolvedTarget[];
	readonly references: readonly Reference[];
}

/** Returns undefined if the eval doesn't exist. Its problems are not reported here. */
function evalSide(file: string, { view, env, root, targetCache: cache }: Side): EvalSide | undefined {
	if (view.kind(file) !== "file") return undefined;
	try {
		const loaded = loadEval(file, { view, env, cwd: root });
		const targets = resolvedTargets(usedTargets(loaded, loadTargets(loaded.scope, { view, env, cache })));
		return { loaded, targets, references: collectReferences(loaded, targets, view).files };
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

function watchedPaths({ loaded, references }: EvalSide): string[] {
	const { directory, root } = loaded.scope;
	const around = [...withParents(directory, root)].flatMap((at) => [
		join(at, ".env"),
		...targetFileNames.map((name) => join(at, name)),
	]);
	const read = [...loaded.sources.keys(), join(directory, "PROMPT.md")];
	const globs = loaded.files.flatMap(({ path }) =>
		/[*?[\]{}]/.test(path.raw) ? [resolve(path.base, splitGlob(path.raw).base)] : [],
	);
	return [
		loaded.file,
		...around,
		...read,
		...globs,
		...references.flatMap(({ state, resolved }) => (state === "run-time" ? [] : [resolved])),
	];
}

type Kind = ExecutableChange["kind"];

function changeKind(kind: ExecutedCommand["kind"]): Kind {
	if (kind === "healthcheck") return "target";
	return kind === "preprocessor" || kind === "prompt" ? "command" : kind;
}

/** Command lines by `kind` and name, and script files with their imports. */
interface Executed {
	readonly commands: readonly { readonly kind: Kind; readonly name: string; readonly text: string }[];
	/** Absolute path → what it is part of. */
	readonly scripts: ReadonlyMap<string, Kind>;
}

function executedBy({ loaded, targets, references }: EvalSide, { view }: Side): Executed {
	const scripts = new Map<string, Kind>();
	const { root } = loaded.scope;
	for (const { kind, onDisk, resolved } of references) {
		const executed = executedKinds[kind];
		if (executed === undefined || onDisk !== "file" || scripts.has(resolved)) continue;
		for (const file of scriptClosure([resolved], { view, root }).files)
			if (!scripts.has(file)) scripts.set(file, changeKind(executed));
	}
	const commands = executedCommands(loaded, targets).map(({ kind, ...command }) => {
		return { ...command, kind: changeKind(kind) };
	});
	return { commands, scripts };
}

/** Larger files are not evals, so their content is not read. */
const maxBytes = 10 * 1024 * 1024;

/**
 * Reads changed files from git's objects. Local edits of other files are visible, since they stay.
 */
async function futureView(git: CloneGit, changes: readonly TreeChange[], view: DiskView): Promise<DiskView> {
	const wanted = changes.filter(({ path, after }) => after?.mode.startsWith("100") && mayBeRead(path));
	const contents = await objectContents(git, [...new Set(wanted.flatMap(({ after }) => (after ? [after.oid] : [])))]);
	const read = (file: string, oid: string) => {
		const content = contents.get(oid);
		if (content && content.length <= maxBytes) return content.toString("utf8");
		throw new AgentvError("config", `${file} is not a text file that a sync reads`);
	};
	const files = changes.map(({ path, after }) => {
		const file = join(git.root, path);
		const isFile = after && after.mode !== "160000";
		return [file, isFile ? () => read(file, after.oid) : undefined] as const;
	});
	return overlayDiskView(view, new Map(files));
}

function mayBeRead(path: string): boolean {
	const name = basename(path);
	return (
		/\.(ya?ml|jsonl?|md|txt|env|[cm]?[jt]sx?|py|(ba|z)?sh)$/i.test(name) ||
		!name.includes(".") ||
		name.startsWith(".env")
	);
}

/** Reads contents with one git command, by name; omits missing objects. Offline. */
async function objectContents(git: CloneGit, oids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
	const contents = new Map<string, Buffer>();
	if (oids.length === 0) return contents;
	const { stdoutBytes } = await git.local(["cat-file", "--batch"], { input: `${oids.join("\n")}\n` });
	for (let at = 0; at < stdoutBytes.length; ) {
		const end = stdoutBytes.indexOf(0x0a, at);
		if (end === -1) break;
		const [oid = "", , size] = stdoutBytes.toString("latin1", at, end).split(" ");
		at = end + 1;
		// A missing object is a single line.
		if (size === undefined) continue;
		contents.set(oid, stdoutBytes.subarray(at, at + Number(size)));
		at += Number(size) + 1;
	}
	return contents;
}

/**
 * Describes what a move to the wanted commit changes; null if no file does. Loads evals as they are
 * and as they will be, without checkout. Files in opaque shell texts are unknown.
 */
export async function describeChanges(seen: Seen, env: Environment): Promise<SyncChanges | null> {
	const { incoming, observation, clone } = seen;
	if (incoming.length === 0 || !clone) return null;
	const relation = observation.clone?.relation;
	const isBranch = observation.remote.wanted?.kind === "branch";
	return {
		commits: isBranch && relation ? relation.behind : null,
		added: incoming.flatMap(({ path, before }) => (before ? [] : [path])),
		changed: incoming.flatMap(({ path, before, after }) => (before && after ? [path] : [])),
		removed: incoming.flatMap(({ path, after }) => (after ? [] : [path])),
		...(await changedEvals(clone.git, incoming, env)),
	};
}

async function changedEvals(
	git: CloneGit,
	incoming: readonly TreeChange[],
	env: Environment,
): Promise<Pick<SyncChanges, "evals" | "executes">> {
	const { root } = git;
	const view = openDiskView();
	const before: Side = { view, env, root, targetCache: targetCache() };
	const after: Side = { ...before, view: await futureView(git, incoming, view), targetCache: targetCache() };
	const there = await findEvals(root);
	const added = incoming
		.filter(({ path, after: side }) => side && isEvalName(path))
		.map(({ path }) => join(root, path));
	const changed = new ChangedPaths(root, incoming);
	const evals: TouchedEval[] = [];
	const executes: ExecutableChange[] = [];
	for (const file of [...new Set([...there.files.map((path) => join(root, path)), ...added])].sort()) {
		const { touched, executes: more } = evalChanges(file, before, after, changed);
		if (touched) evals.push(touched);
		executes.push(...more);
		// Many evals take a while: yield to other work in this process.
		await new Promise((resolve) => setImmediate(resolve));
	}
	return { evals, executes: distinctFirst(executes) };
}

/** Moves repetitions to the end, so that a truncated list still has every change. */
function distinctFirst(changes: readonly ExecutableChange[]): ExecutableChange[] {
	const seen = new Set<string>();
	const first: ExecutableChange[] = [];
	const again: ExecutableChange[] = [];
	for (const change of changes) {
		const key = `${change.kind} ${change.what}`;
		(seen.has(key) ? again : first).push(change);
		seen.add(key);
	}
	return [...first, ...again];
}
