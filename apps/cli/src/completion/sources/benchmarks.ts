import { readRegistry } from "@agentv/core";
import type { CompletionRequest } from "../asked.ts";
import type { Candidate } from "../candidate.ts";

/** Lists the registered benchmarks that the command line does not name yet. */
export function benchmarkIds({ env, position }: CompletionRequest): Candidate[] {
	return readRegistry(env)
		.entries.filter(({ id }) => !position.operands.includes(id))
		.map(({ id, name }) => ({ text: id, ...(name === id ? {} : { about: name }) }));
}
