import { randomBytes } from "node:crypto";
import { basename, join } from "node:path";
import { benchmarkOfFile, findScope } from "../eval/discover-evals.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { digestName, signatureName } from "../eval/run-digest.ts";
import type { PlannedTest, RunFile } from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { omitUndefined, readJson } from "../lib/json.ts";
import { safeName } from "../lib/text.ts";
import {
	isStagedName,
	listDirectory,
	makeDirectories,
	removeEmptyDirectory,
	stagedState,
	sweepStagedFiles,
} from "../machine/directories.ts";
import { agentvHome, nodeVersion, writeOwnFile } from "../machine/environment.ts";
import { pathKind, realPath, targetKind } from "../machine/files.ts";
import { listEntry } from "../machine/find-files.ts";
import { currentBranch, foreignRepository, headCommit, isDirty, repositoryRoot } from "../machine/git-repository.ts";
import { isLocked, isLockName } from "../machine/lock.ts";
import { readBytes, readTextFile } from "../machine/read-file.ts";
import { moveIntoPlace, removeFile, writeAtomic } from "../machine/write-file.ts";
import type { LiveTargets } from "./live-targets.ts";
import { originRecord } from "./plan-run.ts";
import {
	type PlannedCase,
	type PlannedEval,
	plannedList,
	plannedTargets,
	type RunPlan,
	targetRecord,
} from "./run-plan.ts";
import { type RunMachine, requestFlags } from "./run-request.ts";
import type { Coverage } from "./shards.ts";

/** Only the expected kinds may be at these paths: a link points elsewhere, and a pipe blocks. */
const written = [
	["tests", "directory"],
	...["run.json", "index.jsonl", "summary.json", "logs.json", digestName, signatureName].map(
		(name) => [name, "file"] as const,
	),
] as const;
/** Without these a run can't be resumed. */
const needed = ["run.json", "tests"];

/**
 * Accepts an empty directory, leftovers of a killed run, or the run to resume.
 * @throws AgentvError `config`
 */
export function claimNamed(path: string, resume: boolean): string {
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
	if (holdsRun) return realPath(path);
	if (!isUnbegun(path))
		throw new AgentvError("config", `${path} is not empty and does not contain a run`, {
			hint: "Choose a new or empty directory.",
		});
	makeDirectories(path);
	ignoreAll(path);
	return realPath(path);
}

function misplaced(directory: string) {
	return written
		.map(([name, kind]) => ({ name, kind, found: pathKind(join(directory, name)) }))
		.filter(({ kind, found }) => found !== "missing" && found !== kind);
}

/**
 * Moves or removes what is at the paths of a resumed run's records.
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

/** Returns true for leftovers of a run that was killed at its start. */
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

function claimNew(root: string, experiment: string, time: Date, results: string): string {
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
		if (makeDirectories(path)) return realPath(path);
	}
}

function experimentFolder(experiment: string): string {
	return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(experiment) ? experiment : safeName(experiment);
}

function removeUnbegun(parent: string): void {
	for (const name of listDirectory(parent)) {
		const path = join(parent, name);
		if (!/^\d{4}-\d\d-\d\dT/.test(name) || pathKind(path) !== "directory" || !isUnbegun(path)) continue;
		const inner = listDirectory(path);
		const hasOwner = inner.some((name) => isLockName(name) || stagedState(join(path, name)) === "left");
		if (inner.length === 0 && Date.now() - listEntry(path).mtimeMs > beginningMs) removeEmptyDirectory(path);
		if (!hasOwner || isLocked(path, { lockDirectory: path })) continue;
		for (const name of inner) if (pathKind(join(path, name)) === "file") removeFile(join(path, name));
		removeEmptyDirectory(join(path, "tests"));
		removeEmptyDirectory(path);
	}
}

/** A process locks a directory shortly after creating it. */
const beginningMs = 60_000;
const ignoresAll = "*\n";

/** Keeps results from making a repository dirty. */
function ignoreAll(directory: string): void {
	const file = join(directory, ".gitignore");
	// A killed process can have left it empty.
	if (pathKind(file) === "missing" || (pathKind(file) === "file" && listEntry(file).size === 0))
		writeOwnFile(file, ignoresAll);
}

interface ResultsPlace {
	readonly root: string;
	readonly ignored: string;
}

/** Bundles and synced benchmarks must not change, so their results are in `$AGENTV_HOME`. */
function resultsPlace({ evals, view }: RunPlan, { env, cwd }: RunMachine): ResultsPlace {
	const names = evals.flatMap((planned) => untouchable(planned, env) ?? []);
	const own = findScope(cwd, cwd, view);
	const here = names[0] ?? (own.rootKind === "bundle" ? bundleName(own.root) : undefined);
	if (here !== undefined) {
		const ignored = join(agentvHome(env), "results");
		return { root: join(ignored, here), ignored };
	}
	const ignored = join(repositoryRoot(cwd) ?? cwd, ".agentv", "results");
	return { root: join(ignored, "runs"), ignored };
}

export function newDirectory(plan: RunPlan, machine: RunMachine): string {
	const { root, ignored } = resultsPlace(plan, machine);
	return claimNew(root, plan.experiment, new Date(), ignored);
}

function untouchable({ file, scope }: PlannedEval, env: RunMachine["env"]): string | undefined {
	const benchmark = benchmarkOfFile(file, env);
	if (benchmark?.isGitBacked) return benchmark.id;
	return scope.rootKind === "bundle" ? bundleName(scope.root) : undefined;
}

function bundleName(root: string): string {
	return experimentFolder(basename(root));
}

interface NewRunFileOptions {
	readonly signal: AbortSignal;
	readonly targets: LiveTargets;
	readonly coverage: Coverage;
	/** Present if the run completes another one; its missing tests. */
	readonly completes?: { readonly run: RunFile; readonly planned: readonly PlannedTest[] };
}

export async function newRunFile(plan: RunPlan, machine: RunMachine, options: NewRunFileOptions): Promise<RunFile> {
	const git = await ifKnown(() => gitState(plan, machine, options.signal));
	const [first] = plan.evals;
	const benchmark = first && (await ifKnown(() => benchmarkState(first, machine, options.signal)));
	const bundle = first && bundleState(first);
	const startedAt = new Date().toISOString();
	const from = options.completes?.run ?? (plan.origin?.kind === "regrade" ? plan.origin.run : undefined);
	return omitUndefined({
		formatVersion: 1 as const,
		runId: `${startedAt.replace(/[-:]|\.\d+/g, "")}-${randomBytes(3).toString("hex")}`,
		...{ experiment: plan.experiment, startedAt, agentvVersion: machine.version, nodeVersion },
		...madeOfNow(plan, options),
		...{ origin: plan.origin && originRecord(plan.origin), git, benchmark, bundle },
		...{ flags: requestFlags(plan.request), planned: plannedList(plan.evals, plan.cases) },
		...partOf(plan, options),
		// Use the commits of the other run: a branch can have moved.
		repositories: from?.repositories,
	});
}

export function resumedRunFile(
	run: RunFile,
	plan: RunPlan,
	cases: readonly PlannedCase[],
	options: Pick<NewRunFileOptions, "targets" | "coverage">,
): RunFile {
	const now = madeOfNow(plan, options);
	// The lists of tests refer to evals by position.
	const order = new Map(run.evals.map(({ file }, position) => [file, position]));
	const inOrder = <Eval>(evals: readonly Eval[], labelOf: (item: Eval) => string) =>
		[...evals].sort((a, b) => (order.get(labelOf(a)) ?? 0) - (order.get(labelOf(b)) ?? 0));
	const evals = inOrder(now.evals, ({ file }) => file);
	const planned = plannedList(
		inOrder(plan.evals, ({ label }) => label),
		cases,
	);
	return { ...run, ...now, evals, planned };
}

/** These inputs can change until a run is resumed. */
function madeOfNow(
	plan: RunPlan,
	{ targets, coverage }: Pick<NewRunFileOptions, "targets" | "coverage">,
): Pick<RunFile, "evals" | "targets" | "graderTargets" | keyof Coverage> {
	const record = (target: ResolvedTarget) => targetRecord(target, targets.facts(target));
	const judges = new Map(plan.graderTargets.map(({ target }) => [target.name, target]));
	return {
		evals: plan.evals.map(({ label, file, name, digest }) => ({ file: label, path: file, name, digest })),
		// Includes the targets of other shards, which share the plan.
		targets:
			plan.origin?.kind === "regrade"
				? plan.origin.run.targets
				: plannedTargets(plan.shard?.whole ?? plan.cases).map(record),
		...(judges.size > 0 ? { graderTargets: [...judges.values()].map(record) } : {}),
		files: [...coverage.files],
		opaque: [...coverage.opaque],
		variables: coverage.variables,
		fingerprints: [...coverage.fingerprints],
	};
}

function partOf({ evals, shard }: RunPlan, { completes }: NewRunFileOptions): Partial<RunFile> {
	if (completes) {
		const { run, planned } = completes;
		const { index: _, ...sharding } = run.shard ?? {};
		return {
			planned: [...planned],
			whole: run.whole ?? run.planned,
			...("count" in sharding ? { shard: sharding } : {}),
		};
	}
	if (!shard) return {};
	const { index, count, assigned, balancedBy, whole } = shard;
	return {
		shard: omitUndefined({ index, count, balancedBy, assigned: [...assigned] }),
		whole: plannedList(evals, whole),
	};
}

async function gitState({ evals }: RunPlan, { env }: RunMachine, signal: AbortSignal): Promise<RunFile["git"]> {
	const root = evals[0] && repositoryRoot(evals[0].scope.directory);
	if (root === undefined) return undefined;
	const options = { env, signal, ...foreignRepository(root, env) };
	const [commit, branch, dirty] = await Promise.all([
		headCommit(root, options),
		currentBranch(root, options),
		isDirty(root, options),
	]);
	return commit === undefined ? undefined : omitUndefined({ commit, dirty, branch });
}

async function benchmarkState(
	{ file }: PlannedEval,
	{ env }: RunMachine,
	signal: AbortSignal,
): Promise<RunFile["benchmark"]> {
	const benchmark = benchmarkOfFile(file, env);
	if (!benchmark) return undefined;
	const root = repositoryRoot(benchmark.root);
	const revision = root && (await headCommit(root, { env, signal, ...foreignRepository(root, env) }));
	return omitUndefined({ id: benchmark.id, revision });
}

function bundleState({ scope }: PlannedEval): RunFile["bundle"] {
	if (scope.rootKind !== "bundle") return undefined;
	const read = readJson(readTextFile(join(scope.root, "manifest.json"), { maxBytes: 2 ** 29 }));
	const digest = "value" in read ? (read.value as { digest?: unknown } | null)?.digest : undefined;
	return typeof digest === "string" ? { name: basename(scope.root), digest } : undefined;
}

/** Without git, or in an unreadable repository, the record has less information. */
async function ifKnown<Value>(look: () => Promise<Value>): Promise<Value | undefined> {
	try {
		return await look();
	} catch (error) {
		if (error instanceof AgentvError && error.code !== "interrupted") return undefined;
		throw error;
	}
}
