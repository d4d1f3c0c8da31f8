import { boundFindings, boundsScore } from "../bounds.ts";
import type { Grader } from "../contract.ts";

export const tokenUsage: Grader<"token-usage"> = {
	types: ["token-usage"],
	version: "2",
	reproducible: () => true,
	grade({ settings }, { tokenUsage: used }) {
		const score = boundsScore(
			boundFindings([
				{ what: "tokens in all", unit: "", actual: used && used.input + used.output, most: settings.maxTotal },
				{ what: "input tokens", unit: "", actual: used?.input, most: settings.maxInput },
				{ what: "output tokens", unit: "", actual: used?.output, most: settings.maxOutput },
			]),
		);
		if ("couldNotRun" in score) return score;
		return { ...score, score: score.assertions.every(({ passed }) => passed) ? 1 : 0 };
	},
};
