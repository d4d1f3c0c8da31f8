import { readRegistry } from "@agentv/core";
import type { Asked } from "../asked.ts";
import type { Candidate } from "../candidate.ts";

/** Lists the registered benchmarks that the command line does not name yet. */
export function benchmarkIds({ env, position }: Asked): Candidate[] {
	return readRegistry(env)
		.entries.filter(({ id }) => !position.operands.includes(id))
		.map(({ id, name }) => ({ text: id, ...(name === id ? {} : { about: name }) }));
}
