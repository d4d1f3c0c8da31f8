import { type FixPlan, unifiedDiff } from "@agentv/core";
import { shownPath } from "./reporter.ts";

/** Returns a plan's changes as a unified diff that can be applied in `cwd`. */
export function planDiff(plan: FixPlan, cwd: string): string {
	return plan.files.map((file) => unifiedDiff({ ...file, path: shownPath(file.path, cwd) })).join("");
}
