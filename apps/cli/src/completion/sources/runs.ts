import { findRuns } from "@agentv/core";
import type { CompletionRequest } from "../asked.ts";
import type { Candidate } from "../candidate.ts";
import { directoryPaths } from "./paths.ts";

/** Keeps completion fast. */
const mostRuns = 200;

/** Lists runs by name, newest first, and directories. */
export function runNames(request: CompletionRequest): Candidate[] {
	const runs = findRuns(request).slice(0, mostRuns);
	const named = runs.map(({ id }) => ({ text: id }));
	const latest = runs[0] ? [{ text: "latest", about: runs[0].id }] : [];
	return [...latest, ...named, ...directoryPaths(request)];
}

/** Lists experiments that have runs. */
export function experimentNames(request: CompletionRequest): Candidate[] {
	return [...new Set(findRuns(request).map(({ experiment }) => experiment))].map((text) => ({ text }));
}
