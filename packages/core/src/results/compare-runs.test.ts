import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Fingerprint } from "../format/run-file.ts";
import { type AttemptScore, type CaseScore, caseScores } from "./case-scores.ts";
import { type Comparison, compareRuns } from "./compare-runs.ts";

const print: Fingerprint = { test: "t", graders: "g", workspace: "w", hooks: "h", target: "x" };

function attempt(testId: string, more: Partial<AttemptScore> = {}): AttemptScore {
	return { eval: "a.eval.yaml", testId, target: "default", attempt: 1, score: 1, fingerprint: print, ...more };
}

/** Returns an attempt that was not graded. */
function unjudged(testId: string): AttemptScore {
	const { score: _, ...rest } = attempt(testId);
	return rest;
}

function compare(before: readonly AttemptScore[], after: readonly AttemptScore[]): Comparison {
	return compareRuns(caseScores(before), caseScores(after));
}

const ids = (cases: readonly CaseScore[]) => cases.map(({ testId }) => testId);
const pairIds = (pairs: readonly { readonly after: CaseScore }[]) => ids(pairs.map(({ after }) => after));

describe("comparing two runs", () => {
	test("groups tests by their fingerprints and compares only the comparable ones", () => {
		const before = [attempt("same", { score: 0.5 }), attempt("regraded"), attempt("gone"), attempt("failed")];
		const after = [
			attempt("same", { score: 0.75 }),
			attempt("regraded", { score: 0, fingerprint: { ...print, graders: "other", hooks: "other" } }),
			attempt("new", { score: 0 }),
			unjudged("failed"),
		];
		const split = compare(before, after);
		expect(split.comparable).toMatchObject([{ before: { score: 0.5 }, after: { score: 0.75 }, delta: 0.25 }]);
		expect(split.changed).toMatchObject([{ after: { testId: "regraded" }, parts: ["graders", "hooks"] }]);
		expect([ids(split.new), ids(split.gone), pairIds(split.errors)]).toEqual([["new"], ["gone"], ["failed"]]);
		expect(split.difference).toMatchObject({ tests: 1, mean: 0.25 });
		expect(split.means).toEqual({
			before: { mean: 0.5, lowerBound: 0.5, n: 1, planned: 2 },
			after: { mean: 0.75, lowerBound: 0.75, n: 1, planned: 2 },
		});
	});

	test("treats a test without a fingerprint as changed in unknown parts", () => {
		const bare: AttemptScore = { eval: "a.eval.yaml", testId: "t", target: "default", attempt: 1, score: 1 };
		for (const [before, after] of [
			[bare, attempt("t")],
			[attempt("t"), bare],
			[bare, bare],
		] as const)
			expect(compare([before], [after])).toMatchObject({ comparable: [], changed: [{ parts: [] }] });
	});

	test("averages repeats within a test and uses the last result of a repeated attempt", () => {
		const before = [attempt("twice", { score: 0 }), attempt("once", { score: 1 })];
		const after = [
			attempt("twice", { score: 0.2 }),
			attempt("once", { score: 1 }),
			attempt("twice", { attempt: 2, score: 0 }),
			attempt("twice", { score: 1 }),
		];
		const { comparable, difference } = compare(before, after);
		expect(comparable.map(({ after: { testId, score } }) => [testId, score])).toEqual([
			["once", 1],
			["twice", 0.5],
		]);
		expect(difference).toMatchObject({ tests: 2, mean: 0.25 });
	});

	test("omits an attempt that could not be graded from its test's mean, and counts it", () => {
		const [one] = caseScores([attempt("t", { score: 0.5 }), { ...unjudged("t"), attempt: 2 }]);
		expect(one).toMatchObject({ score: 0.5, attempts: 2, errors: 1 });
	});

	test("treats a test whose attempts were graded differently as changed", () => {
		const mixed = [attempt("t"), attempt("t", { attempt: 2, fingerprint: { ...print, graders: "other" } })];
		expect(compare([attempt("t")], mixed).changed).toMatchObject([{ parts: ["graders"] }]);
		expect(compare(mixed, mixed).comparable.length).toBe(1);
	});

	test("ignores differences that are intended", () => {
		const other = attempt("t", { score: 0, target: "bigger", fingerprint: { ...print, target: "y" } });
		expect(compare([attempt("t")], [other]).changed).toMatchObject([{ parts: ["target"] }]);
		const varied = compareRuns(caseScores([attempt("t")]), caseScores([other]), new Set(["target"]));
		expect(varied).toMatchObject({
			changed: [],
			comparable: [{ delta: -1 }],
			renamed: { targets: [["default", "bigger"]] },
		});
	});
});

describe("comparing evals with several names", () => {
	const asked = (test_: string): Fingerprint => ({ ...print, test: test_ });

	test("never mixes up tests with equal ids", () => {
		const before = [
			attempt("1", { eval: "a", fingerprint: asked("a1") }),
			attempt("1", { eval: "b", fingerprint: asked("b1") }),
		];
		const split = compare(before, [attempt("1", { eval: "b", score: 0, fingerprint: asked("b1") })]);
		expect(split.comparable).toMatchObject([{ before: { eval: "b" }, delta: -1 }]);
		expect(split.gone).toMatchObject([{ eval: "a" }]);
		const strange = compare(
			[attempt("1", { eval: "a", fingerprint: asked("a1") })],
			[attempt("1", { eval: "c", fingerprint: asked("c1") })],
		);
		expect(strange).toMatchObject({ comparable: [], changed: [], new: [{ eval: "c" }], gone: [{ eval: "a" }] });
	});

	test("matches evals with the same tests, such as a bundle and its source, even if other parts changed", () => {
		const source = ["1", "2", "3"].map((id) => attempt(id, { eval: "evals/my.eval.yaml", fingerprint: asked(id) }));
		const bundle = source.map((one) => ({ ...one, eval: "eval.yaml" }));
		const other = { ...print, test: "edited" };
		const later = bundle.map((one, index) => (index === 0 ? { ...one, fingerprint: other } : one));
		const split = compare([attempt("1", { eval: "z" }), ...source], later);
		expect(pairIds(split.comparable)).toEqual(["2", "3"]);
		expect(split.changed).toMatchObject([{ before: { eval: "evals/my.eval.yaml" }, parts: ["test"] }]);
		expect(split.renamed.evals).toEqual([["evals/my.eval.yaml", "eval.yaml"]]);
		expect(split.gone).toMatchObject([{ eval: "z" }]);
	});

	test("matches each eval with the one that has the most tests in common", () => {
		const both = (label: string, more: string) => [
			attempt("hello", { eval: label, fingerprint: asked("hello") }),
			attempt("own", { eval: label, fingerprint: asked(more) }),
		];
		const split = compare(
			[...both("a", "a"), ...both("b", "b")],
			[...both("copy of b", "b"), ...both("copy of a", "a")],
		);
		expect(split.renamed.evals).toEqual([
			["a", "copy of a"],
			["b", "copy of b"],
		]);
		expect(split.comparable.length).toBe(4);
	});
});

describe("comparing any runs", () => {
	const part = fc.constantFrom("p", "q");
	const fingerprint = fc.record({ test: part, graders: part, workspace: part, hooks: part, target: part });
	const row = fc.record(
		{
			eval: fc.constantFrom("a", "b", "c"),
			testId: fc.constantFrom("1", "2", "3", "4", "5", "6", "7"),
			target: fc.constantFrom("x", "y"),
			attempt: fc.integer({ min: 1, max: 2 }),
			score: fc.constantFrom(0, 0.25, 0.5, 1),
			fingerprint: fc.oneof({ weight: 4, arbitrary: fc.constant(print) }, fingerprint),
		},
		{ requiredKeys: ["eval", "testId", "target", "attempt"] },
	);
	const run = fc.array(row, { maxLength: 60 }).map((rows) => caseScores(rows));
	/** The same tests with other names of evals and targets, some of them with new scores. */
	const names = fc.record({ a: fc.constantFrom("a", "d", "b"), x: fc.constantFrom("x", "z") });
	const pairs = fc.oneof(
		fc.tuple(run, run),
		fc
			.tuple(
				fc.array(row, { maxLength: 60 }),
				names,
				fc.array(fc.constantFrom(0, 1, undefined), { minLength: 60, maxLength: 60 }),
			)
			.map(([rows, { a, x }, scores]) => {
				const later = rows.map((one, index) => {
					const score = scores[index];
					const named = { ...one, eval: one.eval === "a" ? a : one.eval, target: one.target === "x" ? x : one.target };
					return score === undefined ? named : { ...named, score };
				});
				return [caseScores(rows), caseScores(later)] as [CaseScore[], CaseScore[]];
			}),
	);
	const vary = fc.subarray(["graders", "target", "workspace"] as const).map((parts) => new Set(parts));

	test("shows no difference between a run and itself", () => {
		fc.assert(
			fc.property(run, vary, (one, parts) => {
				const split = compareRuns(one, one, parts);
				expect([split.new, split.gone, split.renamed]).toEqual([[], [], { evals: [], targets: [] }]);
				expect(split.changed.every(({ before: { fingerprint: known } }) => known === undefined)).toBe(true);
				expect(split.comparable.every(({ delta }) => delta === 0)).toBe(true);
				expect(["no difference shown", "nothing to compare"]).toContain(split.verdict);
			}),
			law(500),
		);
	});

	test("puts each case of both runs into exactly one group", () => {
		fc.assert(
			fc.property(pairs, vary, ([before, after], parts) => {
				const { comparable, changed, errors, new: fresh, gone } = compareRuns(before, after, parts);
				const pairsOf = [...comparable, ...changed, ...errors];
				expect(new Set([...pairsOf.map((one) => one.before), ...gone])).toEqual(new Set(before));
				expect(new Set([...pairsOf.map((one) => one.after), ...fresh])).toEqual(new Set(after));
				expect([pairsOf.length + gone.length, pairsOf.length + fresh.length]).toEqual([before.length, after.length]);
			}),
			law(500),
		);
	});

	test("swaps new and gone tests and mirrors figures and verdict if the runs are swapped", () => {
		const turned = { better: "worse", worse: "better" } as const;
		fc.assert(
			fc.property(pairs, vary, ([before, after], parts) => {
				const one = compareRuns(before, after, parts);
				const two = compareRuns(after, before, parts);
				expect([two.new, two.gone]).toEqual([one.gone, one.new]);
				const swap = <Pair extends { before: CaseScore; after: CaseScore }>(pair: Pair) => ({
					...pair,
					before: pair.after,
					after: pair.before,
				});
				expect(two.changed).toEqual(one.changed.map(swap));
				expect(two.errors).toEqual(one.errors.map(swap));
				expect(two.comparable).toEqual(one.comparable.map((pair) => ({ ...swap(pair), delta: 0 - pair.delta })));
				expect(two.means).toEqual({ before: one.means.after, after: one.means.before });
				expect(two.difference.mean).toBeCloseTo(-one.difference.mean, 12);
				expect(two.difference.smallestEffect).toBe(one.difference.smallestEffect);
				if (one.difference.interval) {
					const [low, high] = one.difference.interval;
					expect(two.difference.interval?.[0]).toBeCloseTo(-high, 9);
					expect(two.difference.interval?.[1]).toBeCloseTo(-low, 9);
				}
				expect(two.verdict).toBe(
					one.verdict === "better" || one.verdict === "worse" ? turned[one.verdict] : one.verdict,
				);
			}),
			law(500),
		);
	});
});
