import type { ComparedRun, Comparison, FingerprintPart } from "@agentv/core";

/** A run and its name in the output. */
export interface NamedRun {
	readonly name: string;
	readonly run: ComparedRun;
}

/** Two runs and their comparison. */
export interface ComparedRuns {
	readonly before: NamedRun;
	readonly after: NamedRun;
	readonly comparison: Comparison;
	/** Fingerprint parts that are expected to differ. */
	readonly vary: readonly FingerprintPart[];
}

/** Groups changed tests by the fingerprint parts that differ; tests without fingerprint under an empty string. */
export function changedByParts({ changed }: Comparison): ReadonlyMap<string, Comparison["changed"]> {
	const groups = new Map<string, Comparison["changed"][number][]>();
	for (const one of changed) {
		const key = one.parts.join(", ");
		const group = groups.get(key);
		if (group) group.push(one);
		else groups.set(key, [one]);
	}
	return groups;
}

/** Returns the parts in which most of the changed tests differ, as a suggestion for `--vary`. */
export function differsIn(comparison: Comparison): readonly FingerprintPart[] {
	const groups = [...changedByParts(comparison)].filter(([parts]) => parts !== "");
	const [largest] = groups.sort(([, one], [, two]) => two.length - one.length);
	return largest?.[1][0]?.parts ?? [];
}
