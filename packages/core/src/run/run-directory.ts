import { basename, join, relative } from "node:path";
import { accessOf } from "../eval/access.ts";
import { executedCommands } from "../eval/command-files.ts";
import { benchmarkOfFile, findScope, type Reach } from "../eval/discover-evals.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import { evalEnvironment, loadEval, withEnvFile } from "../eval/load-eval.ts";
import { loadTargets, type TargetScope } from "../eval/load-targets.ts";
import { evalVariables } from "../eval/resolve-command.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { digestName, signatureName } from "../eval/run-digest.ts";
import { type DiskView, openDiskView } from "../eval/source.ts";
import { accessOfReceived, newAccess, ownLinks } from "../eval/trust.ts";
import { AgentvError, type Diagnostic } from "../lib/errors.ts";
import { redactText } from "../lib/redact.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import { safeName } from "../lib/text.ts";
import {
	isStagedName,
	listDirectory,
	makeDirectories,
	removeEmptyDirectory,
	stagedState,
	sweepStagedFiles,
} from "../machine/directories.ts";
import { agentvHome, type Environment, writeOwnFile } from "../machine/environment.ts";
import { pathKind, realPath, targetKind } from "../machine/files.ts";
import { listEntry } from "../machine/find-files.ts";
import { repositoryRoot } from "../machine/git-repository.ts";
import { isLocked, isLockName } from "../machine/lock.ts";
import { readBytes, readTextFile } from "../machine/read-file.ts";
import { digestText, FileDigests } from "../machine/tree-notes.ts";
import { moveIntoPlace, removeFile, writeAtomic } from "../machine/write-file.ts";
import { receivedChoice, refuseRecordedFiles } from "./received-run.ts";
import type { PlannedCase, PlannedEval, PlannedGraderTarget, RunAccess, RunPlan } from "./run-plan.ts";
import type { RunMachine, RunRequest } from "./run-request.ts";

/** Where a run's records go. */
export interface RunDirectory {
	/** Absolute. */
	readonly path: string;
	/** Whether it contains the run to resume. */
	readonly resumes: boolean;
}

/** A link points elsewhere, a pipe blocks, and a file has no entries. */
const written = [
	["tests", "directory"],
	...["run.json", "index.jsonl", "summary.json", "logs.json", digestName, signatureName].map(
		(name) => [name, "file"] as const,
	),
] as const;
/** Without these a run can't be resumed, or would run again. */
const needed = ["run.json", "tests"];

/**
 * Creates the run directory that the user specified. One with a run is only accepted to resume it,
 * one with anything else never; leftovers of a run that was killed at its start don't count.
 * @throws AgentvError `config`
 */
export function claimNamed(path: string, resume: boolean): RunDirectory {
	const kind = targetKind(path);
	if (kind !== "missing" && kind !== "directory") throw new AgentvError("config", `${path} is not a directory`);
	const holdsRun = pathKind(join(path, "run.json")) !== "missing";
	if (holdsRun && !resume)
		throw new AgentvError("config", `${path} already contains a run`, {
			hint: "Resume it with --resume, or choose another directory.",
		});
	sweepStagedFiles(path);
	for (const { name, kind, found } of misplaced(path)) {
		if (holdsRun && !needed.includes(name)) continue;
		const what = found === "other" ? `not a ${kind}` : `a ${found}, not a ${kind}`;
		throw new AgentvError("config", `${join(path, name)} is ${what}`, {
			hint: "A run only writes to regular files and directories: remove this one, or choose another directory.",
		});
	}
	if (holdsRun) return { path: realPath(path), resumes: true };
	if (!isUnbegun(path))
		throw new AgentvError("config", `${path} is not empty and does not contain a run`, {
			hint: "Choose a new or empty directory.",
		});
	makeDirectories(path);
	ignoreAll(path);
	return { path: realPath(path), resumes: false };
}

function misplaced(directory: string) {
	return written
		.map(([name, kind]) => ({ name, kind, found: pathKind(join(directory, name)) }))
		.filter(({ kind, found }) => found !== "missing" && found !== kind);
}

/**
 * Clears the paths of a resumed run's records: entries without content (links, pipes, empty
 * directories) are removed, others are moved next to the run's directory. An index that is a link
 * is replaced with its target.
 * @returns what was done, as sentences without a full stop
 */
export function makeWay(directory: string): string[] {
	return misplaced(directory).map(({ name, kind, found }) => {
		const path = join(directory, name);
		const what = `${path} was ${found === "other" ? `not a ${kind}` : `a ${found}, not a ${kind}`}`;
		if (name === "index.jsonl" && found === "link" && targetKind(path) === "file") {
			const content = readBytes(path, { maxBytes: 2 ** 29 });
			removeFile(path);
			writeAtomic(path, content, { noFollow: true });
			return `${what}: it was replaced with its target`;
		}
		if (found === "directory" && !removeEmptyDirectory(path)) {
			const aside = freeName(`${directory}.${name}`);
			moveIntoPlace(path, aside);
			return `${what}: it was moved to ${aside}`;
		}
		if (found !== "directory") removeFile(path);
		return `${what}: it was removed`;
	});
}

function freeName(path: string): string {
	let free = path;
	for (let number = 2; pathKind(free) !== "missing"; number += 1) free = `${path}-${number}`;
	return free;
}

/** Leftovers of a run that was killed at its start don't count. */
export function isUnbegun(directory: string): boolean {
	return (
		["missing", "directory"].includes(targetKind(directory)) &&
		listDirectory(directory).every((name) => isOfBeginning(join(directory, name), name))
	);
}

function isOfBeginning(path: string, name: string): boolean {
	if (isLockName(name) || isStagedName(name)) return pathKind(path) === "file";
	switch (name) {
		case ".gitignore":
			return pathKind(path) === "file" && ["", ignoresAll].includes(readTextFile(path));
		// Earlier versions created these before `run.json`.
		case "tests":
			return pathKind(path) === "directory" && listDirectory(path).length === 0;
		case "index.jsonl":
			return pathKind(path) === "file" && listEntry(path).size === 0;
		default:
			return false;
	}
}

/** Creates a new directory `<root>/<experiment>/<time>`; a number is added to a used time. */
export function claimNew(root: string, experiment: string, time: Date, results: string): RunDirectory {
	makeDirectories(results);
	ignoreAll(results);
	const parent = join(root, experimentFolder(experiment));
	makeDirectories(parent);
	removeUnbegun(parent);
	const stamp = time
		.toISOString()
		.replaceAll(":", "-")
		.replace(/\.\d+Z$/, "Z");
	for (let number = 1; ; number++) {
		const path = join(parent, number === 1 ? stamp : `${stamp}-${number}`);
		if (makeDirectories(path)) return { path: realPath(path), resumes: false };
	}
}

/** Returns the experiment's directory name: the plain name, or one derived from it. */
function experimentFolder(experiment: string): string {
	return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(experiment) ? experiment : safeName(experiment);
}

/** Removes leftovers of runs that were killed at their start, but not starting ones. */
function removeUnbegun(parent: string): void {
	for (const name of listDirectory(parent)) {
		const path = join(parent, name);
		if (!/^\d{4}-\d\d-\d\dT/.test(name) || pathKind(path) !== "directory" || !isUnbegun(path)) continue;
		const inner = listDirectory(path);
		const hasOwner = inner.some((one) => isLockName(one) || stagedState(join(path, one)) === "left");
		if (inner.length === 0 && Date.now() - listEntry(path).mtimeMs > beginningMs) removeEmptyDirectory(path);
		if (!hasOwner || isLocked(path, { lockDirectory: path })) continue;
		for (const one of inner) if (pathKind(join(path, one)) === "file") removeFile(join(path, one));
		removeEmptyDirectory(join(path, "tests"));
		removeEmptyDirectory(path);
	}
}

/** A process locks a directory a moment after creating it. */
const beginningMs = 60_000;
const ignoresAll = "*\n";

/** Results never make a repository dirty. */
function ignoreAll(directory: string): void {
	const file = join(directory, ".gitignore");
	// A killed process can have left it empty.
	if (pathKind(file) === "missing" || (pathKind(file) === "file" && listEntry(file).size === 0))
		writeOwnFile(file, ignoresAll);
}

/** An eval with everything that planning needs. */
export interface ObservedEval {
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly planned: PlannedEval;
}

export interface Observed {
	readonly evals: readonly ObservedEval[];
	readonly view: DiskView;
	/** Values of `--env-file`, overridden by the process environment. */
	readonly env: Environment;
}

/**
 * Loads the evals of a request and their targets.
 * @throws AgentvError `config` with all findings if one does not load completely: no test is
 * dropped; `usage` if a record names files that the user must name
 */
export function observeRun(request: RunRequest, { env: processEnv, cwd }: RunMachine): Observed {
	const view = openDiskView();
	refuseRecordedFiles(request, cwd, view);
	const reach: Reach = {
		allowed: [
			...(request.allowOutside ?? []).map((path) => realPath(path)),
			...ownLinks(request.named ?? [], processEnv, view),
		],
		ownFiles:
			request.targetsFile === undefined || request.recorded?.options.includes("targetsFile")
				? []
				: [request.targetsFile],
		option: "--allow-outside",
	};
	const env = withEnvFile(processEnv, request.envFile);
	const loaded = request.evals.map((file) => loadEval(file, { view, env, cwd, reach }));
	const broken = loaded.flatMap(({ diagnostics }) => diagnostics.filter(({ severity }) => severity === "error"));
	if (broken.length > 0) throw cannotLoad(broken);
	const labels = labelsOf(loaded, cwd);
	const evals = loaded.map((one, index): ObservedEval => {
		const own = evalEnvironment(one.scope, env, view);
		const targets = loadTargets(one.scope, {
			view,
			env: own,
			...(request.targetsFile === undefined ? {} : { targetsFile: request.targetsFile }),
		});
		return { loaded: one, targets, planned: plannedEval(one, labels[index] ?? one.file, own) };
	});
	return { evals, view, env };
}

function cannotLoad(diagnostics: readonly Diagnostic[]): AgentvError {
	const files = new Set(diagnostics.map(({ at }) => at.file));
	const where = files.size === 1 ? [...files][0] : `${files.size} files`;
	return new AgentvError("config", `${where} can't be loaded`, {
		diagnostics,
		hint: "Nothing was run. `agentv eval validate` shows all findings.",
	});
}

function plannedEval(loaded: LoadedEval, label: string, env: Environment): PlannedEval {
	const { file, name, scope, workers, budgetUsd, experiment } = loaded;
	return {
		...{ label, file, name, scope, env, workers, budgetUsd, experiment, bundle: loaded.bundle },
		digest: sourcesDigest(loaded),
		sources: sourcesOf(loaded),
		variables: variablesOf(loaded, env),
	};
}

function sourcesOf({ sources, files }: LoadedEval): PlannedEval["sources"] {
	const texts = [...sources].map(([path, { text }]) => ({ path, sha256: digestText(text) }));
	// A prompt file is text, not a document.
	const prompts = new Set(files.filter(({ kind }) => kind === "prompt").map(({ resolved }) => resolved));
	const digests = new FileDigests();
	return [...texts, ...[...prompts].map((path) => ({ path, sha256: digests.of(path) }))];
}

function variablesOf(loaded: LoadedEval, env: Environment): PlannedEval["variables"] {
	const names = new Set(evalVariables(loaded).map(({ name }) => name));
	return Object.fromEntries(
		[...names].flatMap((name) => {
			const value = env[name];
			return value === undefined || isSecretName(name) || redactText(value) !== value
				? []
				: [[name, digestText(value).slice(0, 16)]];
		}),
	);
}

/** Covers the texts that loading read, in order. */
function sourcesDigest({ sources }: LoadedEval): string {
	return digestText([...sources.values()].map(({ text }) => digestText(text)).join("\n"));
}

/** Returns paths from the root, or from the working directory if not unique. */
function labelsOf(loaded: readonly LoadedEval[], cwd: string): string[] {
	const short = loaded.map(({ file, scope }) => slashes(relative(scope.root, file)));
	return short.map((label, index) => {
		const file = loaded[index]?.file ?? label;
		return short.indexOf(label) === short.lastIndexOf(label) ? label : slashes(relative(cwd, file));
	});
}

function slashes(path: string): string {
	return path.replaceAll("\\", "/");
}

export interface ResultsPlace {
	/** Contains the experiments' directories. */
	readonly root: string;
	/** The directory whose content git ignores. */
	readonly ignored: string;
}

/**
 * Returns where records go: the project's results directory, or below `$AGENTV_HOME` for bundles
 * and synced benchmarks, which a run must not change.
 */
export function resultsPlace({ evals, view }: RunPlan, { env, cwd }: RunMachine): ResultsPlace {
	const names = evals.flatMap((one) => untouchable(one, env) ?? []);
	const own = findScope(cwd, cwd, view);
	const here = names[0] ?? (own.rootKind === "bundle" ? bundleName(own.root) : undefined);
	if (here !== undefined) {
		const ignored = join(agentvHome(env), "results");
		return { root: join(ignored, here), ignored };
	}
	const ignored = join(repositoryRoot(cwd) ?? cwd, ".agentv", "results");
	return { root: join(ignored, "runs"), ignored };
}

/** Returns the name of an eval's benchmark or bundle, in which a run must not write. */
function untouchable({ file, scope }: PlannedEval, env: RunMachine["env"]): string | undefined {
	const benchmark = benchmarkOfFile(file, env);
	if (benchmark?.isGitBacked) return benchmark.id;
	return scope.rootKind === "bundle" ? bundleName(scope.root) : undefined;
}

/** Returns the name of the bundle's directory. */
function bundleName(root: string): string {
	return experimentFolder(basename(root));
}

export function accessOfRun(
	{ evals, view }: Observed,
	cases: readonly PlannedCase[],
	graderTargets: readonly PlannedGraderTarget[],
	request: RunRequest,
	{ env }: RunMachine,
): RunAccess {
	const used = evals.map((one) => usedOf(one, cases, graderTargets, request));
	const ofEval = evals.map(({ loaded, targets: scope, planned }, index) =>
		accessOf({ loaded, scope, ...(used[index] ?? nothing), env: planned.env, view }),
	);
	const access = ofEval.flat();
	const received = receivedChoice(request, env);
	if (request.trust === "any") return { access, newAccess: [], isReceived: received !== undefined };
	const found = newAccess(access, { env, view });
	if (!received) return { access, newAccess: found, isReceived: false };
	const { isChosen, run, ownFiles } = received;
	const items = evals.flatMap(({ loaded }, index) => {
		if (!isChosen[index]) return [];
		const { tests, targets } = used[index] ?? nothing;
		const programs = executedCommands({ ...loaded, tests }, targets).map(({ text, at }) => {
			return { kind: "program" as const, value: text, at, files: [at.file] };
		});
		return [...(ofEval[index] ?? []), ...programs];
	});
	return { access, newAccess: [...found, ...accessOfReceived(items, run, { env, view, ownFiles })], isReceived: true };
}

type Used = Pick<Parameters<typeof accessOf>[0], "targets" | "tests">;

const nothing: Used = { targets: [], tests: [] };

function usedOf(
	{ planned }: ObservedEval,
	cases: readonly PlannedCase[],
	graderTargets: readonly PlannedGraderTarget[],
	{ regrade }: RunRequest,
): Used {
	const own = cases.filter((one) => one.eval === planned);
	const targets = new Set<ResolvedTarget>();
	// Recorded answers are graded without their targets.
	if (!regrade) for (const { target } of own) for (const one of [target.target, ...target.fallbacks]) targets.add(one);
	for (const one of graderTargets) if (one.eval === planned) targets.add(one.target);
	return { targets: [...targets], tests: [...new Set(own.map(({ test }) => test))] };
}
