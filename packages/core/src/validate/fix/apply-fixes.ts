import { AgentvError } from "../../base/agentv-error.ts";
import { sweepStagedFiles } from "../../io/files/staged-files.ts";
import { pathKind } from "../../io/files/stat-path.ts";
import { writeAllOrNone } from "../../io/files/write-files-together.ts";
import { openDiskView } from "../../model/disk-view.ts";
import { validationRun } from "../validation-run.ts";
import type { FixPlan, PlannedFile } from "./fix-plan.ts";
import { meaningOf } from "./meaning-check.ts";
import type { FixOptions } from "./plan-fixes.ts";

/**
 * Writes a plan's files, all or none, loads every eval that they belong to once more, and takes all back where one does not
 * mean what it meant.
 * @throws AgentvError `refused` where a file changed since the plan was made, or an eval would mean something else; nothing
 * is changed then
 */
export function applyFixes(plan: FixPlan, options: Omit<FixOptions, "view">): void {
	for (const directory of plan.directories) sweepStagedFiles(directory);
	for (const file of plan.files) if (!isAsPlanned(file)) throw changedMeanwhile(file);
	writeAllOrNone(plan.files.map(({ path, after }) => ({ path, content: after })));
	// What earlier looks at the disk remember is no longer true.
	const run = validationRun({ ...options, view: openDiskView() });
	const meaning = { withoutCommits: options.modes.has("pin") };
	for (const [file, before] of plan.meanings) {
		if (meaningOf(file, run, meaning) === before) continue;
		writeAllOrNone(plan.files.map(({ path, before: content }) => ({ path, content: content ?? null })));
		throw new AgentvError("refused", `${file} changed its meaning after the fixes: all were reverted`, {
			hint: "It may have been edited concurrently. Try again.",
		});
	}
}

function isAsPlanned({ path, before }: PlannedFile): boolean {
	if (before === undefined) return pathKind(path) === "missing";
	return pathKind(path) !== "missing" && openDiskView().readText(path) === before;
}

function changedMeanwhile({ path }: PlannedFile): AgentvError {
	return new AgentvError("refused", `${path} was changed while the fixes were planned; nothing was written`, {
		hint: "Try again.",
	});
}
