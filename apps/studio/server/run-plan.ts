import { createHash } from "node:crypto";
import {
	AgentvError,
	collectReferences,
	describePlan,
	fileStamp,
	type PlanDescription,
	planRun,
	type RunPlan,
	type RunRequest,
	resolvedTargets,
	usedTargets,
} from "@agentv/core";
import type { AccessAnswer, RunPlanAnswer } from "./answers/evals.ts";
import { describeCommands, describeTargets } from "./describe-targets.ts";
import type { OpenedEval } from "./opened-eval.ts";
import type { Services } from "./services.ts";

const machineOf = ({ env, cwd, version }: Services["options"]) => ({ env, cwd, version });

/** Returns the eval as seen by a run on these targets. */
export function withTargets(opened: OpenedEval, targets: readonly string[]): OpenedEval {
	if (targets.length === 0) return opened;
	return { ...opened, uses: usedTargets(opened.loaded, opened.targets, targets) };
}

/** A plan and its presentation, whose digest the user confirms before the run. */
export interface ShownPlan {
	readonly answer: RunPlanAnswer;
	/** Absent if it can't be run. */
	readonly plan?: RunPlan;
}

/** Describes what a run would execute, read and connect to. */
export function describeRunPlan(opened: OpenedEval, request: RunRequest, { options }: Services): ShownPlan {
	const { found, loaded, redact } = opened;
	const commands = describeCommands(opened);
	const targets = describeTargets(opened);
	const planned = tryPlan(request, options);
	const repos = [
		...new Map(
			[loaded.suite, ...loaded.tests.map(({ suite }) => suite), ...loaded.tests]
				.flatMap(({ workspace }) => workspace?.repos ?? [])
				.map(({ path, repo, commit }) => [
					`${path}\0${repo}`,
					{ path, repo: redact(repo), commit: commit === undefined ? null : redact(commit) },
				]),
		).values(),
	];
	const problems = "problems" in planned ? planned.problems.map(redact) : [];
	const cases = "plan" in planned ? planned.description.cases : [];
	const attempts = cases.reduce((sum, one) => sum + one.attempts, 0);
	const access = "plan" in planned ? accessAnswers(planned.description.access) : [];
	const digest = digestOf(opened, { commands, targets, repos, access });
	const shown = { targets, commands, repos, access, problems };
	const answer = { tests: cases.length, attempts, ...shown, foreign: found.place.foreign, digest };
	return { answer, ...("plan" in planned ? { plan: planned.plan } : {}) };
}

function accessAnswers({ variables, hosts, files }: PlanDescription["access"]): AccessAnswer[] {
	return [
		...variables.map(({ name, isNew }) => ({ kind: "variable" as const, name, new: isNew })),
		...hosts.map(({ name, isNew }) => ({ kind: "host" as const, name, new: isNew })),
		...files.map(({ name, isNew }) => ({ kind: "file" as const, name, new: isNew })),
	];
}

type Planned =
	| { readonly plan: RunPlan; readonly description: PlanDescription }
	| { readonly problems: readonly string[] };

function tryPlan(request: RunRequest, options: Services["options"]): Planned {
	try {
		const plan = planRun(request, machineOf(options));
		return { plan, description: describePlan(plan) };
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code === "internal") throw error;
		const details = error.diagnostics.map(({ message }) => message);
		return { problems: details.length > 0 ? details.slice(0, 50) : [error.message] };
	}
}

/** Returns a digest of what would be executed and of all files involved. */
function digestOf({ loaded, uses, view, found, env }: OpenedEval, shown: unknown): string {
	const { files } = collectReferences(loaded, resolvedTargets(uses), view);
	const resolved = uses.map(({ choice, resolution }) => [choice.name, resolution.ok && resolution.target.wire]);
	const paths = [found.file, ...loaded.sources.keys(), ...files.map((reference) => reference.resolved)];
	const stamps = [...new Set(paths)].sort().map((path) => [path, fileStamp(path)]);
	const values = loaded.variables.map(({ name }) => [name, env[name]]);
	return createHash("sha256")
		.update(JSON.stringify([shown, resolved, stamps, values]))
		.digest("hex");
}

/** Plans a run. @throws AgentvError if it can't be run */
export function planFor(request: RunRequest, { options }: Services): RunPlan {
	return planRun(request, machineOf(options));
}
