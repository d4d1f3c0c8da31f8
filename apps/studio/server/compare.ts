import {
	type CaseScore,
	type ComparedRun,
	type Comparison,
	compareRuns,
	describeDifference,
	describeLowered,
	type FingerprintPart,
	isLowered,
	readComparedRun,
	runStamps,
} from "@agentv/core";
import type { CompareAnswer, ComparedCase, ComparisonAnswer } from "./answers/compare.ts";
import { mapPage, pageOf } from "./answers/page.ts";
import { type CatalogRun, rowId } from "./catalog.ts";
import { matcher } from "./find-eval.ts";

export const comparedParts = ["comparable", "changed", "new", "gone", "errors"] as const;
export const comparedSorts = ["change", "test", "before", "after", "delta"] as const;

export interface CompareChoices {
	readonly part: (typeof comparedParts)[number];
	/** Only changed tests that differ in this part. */
	readonly differing?: FingerprintPart | "unknown" | undefined;
	readonly page: number;
	readonly pageSize: number;
	readonly search?: string | undefined;
	/** `change`: largest change first. */
	readonly sort: (typeof comparedSorts)[number];
	readonly descending: boolean;
	/** Fingerprint parts that are expected to differ. */
	readonly vary: readonly FingerprintPart[];
}

/** Compares every later run with the first, and returns a page of one part of the split. */
export function compareAnswer(
	runs: readonly CatalogRun[],
	choices: CompareChoices,
	cache: ComparedRuns,
): CompareAnswer {
	const [first, ...others] = runs.map((run) => ({ id: run.id, run: cache.run(run.directory) }));
	if (!first) return { runs: [], comparisons: [] };
	return {
		runs: [first, ...others].map(({ id, run }) => describeRun(id, run)),
		comparisons: others.map(({ id, run }) => ({
			before: first.id,
			after: id,
			...describeComparison(cache.compare(first.run, run, choices.vary), choices),
		})),
	};
}

function describeRun(id: string, { experiment, startedAt, state, planned, cases, badLines }: ComparedRun) {
	return { id, experiment, started_at: startedAt, state, planned, results: cases.length, bad_lines: badLines.length };
}

function describeComparison(compared: Comparison, choices: CompareChoices): Omit<ComparisonAnswer, "before" | "after"> {
	const { difference, means, verdict, renamed, atLeast } = compared;
	const page = pageOf(selected(compared, choices), choices.page, choices.pageSize);
	return {
		verdict,
		message: describeDifference(difference),
		tests: difference.tests,
		means: [means.before.mean ?? 0, means.after.mean ?? 0],
		mean: difference.mean,
		at_least: isLowered(compared)
			? { message: describeLowered(compared), mean: atLeast.difference.mean, verdict: atLeast.verdict }
			: null,
		interval: difference.interval ?? null,
		smallest_effect: difference.smallestEffect ?? null,
		counts: {
			comparable: compared.comparable.length,
			changed: compared.changed.length,
			new: compared.new.length,
			gone: compared.gone.length,
			errors: compared.errors.length,
		},
		moved: {
			up: compared.comparable.filter(({ delta }) => delta > 0).length,
			down: compared.comparable.filter(({ delta }) => delta < 0).length,
		},
		changed_parts: countParts(compared),
		renamed: [...renamed.evals, ...renamed.targets],
		cases: { part: choices.part, ...mapPage(page, describeCase) },
	};
}

/** Counts the changed tests by differing part. */
function countParts({ changed }: Comparison): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const { parts } of changed)
		for (const part of parts.length > 0 ? parts : ["unknown"]) counts[part] = (counts[part] ?? 0) + 1;
	return counts;
}

interface ListedCase {
	readonly before: CaseScore | undefined;
	readonly after: CaseScore | undefined;
	readonly name: CaseScore;
	readonly delta: number | undefined;
	readonly parts: readonly string[];
}

function selected(compared: Comparison, choices: CompareChoices): readonly ListedCase[] {
	const matches = matcher(choices.search);
	const { differing, sort } = choices;
	const wanted = listed(compared, choices.part).filter(
		({ name, parts }) =>
			matches(`${name.testId} ${name.eval} ${name.target}`) &&
			(differing === undefined || (differing === "unknown" ? parts.length === 0 : parts.includes(differing))),
	);
	if (sort === "test") return choices.descending ? wanted.reverse() : wanted;
	const turn = choices.descending ? -1 : 1;
	const key = sortKeys[sort];
	return wanted
		.map((one, index) => ({ one, index, by: key(one) }))
		.sort((a, b) => (a.by - b.by) * turn || a.index - b.index)
		.map(({ one }) => one);
}

/** Cases without a value come last, or first in descending order. */
const sortKeys: Readonly<Record<Exclude<CompareChoices["sort"], "test">, (one: ListedCase) => number>> = {
	change: ({ delta }) => -Math.abs(delta ?? 0),
	before: ({ before }) => before?.score ?? 2,
	after: ({ after }) => after?.score ?? 2,
	delta: ({ delta }) => delta ?? 2,
};

function listed(compared: Comparison, part: CompareChoices["part"]): ListedCase[] {
	switch (part) {
		case "comparable":
			return compared.comparable.map((one) => ({ ...one, name: one.after, parts: [] }));
		case "changed":
			return compared.changed.map((one) => ({ ...one, name: one.after, delta: undefined }));
		case "errors":
			return compared.errors.map((one) => ({ ...one, name: one.after, delta: undefined, parts: [] }));
		case "new":
			return compared.new.map((name) => ({ ...alone, after: name, name }));
		case "gone":
			return compared.gone.map((name) => ({ ...alone, before: name, name }));
	}
}

const alone = { before: undefined, after: undefined, delta: undefined, parts: [] };

/** Maximum number of attempts to link to. */
const mostAttempts = 20;

function describeCase({ before, after, name, delta, parts }: ListedCase): ComparedCase {
	return {
		eval: name.eval,
		test_id: name.testId,
		target: name.target,
		scores: [before?.score ?? null, after?.score ?? null],
		rows: [rowsOf(before), rowsOf(after)],
		delta: delta ?? null,
		parts,
	};
}

function rowsOf(one: CaseScore | undefined): string[] {
	if (!one) return [];
	const { eval: label, testId, target, attempts } = one;
	return Array.from({ length: Math.min(attempts, mostAttempts) }, (_, index) =>
		rowId({ eval: label, testId, target, attempt: index + 1 }),
	);
}

/** Cache size in test cases; the most recently read runs are always kept. */
const keptCases = 50_000;
const keptComparisons = 6;

interface Kept {
	readonly stamp: string;
	readonly run: ComparedRun;
}

/** Caches runs and their comparisons, so that paging does not compute them again. */
export class ComparedRuns {
	readonly #runs = new Map<string, Kept>();
	readonly #comparisons = new Map<string, { readonly of: readonly ComparedRun[]; readonly comparison: Comparison }>();

	/** Reads a run again if it has changed. @throws AgentvError `not-found`, `config` */
	run(directory: string): ComparedRun {
		const { run, rows } = runStamps(directory);
		const stamp = `${run} ${rows}`;
		const known = this.#runs.get(directory);
		this.#runs.delete(directory);
		const entry = known?.stamp === stamp ? known : { stamp, run: readComparedRun(directory) };
		this.#runs.set(directory, entry);
		this.#forgetOldest();
		return entry.run;
	}

	compare(before: ComparedRun, after: ComparedRun, vary: readonly FingerprintPart[]): Comparison {
		const key = JSON.stringify([before.directory, after.directory, [...vary].sort()]);
		const known = this.#comparisons.get(key);
		this.#comparisons.delete(key);
		const isFresh = known?.of[0] === before && known.of[1] === after;
		const entry = isFresh
			? known
			: { of: [before, after], comparison: compareRuns(before.cases, after.cases, new Set(vary)) };
		this.#comparisons.set(key, entry);
		const [oldest] = this.#comparisons.keys();
		if (this.#comparisons.size > keptComparisons && oldest !== undefined) this.#comparisons.delete(oldest);
		return entry.comparison;
	}

	/** Keeps at least two runs regardless of their size, because a page is showing them. */
	#forgetOldest(): void {
		let cases = 0;
		for (const [index, [directory, { run }]] of [...this.#runs].reverse().entries()) {
			cases += run.cases.length;
			if (index < 2 || cases <= keptCases) continue;
			this.#runs.delete(directory);
			for (const [key, { of }] of this.#comparisons) if (of.includes(run)) this.#comparisons.delete(key);
		}
	}
}
