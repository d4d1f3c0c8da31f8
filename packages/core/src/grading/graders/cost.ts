import { boundsScore } from "../bounds.ts";
import type { Grader } from "../contract.ts";

/** The answer cost at most `budget` US dollars. */
export const cost: Grader<"cost"> = {
	types: ["cost"],
	reproducible: () => true,
	grade: ({ settings }, subject) =>
		boundsScore([{ what: "cost", unit: "USD", actual: subject.costUsd, most: settings.budget }]),
};
