import { discoverEvals, loadEval, openDiskView } from "@agentv/core";
import type { CompletionRequest } from "../asked.ts";
import type { Candidate } from "../candidate.ts";
import { namedEvals } from "./named-evals.ts";

/** Keeps completion fast. */
const mostEvals = 20;

/** Lists the tests of the evals on the command line. */
export function testIds(request: CompletionRequest): Candidate[] {
	const view = openDiskView();
	const files = namedEvals(request).flatMap((path) => discoverEvals([path], request.cwd, view));
	return files
		.slice(0, mostEvals)
		.flatMap((file) =>
			loadEval(file, { view, env: request.env, cwd: request.cwd }).tests.map(({ id }) => ({ text: id })),
		);
}
