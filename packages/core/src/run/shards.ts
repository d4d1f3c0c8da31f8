import { digestText } from "../io/files/digest-tree.ts";
import { caseDuration, type Durations } from "./durations.ts";
import { keyOfCase, type PlannedCase } from "./run-plan.ts";

/** Tests that stay together: of one eval, tied by `depends_on`; with each all its targets and attempts. */
interface Unit {
	/** The eval and the first of the tests' ids: what the unit is called whatever other tests there are. */
	readonly key: string;
	/** Positions of its cases. */
	readonly cases: readonly number[];
}

/**
 * The shard, from 1 to `count`, of each case. Without durations it depends on the ids of a test and of what it is tied to, and on nothing
 * else, so that it stays the same when other tests come and go. With durations the shards are balanced by them.
 */
export function assignShards(cases: readonly PlannedCase[], count: number, durations?: Durations): number[] {
	const units = unitsOf(cases);
	const shards = durations ? balanced(units, cases, count, durations) : units.map(({ key }) => hashed(key, count));
	const assigned = cases.map(() => 1);
	for (const [position, unit] of units.entries())
		for (const index of unit.cases) assigned[index] = shards[position] ?? 1;
	return assigned;
}

/** 48 bits of a digest, so that no shard is favoured. */
function hashed(key: string, count: number): number {
	return (Number.parseInt(digestText(key).slice(0, 12), 16) % count) + 1;
}

function unitsOf(cases: readonly PlannedCase[]): Unit[] {
	const names = cases.map(({ eval: { label }, test }) => JSON.stringify([label, test.id]));
	const groups = new Groups(names);
	for (const [index, { dependsOn }] of cases.entries())
		for (const dependency of dependsOn) groups.join(names[index] ?? "", names[dependency] ?? "");
	const units = new Map<string, number[]>();
	for (const [index, name] of names.entries()) {
		const first = groups.firstOf(name);
		const unit = units.get(first);
		if (unit) unit.push(index);
		else units.set(first, [index]);
	}
	return [...units].map(([key, members]) => ({ key, cases: members }));
}

/** Names put into groups; a group is known by the first of its names in the order of their characters. */
class Groups {
	readonly #above = new Map<string, string>();

	constructor(names: readonly string[]) {
		for (const name of names) this.#above.set(name, name);
	}

	firstOf(name: string): string {
		let first = name;
		for (let above = this.#above.get(first); above !== undefined && above !== first; above = this.#above.get(first))
			first = above;
		// Shortens the way for the next who asks.
		this.#above.set(name, first);
		return first;
	}

	join(one: string, other: string): void {
		const [low, high] = [this.firstOf(one), this.firstOf(other)].sort();
		if (low !== undefined && high !== undefined) this.#above.set(high, low);
	}
}

/** The longest unit first, each to the shard that has least to do: of equal ones to that with the fewest tests, then the first. */
function balanced(
	units: readonly Unit[],
	cases: readonly PlannedCase[],
	count: number,
	durations: Durations,
): number[] {
	const weighed = units.map((unit, position) => ({
		position,
		key: unit.key,
		size: unit.cases.length,
		weight: unit.cases.reduce((sum, index) => sum + weightOf(cases[index], durations), 0),
	}));
	weighed.sort((one, other) => other.weight - one.weight || (one.key < other.key ? -1 : 1));
	const loads = Array.from({ length: count }, () => ({ weight: 0, size: 0 }));
	const shards: number[] = [];
	for (const { position, weight, size } of weighed) {
		let least = 0;
		for (const [index, load] of loads.entries()) {
			const best = loads[least] ?? load;
			if (load.weight < best.weight || (load.weight === best.weight && load.size < best.size)) least = index;
		}
		const load = loads[least];
		if (load) {
			load.weight += weight;
			load.size += size;
		}
		shards[position] = least + 1;
	}
	return shards;
}

function weightOf(one: PlannedCase | undefined, durations: Durations): number {
	return one ? caseDuration(durations, keyOfCase(one)) * one.repeat.count : 0;
}
