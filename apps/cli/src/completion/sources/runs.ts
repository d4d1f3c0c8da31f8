import { findRuns } from "@agentv/core";
import type { Asked } from "../asked.ts";
import type { Candidate } from "../candidate.ts";
import { directoryPaths } from "./paths.ts";

/** Keeps completion fast. */
const mostRuns = 200;

/** Lists runs by name, newest first, and directories. */
export function runNames(asked: Asked): Candidate[] {
	const runs = findRuns(asked).slice(0, mostRuns);
	const named = runs.map(({ id }) => ({ text: id }));
	const latest = runs[0] ? [{ text: "latest", about: runs[0].id }] : [];
	return [...latest, ...named, ...directoryPaths(asked)];
}

/** Lists experiments that have runs. */
export function experimentNames(asked: Asked): Candidate[] {
	return [...new Set(findRuns(asked).map(({ experiment }) => experiment))].map((text) => ({ text }));
}
