import { randomBytes } from "node:crypto";
import { basename, join } from "node:path";
import { benchmarkOfFile } from "../eval/discover-evals.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import type { PlannedTest, RunFile } from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { omitUndefined, readJson } from "../lib/json.ts";
import { nodeVersion } from "../machine/environment.ts";
import { currentBranch, foreignRepository, headCommit, isDirty, repositoryRoot } from "../machine/git-repository.ts";
import { readTextFile } from "../machine/read-file.ts";
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

export interface NewRunFileOptions {
	readonly signal: AbortSignal;
	readonly targets: LiveTargets;
	readonly coverage: Coverage;
	/** For missing tests of another run: that run, and these tests. */
	readonly completes?: { readonly run: RunFile; readonly planned: readonly PlannedTest[] };
}

/** Returns the record of a run before it starts. */
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
		// Missing tests and regraded answers use the commits of the other run: a branch can have moved.
		repositories: from?.repositories,
	});
}

/** Returns the record of a resumed run, with its current inputs. */
export function resumedRunFile(
	run: RunFile,
	plan: RunPlan,
	cases: readonly PlannedCase[],
	options: Pick<NewRunFileOptions, "targets" | "coverage">,
): RunFile {
	const now = madeOfNow(plan, options);
	// The lists of tests refer to evals by position.
	const order = new Map(run.evals.map(({ file }, position) => [file, position]));
	const inOrder = <Eval>(evals: readonly Eval[], labelOf: (one: Eval) => string) =>
		[...evals].sort((a, b) => (order.get(labelOf(a)) ?? 0) - (order.get(labelOf(b)) ?? 0));
	const evals = inOrder(now.evals, ({ file }) => file);
	const planned = plannedList(
		inOrder(plan.evals, ({ label }) => label),
		cases,
	);
	return { ...run, ...now, evals, planned };
}

/** Returns the inputs of results, which can change until a run is resumed. */
function madeOfNow(
	plan: RunPlan,
	{ targets, coverage }: Pick<NewRunFileOptions, "targets" | "coverage">,
): Pick<RunFile, "evals" | "targets" | "graderTargets" | keyof Coverage> {
	const record = (target: ResolvedTarget) => targetRecord(target, targets.facts(target));
	const judges = new Map(plan.graderTargets.map(({ target }) => [target.name, target]));
	return {
		evals: plan.evals.map(({ label, file, name, digest }) => ({ file: label, path: file, name, digest })),
		// Includes those of other shards, which share the plan.
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

/** Returns the larger run that the run is part of. */
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

/** Returns the commit of the evals' repository, and whether it has changes. */
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

/** Returns the registered benchmark that contains an eval, and its commit. */
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

/** Returns an eval's bundle, by its manifest's digest. */
function bundleState({ scope }: PlannedEval): RunFile["bundle"] {
	if (scope.rootKind !== "bundle") return undefined;
	const read = readJson(readTextFile(join(scope.root, "manifest.json"), { maxBytes: 2 ** 29 }));
	const digest = "value" in read ? (read.value as { digest?: unknown } | null)?.digest : undefined;
	return typeof digest === "string" ? { name: basename(scope.root), digest } : undefined;
}

/** Without git, or in an unreadable repository, a run has less information. */
async function ifKnown<Value>(look: () => Promise<Value>): Promise<Value | undefined> {
	try {
		return await look();
	} catch (error) {
		if (error instanceof AgentvError && error.code !== "interrupted") return undefined;
		throw error;
	}
}
