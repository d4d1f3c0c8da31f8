import { createHash } from "node:crypto";
import { dirname } from "node:path";
import {
	AgentvError,
	applyFixes,
	type FixPlan,
	type FixWhen,
	isInside,
	openDiskView,
	planFixes,
	realPath,
	unifiedDiff,
} from "@agentv/core";
import { type OpenedEval, validated } from "./describe-eval.ts";
import type { Services } from "./problem.ts";

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
		fixed: plan.mended.get(file)?.length ?? 0,
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
