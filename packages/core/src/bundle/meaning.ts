import { join, relative, resolve, sep } from "node:path";
import { manifestName } from "../eval/bundle-manifest.ts";
import type { CommandSpec } from "../eval/command.ts";
import { workingDirectory } from "../eval/command-files.ts";
import type { LoadedEval, Suite, TargetChoice } from "../eval/eval-types.ts";
import { type FileNames, Meaning } from "../eval/fingerprint.ts";
import { loadEval } from "../eval/load-eval.ts";
import { loadTargets } from "../eval/load-targets.ts";
import { isAddress, resolvePath, stripScheme } from "../eval/read-shape.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { type DiskView, entriesOf, openDiskView } from "../eval/source.ts";
import { collectReferences } from "../eval/visit.ts";
import { AgentvError, type Diagnostic } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside } from "../machine/files.ts";
import type { BundlePlan } from "./bundle-plan.ts";
import { selectTargets, type TargetSelection } from "./load-source.ts";
import type { RewriteInput } from "./rewriter.ts";

/** Returns plain values that are equal for a source and its bundle. */
function meaningOf(
	{ tests, workers, budgetUsd, experiment, requires }: LoadedEval,
	targets: ReadonlyMap<string, ResolvedTarget>,
	names: FileNames,
	withChoices: boolean,
): unknown {
	const meaning = new Meaning(names, ["vars", "metadataFiles", "repo", "repoAt", "commit"]);
	const suites = new Map<Suite, unknown>();
	const suiteOf = (suite: Suite) => {
		const { file: _, name: __, workspace: ___, ...rest } = suite;
		const known =
			suites.get(suite) ?? meaning.of({ ...rest, targets: withChoices ? namesOf(rest.targets) : undefined });
		suites.set(suite, known);
		return known;
	};
	return plain({
		...{ workers, budgetUsd, experiment, requires },
		tests: tests.map(({ suite, target, workspace = suite.workspace, ...test }) => ({
			...meaning.fields({ ...test, workspace, target: withChoices ? target?.name : undefined }),
			suite: suiteOf(suite),
		})),
		targets: [...targets]
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([name, target]) => ({ ...meaning.target(target), name })),
	});
}

function namesOf(choices: readonly TargetChoice[]): string[] {
	return choices.map(({ name }) => name);
}

/** Never includes values, which can be secret; undefined if equal. */
function firstDifference(a: unknown, b: unknown, path = ""): string | undefined {
	if (Object.is(a, b)) return undefined;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return path || "the eval";
	const left = a as Record<string, unknown>;
	const right = b as Record<string, unknown>;
	for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
		const difference = firstDifference(left[key], right[key], path === "" ? key : `${path}.${key}`);
		if (difference !== undefined) return difference;
	}
	return undefined;
}

/** A path outside the bundle stays absolute. */
function nameInBundle(root: string, path: string): string {
	return isInside(root, path) ? relative(root, path).split(sep).join("/") : path;
}

function isRunTime({ cwd }: CommandSpec): boolean {
	return cwd?.raw.includes("{{") ?? false;
}

/** A missing file, or an address, is named by its text. */
function fileNames(
	{ scope }: LoadedEval,
	view: DiskView,
	file: FileNames["file"],
	workingDirectory: FileNames["workingDirectory"],
): FileNames {
	return {
		...{ scope, view, file },
		path(text) {
			if (isAddress(text.raw)) return text.raw;
			const { found, path } = resolvePath(text, scope, view);
			return found === undefined ? stripScheme(text.raw) : file(path, text.kind);
		},
		workingDirectory: (command) =>
			isRunTime(command) || command.kind === "custom-grader" || (command.kind === "target-command" && !command.cwd)
				? undefined
				: workingDirectory(command),
	};
}

function plain(value: unknown): unknown {
	return JSON.parse(JSON.stringify(value));
}

export function sourceMeaning(
	loaded: LoadedEval,
	selection: TargetSelection,
	{ places, bound, evalDirectory }: RewriteInput,
	view: DiskView,
	withChoices: boolean,
): unknown {
	const names = fileNames(
		loaded,
		view,
		(path, kind) => places.named(kind, path, view.kind(path) === "directory") ?? path,
		(command) => {
			const directory = command.cwd
				? resolvePath(command.cwd, loaded.scope, view).path
				: workingDirectory(command, evalDirectory);
			if (directory === undefined) return undefined;
			if (command.cwd && places.named("working-directory", directory, true) === undefined) return directory;
			return places.workingDirectory(directory, bound.has(command));
		},
	);
	return meaningOf(loaded, selection.named, names, withChoices);
}

/** Enough of a manifest to be recognized: reading one with 50,000 files is slow. */
const stubManifest = `{"format_version": 1, "digest": "${"0".repeat(64)}"}`;

function confinedView(view: DiskView, root: string): DiskView {
	const inside = (path: string) => isInside(root, path);
	return {
		kind: (path) => (inside(path) ? view.kind(path) : "missing"),
		list: (directory) => (inside(directory) ? view.list(directory) : []),
		entries: (directory) => (inside(directory) ? entriesOf(view, directory) : new Map()),
		otherCase: (path) => (inside(path) ? view.otherCase(path) : undefined),
		readText(path) {
			if (!inside(path)) throw new AgentvError("not-found", `${path} is outside the bundle`);
			return path === join(root, manifestName) ? stubManifest : view.readText(path);
		},
	};
}

/** Loads the bundle in isolation. @throws AgentvError `refused` if it is not self-contained */
export function checkBundle(plan: BundlePlan, root: string): void {
	if (plan.kind !== "bundle") return;
	const alone = load(plan, root, plan.env);
	const problems = [...errors(alone.loaded.diagnostics), ...errors(alone.selection.diagnostics)];
	if (problems.length > 0) throw refused("the written bundle does not load", problems);
	for (const { state, raw, kind } of alone.references.files) {
		const needed = kind !== "metadata-file" && (state === "missing" || state === "outside-root");
		if (needed && !isExpected(plan, raw)) throw refused(`the bundle would be missing ${JSON.stringify(raw)}`);
	}
	const file = (path: string) => nameInBundle(root, path);
	const names = fileNames(alone.loaded, alone.view, file, ({ cwd, base }) =>
		file(cwd ? resolve(cwd.base, cwd.raw) : base),
	);
	const meaning = meaningOf(alone.loaded, alone.selection.named, names, plan.keepsChoices);
	const difference = firstDifference(plan.meaning, meaning);
	if (difference !== undefined)
		throw refused(`the bundle would differ in meaning from its source: ${difference} differs`);
	checkWithoutEnvironment(plan, root);
}

/** A warning reports paths that are also missing in the source, or stay on the machine. */
function isExpected(plan: BundlePlan, raw: string): boolean {
	return plan.warnings.some(({ data, rule }) => data.raw === raw && /^path\.(missing|absolute)$/.test(rule));
}

/** Without any variables, only required ones may be missing. */
function checkWithoutEnvironment(plan: BundlePlan, root: string): void {
	const required = plan.manifest.variables.filter((variable) => variable.required).map(({ name }) => name);
	if (required.length > 0) return;
	const alone = load(plan, root, {});
	const problems = [...errors(alone.loaded.diagnostics), ...errors(alone.selection.diagnostics)];
	if (problems.length > 0) throw refused("the written bundle does not load with no variable set", problems);
}

function load(plan: BundlePlan, root: string, env: Environment) {
	const view = confinedView(openDiskView(), root);
	const loaded = loadEval(join(root, "eval.yaml"), { view, env, cwd: root });
	const scope = loadTargets(loaded.scope, { view, env });
	const selection = selectTargets(loaded, scope, []);
	return { view, loaded, selection, references: collectReferences(loaded, selection.all, view), plan };
}

function errors(diagnostics: readonly Diagnostic[]): Diagnostic[] {
	return diagnostics.filter(({ severity }) => severity === "error");
}

function refused(message: string, diagnostics: readonly Diagnostic[] = []): AgentvError {
	// Omit locations: their directory is removed before they are read.
	const said = diagnostics.map((diagnostic) => diagnostic.message).slice(0, 5);
	return new AgentvError("refused", [message, ...said].join(": "), {
		hint: "nothing was written; this is probably a bug in AgentV",
	});
}
