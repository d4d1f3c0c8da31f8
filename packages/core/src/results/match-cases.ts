import type { CaseScore } from "./case-scores.ts";

/** A case of both runs. */
export interface CasePair {
	readonly before: CaseScore;
	readonly after: CaseScore;
}

/** Different names for the same thing in the first and second run. */
export type Renamed = readonly [before: string, after: string];

export interface CaseMatching {
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
	const first = byEval(before);
	const second = byEval(after);
	const evals = matchNames(first, second, ({ testId, fingerprint }) => fingerprint && [testId, fingerprint.test]);
	const pairs: CasePair[] = [];
	const targets = new Map<string, Renamed>();
	for (const [one, two] of evals) {
		const [earlier, later] = [first.get(one) ?? [], second.get(two) ?? []];
		const names = matchTargets(earlier, later);
		for (const renamed of names) if (renamed[0] !== renamed[1]) targets.set(JSON.stringify(renamed), renamed);
		pairs.push(...pairUp(earlier, later, new Map(names)));
	}
	const found = new Set<CaseScore>(pairs.flatMap((pair) => [pair.before, pair.after]));
	return {
		pairs,
		new: after.filter((one) => !found.has(one)),
		gone: before.filter((one) => !found.has(one)),
		evals: evals.filter(([one, two]) => one !== two),
		targets: [...targets.values()],
	};
}

function byEval(cases: readonly CaseScore[]): Map<string, CaseScore[]> {
	return groups(cases, (one) => one.eval);
}

function matchTargets(before: readonly CaseScore[], after: readonly CaseScore[]): Renamed[] {
	const first = groups(before, ({ target }) => target);
	const second = groups(after, ({ target }) => target);
	const matched = matchNames(first, second, ({ testId, fingerprint }) => fingerprint && [testId, fingerprint.target]);
	const left = (all: ReadonlyMap<string, unknown>, side: 0 | 1) => {
		const taken = new Set(matched.map((pair) => pair[side]));
		return [...all.keys()].filter((name) => !taken.has(name));
	};
	const [one, ...others] = left(first, 0);
	const [two, ...more] = left(second, 1);
	const isOnly = one !== undefined && two !== undefined && others.length === 0 && more.length === 0;
	return isOnly ? [...matched, [one, two]] : matched;
}

/** What a case says about a thing to match; things with equal evidence can match. */
type Evidence = (one: CaseScore) => readonly string[] | undefined;

/** Matches equal names, then the others by most common evidence. */
function matchNames(
	before: ReadonlyMap<string, readonly CaseScore[]>,
	after: ReadonlyMap<string, readonly CaseScore[]>,
	evidence: Evidence,
): Renamed[] {
	const equal = [...before.keys()].filter((name) => after.has(name));
	const named = new Set(equal);
	const rest = (all: ReadonlyMap<string, readonly CaseScore[]>) => [...all].filter(([name]) => !named.has(name));
	const matched: Renamed[] = equal.map((name) => [name, name]);
	const taken = [new Set<string>(), new Set<string>()] as const;
	for (const { pair } of agreements(rest(before), rest(after), evidence)) {
		if (taken[0].has(pair[0]) || taken[1].has(pair[1])) continue;
		taken[0].add(pair[0]);
		taken[1].add(pair[1]);
		matched.push(pair);
	}
	return matched;
}

interface Agreement {
	readonly pair: Renamed;
	count: number;
}

type Named = readonly (readonly [name: string, cases: readonly CaseScore[]])[];

/** Sorts by strength, with ties independent of which run is first. */
function agreements(before: Named, after: Named, evidence: Evidence): Agreement[] {
	const holders = new Map<string, Set<string>>();
	for (const [name, cases] of before)
		for (const key of pieces(cases, evidence)) {
			const names = holders.get(key);
			if (names) names.add(name);
			else holders.set(key, new Set([name]));
		}
	const found = new Map<string, Agreement>();
	for (const [name, cases] of after)
		for (const key of pieces(cases, evidence))
			for (const holder of holders.get(key) ?? []) {
				const id = JSON.stringify([holder, name].sort());
				const known = found.get(id);
				if (known) known.count += 1;
				else found.set(id, { pair: [holder, name], count: 1 });
			}
	return [...found].sort(([a, one], [b, two]) => two.count - one.count || (a < b ? -1 : 1)).map(([, one]) => one);
}

function pieces(cases: readonly CaseScore[], evidence: Evidence): ReadonlySet<string> {
	return new Set(cases.map(evidence).flatMap((piece) => (piece ? JSON.stringify(piece) : [])));
}

function pairUp(
	before: readonly CaseScore[],
	after: readonly CaseScore[],
	targets: ReadonlyMap<string, string>,
): CasePair[] {
	const later = new Map<string, Map<string, CaseScore>>();
	for (const [target, cases] of groups(after, (one) => one.target))
		later.set(target, new Map(cases.map((one) => [one.testId, one])));
	return before.flatMap((one) => {
		const target = targets.get(one.target);
		const two = target === undefined ? undefined : later.get(target)?.get(one.testId);
		return two ? [{ before: one, after: two }] : [];
	});
}

function groups<Item>(items: readonly Item[], nameOf: (item: Item) => string): Map<string, Item[]> {
	const found = new Map<string, Item[]>();
	for (const item of items) {
		const name = nameOf(item);
		const group = found.get(name);
		if (group) group.push(item);
		else found.set(name, [item]);
	}
	return found;
}
