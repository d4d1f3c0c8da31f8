import { join } from "node:path";
import { readRunFile, readSummary, rowKey } from "../eval/discover-evals.ts";
import { caseKey, optionOf, planFlags } from "../eval/run-digest.ts";
import type { VersionUse } from "../format/json-schema.ts";
import {
	type AttemptFile,
	type Fingerprint,
	fingerprintParts,
	type PlannedTargetRecord,
	type PlannedTest,
	type ResultRow,
	type RunFile,
} from "../format/run-file.ts";
import { isDecided, missingAttempts } from "../grading/outcomes.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson } from "../lib/json.ts";
import { pathKind, realPath } from "../machine/files.ts";
import { isLocked } from "../machine/lock.ts";
import { type AttemptId, attemptOf, isFinished, type RecordedRow, StoredRows } from "./read-run.ts";

export interface PartRow extends RecordedRow {
	readonly part: MergePart;
}

export interface MergedCase {
	readonly planned: PlannedTest;
	/** The eval's name in rows. */
	readonly eval: string;
	readonly rows: readonly PartRow[];
}

interface Collation {
	/** In planned order. */
	readonly cases: readonly MergedCase[];
	readonly problems: readonly MergeProblem[];
}

export function collateRows(parts: readonly MergePart[]): Collation {
	const [first] = parts;
	if (!first) return { cases: [], problems: [] };
	const problems: MergeProblem[] = [];
	const byCase = new Map<string, { planned: PlannedTest; eval: string; rows: PartRow[] }>();
	for (const planned of first.whole) {
		const label = first.run.evals[planned[0]]?.file ?? "";
		byCase.set(caseKey(label, planned[1], planned[2]), { planned, eval: label, rows: [] });
	}
	const seen = new Map<string, PartRow>();
	for (const part of parts) {
		for (const { row, text } of part.rows) {
			const partRow = { row, text, part };
			const known = byCase.get(caseKey(row.eval, row.testId, row.target));
			const before = seen.get(rowKey(row));
			if (!known || row.attempt < 1 || row.attempt > (known.planned[3]?.count ?? 1))
				problems.push({ kind: "not-planned", place: placeOf(partRow), ...attemptOf(row) });
			else if (before)
				problems.push({ kind: "duplicate", places: [placeOf(before), placeOf(partRow)], ...attemptOf(row) });
			else {
				seen.set(rowKey(row), partRow);
				known.rows.push(partRow);
			}
		}
	}
	const cases = [...byCase.values()];
	for (const { rows } of cases) rows.sort((a, b) => a.row.attempt - b.row.attempt);
	return { cases, problems: [...problems, ...attemptsDiffer(cases), ...targetsDiffer(cases)] };
}

function placeOf({ row, part }: PartRow): string {
	return `${part.name}/${row.file ?? "index.jsonl"}`;
}

function attemptsDiffer(cases: readonly MergedCase[]): MergeProblem[] {
	return cases.flatMap(({ rows: [first, ...others] }) =>
		others.flatMap((row): MergeProblem[] => {
			const parts = first ? differing(first, row, fingerprintParts) : [];
			if (!first || parts.length === 0) return [];
			const places = [placeOf(first), placeOf(row)] as const;
			return [{ kind: "fingerprint", parts, places, ...attemptOf(row.row) }];
		}),
	);
}

/** Skips targets of which one part has several: an imported suite searches its own directory. */
function targetsDiffer(cases: readonly MergedCase[]): MergeProblem[] {
	const byTarget = new Map<string, Map<MergePart, PartRow | "several">>();
	for (const { eval: label, planned, rows } of cases)
		for (const row of rows) {
			const key = JSON.stringify([label, planned[2]]);
			const byPart = byTarget.get(key) ?? new Map<MergePart, PartRow | "several">();
			const before = byPart.get(row.part) ?? row;
			const isSame = before !== "several" && differing(before, row, ["target"]).length === 0;
			byTarget.set(key, byPart.set(row.part, isSame ? before : "several"));
		}
	return [...byTarget.values()].flatMap((byPart) => {
		const [first, ...others] = [...byPart.values()].filter((row) => row !== "several");
		return others.flatMap((row): MergeProblem[] => {
			if (!first || differing(first, row, ["target"]).length === 0) return [];
			const { target, eval: label } = row.row;
			return [{ kind: "target", target, eval: label, places: [placeOf(first), placeOf(row)] }];
		});
	});
}

/** A row without a fingerprint is not compared. */
function differing(one: PartRow, other: PartRow, among: readonly (keyof Fingerprint)[]): string[] {
	const [a, b] = [one.row.fingerprint, other.row.fingerprint];
	return a && b ? among.filter((part) => a[part] !== b[part]) : [];
}

export interface MissingTest extends Omit<AttemptId, "attempt"> {
	/** For a test with early exit, only the next attempt. */
	readonly attempts: readonly number[];
	readonly shard?: number;
}

export interface Missing {
	/** Excludes shards whose tests another run has. */
	readonly shards: readonly number[];
	/** In planned order. */
	readonly tests: readonly MissingTest[];
}

export function findMissing(parts: readonly MergePart[], cases: readonly MergedCase[]): Missing {
	const sharding = parts[0]?.run.shard;
	const there = new Set(
		parts.flatMap(({ run }) => [run.shard?.index, ...(run.merged ?? []).map(({ shard }) => shard)]),
	);
	const tests = cases.flatMap((merged, position): MissingTest[] => {
		const [, testId, target, repeat = { count: 1, strategy: "mean", earlyExit: false }] = merged.planned;
		const rows = merged.rows.map(({ row }) => row);
		if (isDecided(rows, repeat)) return [];
		const left = missingAttempts(new Set(rows.map(({ attempt }) => attempt)), repeat.count);
		const shard = sharding?.assigned[position];
		const attempts = repeat.earlyExit ? left.slice(0, 1) : left;
		return [{ eval: merged.eval, testId, target, attempts, ...(shard === undefined ? {} : { shard }) }];
	});
	const absent = tests.flatMap(({ shard }) => (shard === undefined || there.has(shard) ? [] : [shard]));
	return { shards: [...new Set(absent)].sort((a, b) => a - b), tests };
}

export interface MergePart {
	/** Real, absolute. */
	readonly directory: string;
	/** As specified by the user. */
	readonly name: string;
	readonly run: RunFile;
	/** All tests of the whole run. */
	readonly whole: readonly PlannedTest[];
	readonly rows: readonly RecordedRow[];
	/** In its index; 1-based. */
	readonly badLines: readonly number[];
	/** Whether it finished, so that a digest covers its record. */
	readonly isFinished: boolean;
	/** Milliseconds; 0 if the run was killed before recording it. */
	readonly durationMs: number;
}

/**
 * Reads a whole part and skips a truncated last line.
 * @throws AgentvError `not-found` if there is no run, `refused` if it is in progress or its files
 * are links
 */
export function readPart(directory: string, name: string): MergePart {
	for (const file of ["run.json", "index.jsonl", "summary.json", "tests"])
		if (pathKind(join(directory, file)) === "link") throw new AgentvError("refused", `${join(name, file)} is a link`);
	const run = readRunFile(directory);
	if (isLocked(directory, { lockDirectory: directory }))
		throw new AgentvError("refused", `${name} belongs to a run in progress`, {
			hint: "Merge it after it has finished. A run that was killed on another machine is detected after a minute.",
		});
	const stored = new StoredRows(directory);
	const rows = [...stored.recorded()];
	const summary = readSummary(directory);
	return {
		isFinished: isFinished(summary),
		...{ directory: realPath(directory), name, run, rows, badLines: stored.badLines },
		whole: run.whole ?? run.planned,
		durationMs: summary?.durationMs ?? 0,
	};
}

export function runIdsOf({ run }: MergePart): string[] {
	return [run.runId, ...(run.merged ?? []).map(({ runId }) => runId)];
}

/** Sorts by shard, then start time, so that the order of arguments doesn't matter. */
export function inPartOrder(parts: readonly MergePart[]): MergePart[] {
	const shardOf = ({ run }: MergePart) => run.shard?.index ?? Number.MAX_SAFE_INTEGER;
	const startOf = ({ run: { startedAt, runId } }: MergePart) => `${startedAt} ${runId}`;
	return [...parts].sort((a, b) => shardOf(a) - shardOf(b) || (startOf(a) < startOf(b) ? -1 : 1));
}

type Pair = readonly [string, string];

export type MergeProblem =
	| { readonly kind: "same-run"; readonly runs: Pair }
	| { readonly kind: "same-shard"; readonly index: number; readonly count: number; readonly runs: Pair }
	| ({ readonly kind: "other-plan"; readonly runs: Pair } & PlanDifference)
	| ({ readonly kind: "duplicate"; readonly places: Pair } & AttemptId)
	| ({ readonly kind: "not-planned"; readonly place: string } & AttemptId)
	| ({ readonly kind: "fingerprint"; readonly parts: readonly string[]; readonly places: Pair } & AttemptId)
	/** A file of several runs' tests has different versions, as listed in `run.json`. */
	| { readonly kind: "file"; readonly path: string; readonly runs: Pair }
	| { readonly kind: "target"; readonly target: string; readonly eval: string; readonly places: Pair };

interface PlanDifference {
	readonly what: PlanPart;
	readonly name?: string;
	/** Present if short. */
	readonly values?: Pair;
}

type PlanPart =
	| "agentv"
	| "eval"
	| "target"
	| "bundle"
	| "benchmark"
	| "commit"
	| "flag"
	| "shard-count"
	| "tests"
	| "balance";

/** Returns a sentence without a full stop. */
export function mergeProblemText(problem: MergeProblem): string {
	switch (problem.kind) {
		case "same-run":
			return `${problem.runs[0]} and ${problem.runs[1]} contain the same run`;
		case "same-shard":
			return `shard ${problem.index}/${problem.count} is duplicated: ${problem.runs[0]} and ${problem.runs[1]}`;
		case "other-plan":
			return planText(problem);
		case "duplicate":
			return `${attemptText(problem)} is duplicated: ${problem.places[0]} and ${problem.places[1]}`;
		case "not-planned":
			return `${attemptText(problem)} is not a test of this run: ${problem.place}`;
		case "fingerprint":
			return `${attemptText(problem)} differs in ${problem.parts.join(" and ")} between ${problem.places[0]} and ${problem.places[1]}`;
		case "file":
			return `${problem.path} differs between ${problem.runs[0]} and ${problem.runs[1]}`;
		case "target":
			return `target ${JSON.stringify(problem.target)} of ${problem.eval} differs between ${problem.places[0]} and ${problem.places[1]}`;
	}
}

function planText({ what, name, values, runs: [one, other] }: Extract<MergeProblem, { kind: "other-plan" }>): string {
	const text = values ? `: ${values[0]} and ${values[1]}` : "";
	return `${one} and ${other} ${differences[what](name ?? "")}${text}`;
}

const differences: Readonly<Record<PlanPart, (name: string) => string>> = {
	agentv: () => "were run by different versions of AgentV",
	eval: (name) => `did not run the same ${name}`,
	target: (name) => `had different targets ${JSON.stringify(name)}`,
	bundle: () => "ran different bundles",
	benchmark: () => "ran different revisions of a benchmark",
	commit: () => "ran different commits",
	flag: (name) => `were started with different ${optionOf(name)}`,
	"shard-count": () => "divide the tests into different numbers of shards",
	tests: () => "planned different tests",
	balance: () => "balanced the shards by different durations",
};

function attemptText({ eval: label, testId, target, attempt }: AttemptId): string {
	return `${JSON.stringify(testId)} (${target}${attempt > 1 ? `, attempt ${attempt}` : ""}) of ${label}`;
}

/** Finds out why two parts are not from one plan. Paths and the machine may differ. */
export function planDifferences(one: MergePart, other: MergePart): MergeProblem[] {
	const [a, b] = [one.run, other.run];
	const differing: PlanDifference[] = [];
	const compare = (what: PlanPart, left: unknown, right: unknown, more: Omit<PlanDifference, "what"> = {}) => {
		if (canonicalJson(left) !== canonicalJson(right)) differing.push({ what, ...more });
	};
	const compareTexts = (what: PlanPart, ...values: Pair) => compare(what, ...values, { values });
	compareTexts("agentv", a.agentvVersion, b.agentvVersion);
	for (const name of new Set([...a.evals, ...b.evals].map(({ file }) => file)))
		compare("eval", placedEval(a, name), placedEval(b, name), { name });
	for (const name of new Set([...a.targets, ...b.targets].map((target) => target.name))) {
		const [ofA, ofB] = [a, b].map((run) => run.targets.find((target) => target.name === name));
		const knownFacts = ofA?.facts !== undefined && ofB?.facts !== undefined;
		compare("target", targetFacts(ofA, knownFacts), targetFacts(ofB, knownFacts), { name });
	}
	compare("bundle", a.bundle?.digest, b.bundle?.digest);
	compare("benchmark", a.benchmark, b.benchmark);
	if (a.git && b.git) compareTexts("commit", a.git.commit.slice(0, 12), b.git.commit.slice(0, 12));
	const text = (value: unknown) => (value === undefined ? "none" : JSON.stringify(value));
	for (const name of planFlags)
		compare("flag", a.flags[name], b.flags[name], { name, values: [text(a.flags[name]), text(b.flags[name])] });
	compareTexts("shard-count", String(a.shard?.count ?? 1), String(b.shard?.count ?? 1));
	// Other differences explain why the tests differ.
	if (differing.length === 0) compare("tests", one.whole, other.whole);
	if (differing.length === 0) compare("balance", divisionOf(a), divisionOf(b));
	return differing.map((difference) => ({ kind: "other-plan", ...difference, runs: [one.name, other.name] }));
}

function placedEval({ evals }: RunFile, name: string): unknown {
	const position = evals.findIndex(({ file }) => file === name);
	return [position, evals[position]?.digest];
}

/** Settings with paths differ between machines; the rows' fingerprints cover what matters. */
function targetFacts(target: PlannedTargetRecord | undefined, withFacts: boolean): unknown {
	return target && [target.provider, target.via, withFacts ? target.facts : undefined];
}

function divisionOf({ shard }: RunFile): unknown {
	return shard && [shard.assigned, shard.balancedBy];
}

interface MixedInput {
	readonly of: string;
	readonly versions: VersionUse[];
}

/** Versions of an attempt's inputs, from its file. */
export type MadeOf = Pick<AttemptFile, "files" | "repositories">;

/** Per version, in messages. */
const maxNamed = 3;

type Uses = Map<string, VersionUse>;

export class MixedVersions {
	readonly #files: RunFile["files"];
	readonly #planned: ReadonlyMap<string, { readonly fingerprint: string; readonly isRepeated: boolean }>;
	readonly #repositories = new Map<string, { readonly path: string; readonly commits: Set<string> }>();
	/** By the name of a file or repository, which should have one version. */
	readonly #inputs = new Map<string, Uses>();
	/** By eval, target and part, for tests that differ from the plan. */
	readonly #parts = new Map<string, { readonly part: keyof Fingerprint; readonly uses: Uses }>();
	readonly #attempts = new Map<string, { readonly attempt: AttemptId; readonly fingerprint: Partial<Fingerprint> }>();

	constructor({ files, planned, evals, fingerprints, repositories = [] }: RunFile) {
		this.#files = files;
		this.#planned = new Map(
			planned.map(([of, id, target, repeat], position) => [
				caseKey(evals[of]?.file ?? "", id, target),
				{ fingerprint: fingerprints?.[position] ?? "", isRepeated: repeat !== undefined },
			]),
		);
		for (const { path, repo, requested, ancestor, sha } of repositories) {
			// A relative path depends on its eval.
			if (/^[./~]/.test(repo)) continue;
			const words = [
				"repository",
				repo,
				requested,
				ancestor === undefined ? undefined : `less ${ancestor}`,
				`in ${path}`,
			];
			const title = words.filter((word) => word !== undefined).join(" ");
			const { commits } = getOrSet(this.#repositories, title, { path, commits: new Set<string>() });
			commits.add(sha);
		}
	}

	/** @param made absent if the attempt's file is unreadable */
	add(row: ResultRow, made: MadeOf | undefined): void {
		const attempt = attemptOf(row);
		for (const [name, version] of Object.entries(made?.files ?? {}))
			count(getOrSet(this.#inputs, name, new Map()), version, attempt);
		for (const [title, { path, commits }] of this.#repositories) {
			const sha = made?.repositories?.[path];
			if (sha !== undefined && commits.has(sha)) count(getOrSet(this.#inputs, title, new Map()), sha, attempt);
		}
		if (row.fingerprint) this.#addFingerprint(row, row.fingerprint);
	}

	/** Called once, after all rows. */
	result(): MixedInput[] {
		const files = new Map((this.#files ?? []).map((file) => [file.path, file]));
		const parts = new Set<string>();
		const mixed = [...this.#inputs].flatMap(([of, uses]): MixedInput[] => {
			const file = files.get(of);
			const planned = file?.sha256.slice(0, 32);
			const isPlanned = planned === undefined || uses.has(planned);
			if (uses.size < 2 && isPlanned) return [];
			for (const part of file?.parts ?? []) parts.add(part);
			return [
				{ of, versions: [...(isPlanned ? [] : [{ version: planned, attempts: 0, first: [] }]), ...uses.values()] },
			];
		});
		// A changed file explains why its parts changed.
		const others = [...this.#parts].filter(([, { part }]) => !parts.has(part));
		return [...mixed, ...others.map(([of, { uses }]) => ({ of, versions: [...uses.values()] }))];
	}

	#addFingerprint(row: ResultRow, fingerprint: Fingerprint): void {
		const key = caseKey(row.eval, row.testId, row.target);
		const planned = this.#planned.get(key);
		const parts = planned?.fingerprint.split(".") ?? [];
		const attempt = attemptOf(row);
		const previous = this.#attempts.get(key);
		// A workspace that could not be prepared has no commits.
		const isUnprepared = row.executionStatus === "execution_error";
		for (const [position, part] of fingerprintParts.entries()) {
			if (part === "workspace" && isUnprepared) continue;
			const version = fingerprint[part];
			const expected = parts[position] ?? "";
			const before = previous?.fingerprint[part];
			if (expected !== "" && !version.startsWith(expected)) {
				const uses = this.#usesOfPart(part, row);
				getOrSet(uses, expected, { version: expected, attempts: 0, first: [] });
				count(uses, version, attempt);
			} else if (previous && before !== undefined && before !== version) {
				const uses = this.#usesOfPart(part, row);
				if (!uses.has(before)) count(uses, before, previous.attempt);
				count(uses, version, attempt);
			}
		}
		if (!planned?.isRepeated || (previous && isUnprepared)) return;
		const { workspace: _, ...rest } = fingerprint;
		this.#attempts.set(key, { attempt, fingerprint: isUnprepared ? rest : fingerprint });
	}

	#usesOfPart(part: keyof Fingerprint, row: ResultRow): Uses {
		const of = `${part} of ${row.eval} with target ${JSON.stringify(row.target)}`;
		return getOrSet(this.#parts, of, { part, uses: new Map() }).uses;
	}
}

function getOrSet<Value>(map: Map<string, Value>, key: string, value: Value): Value {
	const known = map.get(key) ?? value;
	map.set(key, known);
	return known;
}

function count(uses: Uses, version: string, attempt: AttemptId): void {
	const use = getOrSet(uses, version, { version, attempts: 0, first: [] });
	use.attempts += 1;
	if (use.first.length < maxNamed) use.first.push(attempt);
}
