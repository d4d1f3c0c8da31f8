import type { Merge } from "@agentv/core";

/** Returns 0 if merged and complete, else 1. */
export function mergeExitCode({ problems, missing }: Pick<Merge, "problems" | "missing">): number {
	return problems.length + missing.tests.length > 0 ? 1 : 0;
}
