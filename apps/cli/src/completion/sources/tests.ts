import { discoverEvals, loadEval, openDiskView } from "@agentv/core";
import type { Asked } from "../asked.ts";
import type { Candidate } from "../candidate.ts";
import { namedEvals } from "./named-evals.ts";

/** Keeps completion fast. */
const mostEvals = 20;

/** Lists the tests of the evals on the command line. */
export function testIds(asked: Asked): Candidate[] {
	const view = openDiskView();
	const files = namedEvals(asked).flatMap((path) => discoverEvals([path], asked.cwd, view));
	return files
		.slice(0, mostEvals)
		.flatMap((file) => loadEval(file, { view, env: asked.env, cwd: asked.cwd }).tests.map(({ id }) => ({ text: id })));
}
