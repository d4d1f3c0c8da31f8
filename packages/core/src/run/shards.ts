import { join } from "node:path";
import { readRunFile, wholeLines } from "../eval/discover-evals.ts";
import type { OpaqueUse } from "../eval/resolve-command.ts";
import { caseKey } from "../eval/run-digest.ts";
import { type CoveredFile, fingerprintParts } from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { readJson } from "../lib/json.ts";
import { OrderFreeSum } from "../lib/text.ts";
import { digestText, FileDigests } from "../machine/tree-notes.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { opaqueParts, type PlannedCase, type PlannedShard, type RunPlan } from "./run-plan.ts";
import type { RunRequest } from "./run-request.ts";

interface Unit {
	/** The eval and the first test id, so that it doesn't depend on other tests. */
	readonly key: string;
	readonly cases: readonly number[];
}

/**
 * Returns the 1-based shard of each case. Without durations, it only depends on the ids of
 * connected tests, so it is stable when others change.
 */
export function assignShards(cases: readonly PlannedCase[], count: number, durations?: Durations): number[] {
	const units = unitsOf(cases);
	const shards = durations ? balanced(units, cases, count, durations) : units.map(({ key }) => hashed(key, count));
	const assigned = cases.map(() => 1);
	for (const [position, unit] of units.entries())
		for (const index of unit.cases) assigned[index] = shards[position] ?? 1;
	return assigned;
}

/** Uses 48 bits of a digest for a uniform distribution. */
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

/** Union-find over names; a group's representative is its first name in sort order. */
class Groups {
	readonly #above = new Map<string, string>();

	constructor(names: readonly string[]) {
		for (const name of names) this.#above.set(name, name);
	}

	firstOf(name: string): string {
		let first = name;
		for (let above = this.#above.get(first); above !== undefined && above !== first; above = this.#above.get(first))
			first = above;
		// Compress the path for later lookups.
		this.#above.set(name, first);
		return first;
	}

	join(a: string, b: string): void {
		const [low, high] = [this.firstOf(a), this.firstOf(b)].sort();
		if (low !== undefined && high !== undefined) this.#above.set(high, low);
	}
}

/** Assigns the longest unit first, to the shard with the least work, then the fewest tests. */
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
	weighed.sort((a, b) => b.weight - a.weight || (a.key < b.key ? -1 : 1));
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

function weightOf(planned: PlannedCase | undefined, durations: Durations): number {
	return planned ? caseDuration(durations, planned.key) * planned.repeat.count : 0;
}

export interface Coverage {
	readonly files: readonly CoveredFile[];
	readonly opaque: readonly OpaqueUse[];
	readonly variables: Readonly<Record<string, string>>;
	readonly fingerprints: readonly string[];
}

export function coverageOf(plan: RunPlan, fingerprints: Fingerprints, cases: readonly PlannedCase[]): Coverage {
	const files = new Map<string, { file: CoveredFile; parts: Set<string> }>();
	const add = (path: string, root: string, part: string, sha256: string, members?: ReadonlyMap<string, string>) => {
		const name = fingerprints.names.of(path, root);
		const known = files.get(name);
		if (known) known.parts.add(part);
		else {
			const listed = members && members.size <= maxMembers ? { members: Object.fromEntries(members) } : {};
			files.set(name, { file: { path: name, sha256, parts: [], ...listed }, parts: new Set([part]) });
		}
	};
	const planned = cases.map((testCase) => plannedFingerprint(fingerprints, testCase));
	for (const { scope, sources } of plan.evals)
		for (const { path, sha256 } of sources) add(path, scope.root, "eval", sha256);
	const digests = new FileDigests();
	for (const { root, path } of targetsFiles(plan)) add(path, root, "targets", digests.of(path));
	const seen = new Set<unknown>();
	for (const planned of cases) {
		const parts = fingerprints.filesOf(planned);
		for (const part of fingerprints.parts) {
			if (seen.has(parts[part])) continue;
			seen.add(parts[part]);
			for (const { path, sha256, members } of parts[part]) add(path, planned.eval.scope.root, part, sha256, members);
		}
	}
	if (plan.origin?.kind === "regrade")
		for (const file of plan.origin.run.files ?? [])
			if (file.parts.includes("target") && !files.has(file.path))
				files.set(file.path, { file, parts: new Set(["target"]) });
	return {
		files: [...files.values()]
			.map(({ file, parts }) => ({ ...file, parts: [...parts].sort() }))
			.sort((a, b) => (a.path < b.path ? -1 : 1)),
		opaque: opaqueParts(plan),
		variables: Object.assign({}, ...plan.evals.map(({ variables }) => variables)),
		fingerprints: planned,
	};
}

/** For larger directories only the total digest is recorded. */
const maxMembers = 10_000;

function targetsFiles({
	cases,
	graderTargets,
	origin,
}: RunPlan): Iterable<{ readonly root: string; readonly path: string }> {
	const files = new Map<string, { readonly root: string; readonly path: string }>();
	const isRegrade = origin?.kind === "regrade";
	const used = [
		...(isRegrade ? [] : cases).flatMap(({ target, eval: of }) =>
			[target.target, ...target.fallbacks].map((candidate) => ({ candidate, of })),
		),
		...graderTargets.map(({ target, eval: of }) => ({ candidate: target, of })),
	];
	for (const { candidate, of } of used)
		for (const { definition } of candidate.via)
			files.set(definition.file, { root: of.scope.root, path: definition.file });
	return files.values();
}

function plannedFingerprint(fingerprints: Fingerprints, planned: PlannedCase): string {
	const { fingerprint } = fingerprints.of(planned, []);
	const hasUnknownCommits = (planned.workspace?.spec.workspace?.repos.length ?? 0) > 0;
	const known = fingerprints.parts.filter((part) => part !== "workspace" || !hasUnknownCommits);
	return fingerprintParts.map((part) => (known.includes(part) ? fingerprint[part].slice(0, 8) : "")).join(".");
}

interface Sharded {
	/** Renumbered; all if the request has no shard. */
	readonly cases: readonly PlannedCase[];
	readonly shard?: PlannedShard;
}

export function planShard(whole: readonly PlannedCase[], request: RunRequest): Sharded {
	if (!request.shard) return { cases: whole };
	const { index, count } = request.shard;
	if (!Number.isInteger(index) || !Number.isInteger(count) || index < 1 || index > count)
		throw new AgentvError("usage", `no shard ${index} of ${count}`);
	const durations = request.durationsFrom === undefined ? undefined : readDurations(request.durationsFrom);
	const recorded = request.recordedShards;
	const assigned = recorded?.assigned ?? assignShards(whole, count, durations);
	if (assigned.length !== whole.length)
		throw new AgentvError("config", "the planned tests or targets have changed since the run started");
	const balancedBy = recorded ? recorded.balancedBy : durations?.runId;
	const shard = { index, count, whole, assigned, ...(balancedBy === undefined ? {} : { balancedBy }) };
	return { cases: renumbered(whole.filter((_, position) => assigned[position] === index)), shard };
}

/** Drops dependencies on cases that were not chosen. */
export function renumbered(chosen: readonly PlannedCase[]): PlannedCase[] {
	const positions = new Map(chosen.map(({ index }, position) => [index, position]));
	return chosen.map((planned, index) => ({
		...planned,
		index,
		dependsOn: planned.dependsOn.flatMap((dependency) => positions.get(dependency) ?? []),
	}));
}

/** Returns how many tests × targets each shard of a plan has. */
export function shardSizes(cases: readonly PlannedCase[], count: number, durationsFrom?: string): number[] {
	const durations = durationsFrom === undefined ? undefined : readDurations(durationsFrom);
	const sizes = Array.from({ length: count }, () => 0);
	for (const shard of assignShards(cases, count, durations)) sizes[shard - 1] = (sizes[shard - 1] ?? 0) + 1;
	return sizes;
}

interface Durations {
	readonly runId: string;
	/** Milliseconds. */
	readonly byCase: ReadonlyMap<string, number>;
	/** For unknown tests: the median of the known ones. */
	readonly usual: number;
}

function caseDuration({ byCase, usual }: Durations, key: string): number {
	return byCase.get(key) ?? usual;
}

/** A repeated attempt counts with its last duration. @throws AgentvError `not-found`, `config` */
function readDurations(directory: string): Durations {
	const { runId } = readRunFile(directory);
	const attempts = new Map<string, Map<number, number>>();
	for (const line of wholeLines(join(directory, "index.jsonl"))) {
		const row = timedRow(line);
		if (!row) continue;
		const known = attempts.get(row.key) ?? new Map<number, number>();
		attempts.set(row.key, known.set(row.attempt, row.durationMs));
	}
	const byCase = new Map([...attempts].map(([key, known]) => [key, mean([...known.values()])]));
	return { runId, byCase, usual: median([...byCase.values()]) };
}

function timedRow(line: string) {
	const read = readJson(line);
	if (!("value" in read) || typeof read.value !== "object" || read.value === null) return undefined;
	const { eval: label, test_id: testId, target, attempt, duration_ms: durationMs, error } = read.value as Wire;
	if (typeof label !== "string" || typeof testId !== "string" || typeof target !== "string") return undefined;
	if (typeof attempt !== "number" || typeof durationMs !== "number" || error?.stage === "dependency") return undefined;
	return { key: caseKey(label, testId, target), attempt, durationMs };
}

interface Wire {
	readonly eval?: unknown;
	readonly test_id?: unknown;
	readonly target?: unknown;
	readonly attempt?: unknown;
	readonly duration_ms?: unknown;
	readonly error?: { readonly stage?: unknown } | null;
}

function mean(numbers: readonly number[]): number {
	const sum = new OrderFreeSum();
	for (const number of numbers) sum.add(number);
	return sum.total / sum.count;
}

function median(numbers: readonly number[]): number {
	const sorted = [...numbers].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? 0;
	return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
