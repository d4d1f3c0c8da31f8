import type { BenchmarkReport } from "@agentv/core";

/** Returns a benchmark's state in a word or two: `synced`, `behind, modified`. */
export function stateText({ revision, workTree }: BenchmarkReport): string {
	return workTree.state === "clean" ? revision.state : `${revision.state}, ${workTree.state}`;
}
