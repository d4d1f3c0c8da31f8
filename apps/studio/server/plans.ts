import { createHash } from "node:crypto";
import { dirname } from "node:path";
import {
	AgentvError,
	applyFixes,
	collectReferences,
	describePlan,
	type FixPlan,
	type FixWhen,
	fileStamp,
	isInside,
	openDiskView,
	type PlanDescription,
	planFixes,
	planRun,
	type RunPlan,
	type RunRequest,
	realPath,
	resolvedTargets,
	unifiedDiff,
	usedTargets,
} from "@agentv/core";
import { describeCommands, describeRepo, describeTargets, type OpenedEval, validated } from "./describe-eval.ts";
import type { Services } from "./problem.ts";

const machineOf = ({ env, cwd, version }: Services["options"]) => ({ env, cwd, version });

export function withTargets(opened: OpenedEval, targets: readonly string[]): OpenedEval {
	if (targets.length === 0) return opened;
	return { ...opened, uses: usedTargets(opened.loaded, opened.targets, targets) };
}

export type RunPlanAnswer = ReturnType<typeof describeRunPlan>["answer"];

/**
 * Describes what a run would execute and access, which the user confirms by its digest. `plan` is
 * absent if the eval can't be run.
 */
export function describeRunPlan(opened: OpenedEval, request: RunRequest, { options }: Services) {
	const { found, loaded, redact } = opened;
	const { plan, cases, access, problems } = tryPlan(request, options);
	const repos = new Map(
		[loaded.suite, ...loaded.tests.map(({ suite }) => suite), ...loaded.tests]
			.flatMap(({ workspace }) => workspace?.repos ?? [])
			.map((repo) => [`${repo.path}\0${repo.repo}`, describeRepo(repo, redact)]),
	);
	const shown = {
		targets: describeTargets(opened),
		commands: describeCommands(opened),
		repos: [...repos.values()],
		/** `new`: not yet consented to. */
		access,
	};
	const answer = {
		/** Tests × targets. */
		tests: cases.length,
		/** With repeats. */
		attempts: cases.reduce((sum, { attempts }) => sum + attempts, 0),
		...shown,
		problems: problems.map(redact),
		foreign: found.place.foreign,
		digest: planDigest(opened, shown),
	};
	return { answer, plan };
}

function tryPlan(request: RunRequest, options: Services["options"]) {
	try {
		const plan = planRun(request, machineOf(options));
		const { cases, access } = describePlan(plan);
		return { plan, cases, access: accessList(access), problems: [] };
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code === "internal") throw error;
		const problems = error.diagnostics.slice(0, 50).map(({ message }) => message);
		return { plan: undefined, cases: [], access: [], problems: problems.length > 0 ? problems : [error.message] };
	}
}

function accessList({ variables, hosts, files }: PlanDescription["access"]) {
	return [
		...variables.map(({ name, isNew }) => ({ kind: "variable" as const, name, new: isNew })),
		...hosts.map(({ name, isNew }) => ({ kind: "host" as const, name, new: isNew })),
		...files.map(({ name, isNew }) => ({ kind: "file" as const, name, new: isNew })),
	];
}

/** Covers what would be executed and all files involved. */
function planDigest({ loaded, uses, view, found, env }: OpenedEval, shown: unknown): string {
	const { files } = collectReferences(loaded, resolvedTargets(uses), view);
	const resolved = uses.map(({ choice, resolution }) => [choice.name, resolution.ok && resolution.target.wire]);
	const paths = [found.file, ...loaded.sources.keys(), ...files.map((reference) => reference.resolved)];
	const stamps = [...new Set(paths)].sort().map((path) => [path, fileStamp(path)]);
	const values = loaded.variables.map(({ name }) => [name, env[name]]);
	return createHash("sha256")
		.update(JSON.stringify([shown, resolved, stamps, values]))
		.digest("hex");
}

/** @throws AgentvError if the eval can't be run */
export function planFor(request: RunRequest, { options }: Services): RunPlan {
	return planRun(request, machineOf(options));
}

interface FixModes {
	readonly migrate?: boolean | undefined;
	readonly pin?: boolean | undefined;
}

export type FixPreviewAnswer = Awaited<ReturnType<typeof previewFix>>;

/** Writes nothing. */
export async function previewFix(opened: OpenedEval, modes: FixModes, services: Services) {
	const plan = await planned(opened, modes, services);
	const { redact, redactWritten, shown } = opened;
	return {
		files: plan.files.map(({ path, before, after }) => ({
			file: shown(path),
			diff: redactWritten(unifiedDiff({ path: shown(path), before, after })),
			created: before === undefined,
		})),
		changes: plan.changes.map(({ rule, file, says }) => ({ rule, file: shown(file), says: redact(says) })),
		/** Why findings could not be fixed although their rule has a fix. */
		refused: plan.refused.map(({ finding, reason }) => ({ rule: finding.rule, reason: redact(reason) })),
		digest: digestOf(plan),
	};
}

export type FixAnswer = Awaited<ReturnType<typeof applyFix>>;

/** @throws AgentvError `refused` if the fixes have changed since the review */
export async function applyFix(opened: OpenedEval, modes: FixModes, digest: string, services: Services) {
	const plan = await planned(opened, modes, services);
	if (digestOf(plan) !== digest)
		throw new AgentvError("refused", "the eval has changed since the fixes were reviewed", {
			hint: "Review the fixes again.",
		});
	const { env, cwd } = services.options;
	applyFixes(plan, { env, cwd, modes: modesOf(modes) });
	const { file } = opened.found;
	const validation = await validated(file, { view: openDiskView(), env, cwd });
	const { errors, warnings } = services.marks.remember(validation);
	return {
		files: plan.files.map(({ path }) => opened.shown(path)),
		fixed: plan.fixed.get(file)?.length ?? 0,
		errors,
		warnings,
	};
}

async function planned(opened: OpenedEval, modes: FixModes, { options }: Services): Promise<FixPlan> {
	const { found, view } = opened;
	const plan = await planFixes([found.file], { view, env: options.env, cwd: options.cwd, modes: modesOf(modes) });
	const outside = plan.files.find(({ path }) => !isInside(found.place.root, realPath(dirname(path))));
	if (outside)
		throw new AgentvError("refused", `the fix would write ${outside.path}, which Studio may not change`, {
			hint: "Fix it on the command line: agentv eval validate --fix",
		});
	return plan;
}

function modesOf({ migrate, pin }: FixModes): ReadonlySet<FixWhen> {
	return new Set<FixWhen>(["fix", ...(migrate ? ["migrate" as const] : []), ...(pin ? ["pin" as const] : [])]);
}

function digestOf({ files }: FixPlan): string {
	const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
	return createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
}
