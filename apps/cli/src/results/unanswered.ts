import { AgentvError } from "@agentv/core";
import { type ComparedRuns, changedByParts, differsIn } from "./compared-runs.ts";

/** Explains why none of the runs' tests is comparable. */
export function unanswered({ before, after, comparison }: ComparedRuns): AgentvError {
	const { errors, new: fresh, gone } = comparison;
	const parts = [...changedByParts(comparison)].map(
		([names, tests]) => `${tests.length} ${names === "" ? "without fingerprint" : `changed in ${names}`}`,
	);
	const reasons = [
		...parts,
		...(errors.length > 0 ? [`${errors.length} not graded`] : []),
		...(gone.length > 0 ? [`${gone.length} only in the earlier run`] : []),
		...(fresh.length > 0 ? [`${fresh.length} only in the later run`] : []),
	];
	const differing = differsIn(comparison);
	const vary =
		differing.length > 0
			? `If the difference in ${differing.join(" and ")} is intended: --vary ${differing.join(" ")}. `
			: "";
	return new AgentvError(
		"config",
		`no test of ${after.name} can be compared with ${before.name}: ${reasons.join(", ") || "neither run has results"}`,
		{ hint: `${vary}Pass --allow-incomparable to succeed anyway.` },
	);
}
