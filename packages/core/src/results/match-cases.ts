import type { CaseScore } from "./case-scores.ts";

/** A case of both runs. */
export interface CasePair {
	readonly before: CaseScore;
	readonly after: CaseScore;
}

/** Different names for the same thing in the first and second run. */
export type Renamed = readonly [before: string, after: string];

interface CaseMatching {
	readonly pairs: readonly CasePair[];
	readonly new: readonly CaseScore[];
	readonly gone: readonly CaseScore[];
	/** Evals with another name in the second run, such as a bundle's eval. */
	readonly evals: readonly Renamed[];
	/** Targets with another name in the second run. */
	readonly targets: readonly Renamed[];
}

/**
 * Matches the cases of two runs. Evals and targets match by name; among the others, evals with the
 * same questions match (a bundle and its source, a moved file), and targets with the same settings,
 * or the only remaining ones of an eval. Swapping the runs swaps the result.
 */
export function matchCases(before: readonly CaseScore[], after: readonly CaseScore[]): CaseMatching {
	const [evalsBefore, evalsAfter] = [groupBy("eval", before), groupBy("eval", after)];
	const evals = matchNames(evalsBefore, evalsAfter, "test");
	const pairs: CasePair[] = [];
	const targets = new Map<string, Renamed>();
	for (const [nameBefore, nameAfter] of evals) {
		const targetsBefore = groupBy("target", evalsBefore.get(nameBefore) ?? []);
		const targetsAfter = groupBy("target", evalsAfter.get(nameAfter) ?? []);
		for (const renamed of matchTargets(targetsBefore, targetsAfter)) {
			if (renamed[0] !== renamed[1]) targets.set(JSON.stringify(renamed), renamed);
			const later = new Map((targetsAfter.get(renamed[1]) ?? []).map((tested) => [tested.testId, tested]));
			for (const tested of targetsBefore.get(renamed[0]) ?? []) {
				const match = later.get(tested.testId);
				if (match) pairs.push({ before: tested, after: match });
			}
		}
	}
	const matched = new Set(pairs.flatMap((pair) => [pair.before, pair.after]));
	return {
		pairs,
		new: after.filter((tested) => !matched.has(tested)),
		gone: before.filter((tested) => !matched.has(tested)),
		evals: evals.filter(([nameBefore, nameAfter]) => nameBefore !== nameAfter),
		targets: [...targets.values()],
	};
}

/** Cases by the name of their eval or target. */
type Groups = ReadonlyMap<string, readonly CaseScore[]>;

function groupBy(key: "eval" | "target", cases: readonly CaseScore[]): Groups {
	const groups = new Map<string, CaseScore[]>();
	for (const tested of cases) {
		const group = groups.get(tested[key]);
		if (group) group.push(tested);
		else groups.set(tested[key], [tested]);
	}
	return groups;
}

function matchTargets(before: Groups, after: Groups): Renamed[] {
	const matched = matchNames(before, after, "target");
	const [onlyBefore, ...othersBefore] = [...before.keys()].filter((name) => matched.every(([own]) => own !== name));
	const [onlyAfter, ...othersAfter] = [...after.keys()].filter((name) => matched.every(([, own]) => own !== name));
	const isOnly = othersBefore.length === 0 && othersAfter.length === 0;
	if (isOnly && onlyBefore !== undefined && onlyAfter !== undefined) matched.push([onlyBefore, onlyAfter]);
	return matched;
}

/** Matches equal names, then the others by how many tests agree in a part of their fingerprints. */
function matchNames(before: Groups, after: Groups, part: "test" | "target"): Renamed[] {
	const matched: Renamed[] = [...before.keys()].filter((name) => after.has(name)).map((name) => [name, name]);
	const usedBefore = new Set(matched.map(([name]) => name));
	const usedAfter = new Set(usedBefore);
	const unmatched = (groups: Groups) => [...groups].filter(([name]) => !usedBefore.has(name));
	for (const pair of agreements(unmatched(before), unmatched(after), part)) {
		if (usedBefore.has(pair[0]) || usedAfter.has(pair[1])) continue;
		usedBefore.add(pair[0]);
		usedAfter.add(pair[1]);
		matched.push(pair);
	}
	return matched;
}

type Named = readonly (readonly [name: string, cases: readonly CaseScore[]])[];

/** Sorts by strength, with ties independent of which run is first. */
function agreements(before: Named, after: Named, part: "test" | "target"): Renamed[] {
	const holders = new Map<string, Set<string>>();
	for (const [name, cases] of before)
		for (const key of evidence(cases, part)) holders.set(key, (holders.get(key) ?? new Set()).add(name));
	const counts = new Map<string, { readonly pair: Renamed; count: number }>();
	for (const [name, cases] of after)
		for (const key of evidence(cases, part))
			for (const holder of holders.get(key) ?? []) {
				const id = JSON.stringify([holder, name].sort());
				const known = counts.get(id) ?? { pair: [holder, name], count: 0 };
				known.count += 1;
				counts.set(id, known);
			}
	const sorted = [...counts].sort(([idA, a], [idB, b]) => b.count - a.count || (idA < idB ? -1 : 1));
	return sorted.map(([, { pair }]) => pair);
}

function evidence(cases: readonly CaseScore[], part: "test" | "target"): ReadonlySet<string> {
	return new Set(
		cases.flatMap(({ testId, fingerprint }) => (fingerprint ? JSON.stringify([testId, fingerprint[part]]) : [])),
	);
}
