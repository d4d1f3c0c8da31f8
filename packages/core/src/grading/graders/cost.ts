import { boundFindings, boundsScore } from "../bounds.ts";
import type { Grader } from "../contract.ts";

export const cost: Grader<"cost"> = {
	types: ["cost"],
	version: "2",
	reproducible: () => true,
	grade: ({ settings }, subject) =>
		boundsScore(boundFindings([{ what: "cost", unit: "USD", actual: subject.costUsd, most: settings.budget }])),
};
