import { readRegistry } from "@agentv/core";
import type { Asked } from "../asked.ts";
import type { Candidate } from "../candidate.ts";

/** The registered benchmarks that are not named yet. */
export function benchmarkIds({ env, position }: Asked): Candidate[] {
	return readRegistry(env)
		.entries.filter(({ id }) => !position.operands.includes(id))
		.map(({ id, name }) => ({ text: id, ...(name === id ? {} : { about: name }) }));
}
