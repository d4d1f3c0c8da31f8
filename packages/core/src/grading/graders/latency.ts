import { boundFindings, boundsScore } from "../bounds.ts";
import type { Grader } from "../contract.ts";

export const latency: Grader<"latency"> = {
	types: ["latency"],
	version: "2",
	reproducible: () => true,
	grade: ({ settings }, subject) =>
		boundsScore(
			boundFindings([{ what: "duration", unit: "ms", actual: subject.durationMs, most: settings.threshold }]),
		),
};
