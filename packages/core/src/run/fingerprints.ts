import type { Fingerprint } from "../schema/result-row.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";

/** The fingerprints of a run's tests, computed when first asked for. */
export interface Fingerprints {
	of(one: PlannedCase): Fingerprint | undefined;
}

export function fingerprintsOf(_plan: RunPlan): Fingerprints {
	return { of: () => undefined };
}
