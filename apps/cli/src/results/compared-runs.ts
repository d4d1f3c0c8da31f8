import type { ComparedRun, Comparison, FingerprintPart } from "@agentv/core";

/** A run and what it is called in what is printed. */
export interface NamedRun {
	readonly name: string;
	readonly run: ComparedRun;
}

/** Two runs and what comparing them showed. */
export interface ComparedRuns {
	readonly before: NamedRun;
	readonly after: NamedRun;
	readonly comparison: Comparison;
	/** Parts of fingerprints that were meant to differ. */
	readonly vary: readonly FingerprintPart[];
}

/** The parts in which tests were changed, each set of them with its tests; those without fingerprint under an empty text. */
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

/** The parts in which most of the changed tests differ: what `--vary` would have to name. */
export function differsIn(comparison: Comparison): readonly FingerprintPart[] {
	const groups = [...changedByParts(comparison)].filter(([parts]) => parts !== "");
	const [largest] = groups.sort(([, one], [, two]) => two.length - one.length);
	return largest?.[1][0]?.parts ?? [];
}
