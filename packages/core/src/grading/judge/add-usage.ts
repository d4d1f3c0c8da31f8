import { addCosts } from "../add-costs.ts";
import type { GraderUsage } from "../contract.ts";

/** Adds up the usage of several calls of grader models. */
export function addUsage(one: GraderUsage | undefined, other: GraderUsage | undefined): GraderUsage | undefined {
	if (!one || !other) return one ?? other;
	const { model, target } = other;
	return {
		target: one.target === target ? target : `${one.target}, ${target}`,
		...(model === undefined || one.model !== model ? {} : { model }),
		...addCosts(one, other),
	};
}
