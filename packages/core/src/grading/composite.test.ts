import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { weightedMean } from "./contract.ts";
import { combineScores } from "./grade-answer.ts";
import { gradingFixture } from "./testing/grading-fixture.ts";

const parts = "assertions: [{name: a, type: contains, value: yes}, {name: b, type: contains, value: no, weight: 3}]";
const composite = (aggregator: string, more = "") =>
	gradingFixture(`{type: composite, name: both, ${more} aggregator: ${aggregator}, ${parts}}`, {
		"sum.mjs":
			'import { readFileSync } from "node:fs"; const { results } = JSON.parse(readFileSync(0)); console.log(JSON.stringify({ score: results.a.score / 2, assertions: [{ text: results.b.verdict, passed: false }] }));',
	});

describe("a composite", () => {
	test("weighs its parts", async () => {
		expect(await composite("{type: weighted_average}").grade({ output: "yes" })).toMatchObject({
			score: 0.25,
			verdict: "fail",
		});
		expect(await composite("{type: weighted_average, weights: {a: 3, b: 1}}").grade({ output: "yes" })).toMatchObject({
			score: 0.75,
			parts: [
				{ name: "a", score: 1 },
				{ name: "b", score: 0 },
			],
		});
	});

	test("requires a share of its parts to pass", async () => {
		expect(await composite("{type: threshold, threshold: 0.25}").grade({ output: "yes" })).toMatchObject({ score: 1 });
		expect(await composite("{type: threshold}").grade({ output: "yes" })).toMatchObject({ score: 0 });
	});

	test("can leave the decision to a program", async () => {
		expect(await composite("{type: code-grader, command: [node, ./sum.mjs]}").grade({ output: "yes" })).toMatchObject({
			score: 0.5,
			assertions: [{ text: "fail" }],
		});
	});

	test("could not run if one of its parts could not", async () => {
		const fixture = gradingFixture(
			"{type: composite, aggregator: {type: weighted_average}, assertions: [{name: inner, type: code-grader, command: no-such-program}]}",
		);
		expect(await fixture.grade({})).toMatchObject({ couldNotRun: { message: expect.stringMatching(/^inner: /) } });
	});

	test("scores 0 if a required part fails", async () => {
		const fixture = gradingFixture(
			"{type: composite, aggregator: {type: weighted_average}, assertions: [{type: contains, value: no, required: true}, {type: contains, value: yes, weight: 9}]}",
		);
		expect(await fixture.grade({ output: "yes" })).toMatchObject({ score: 0 });
	});
});

const graded = fc.record({
	score: fc.double({ min: 0, max: 1, noNaN: true }),
	weight: fc.double({ min: 0, max: 10, noNaN: true }),
});

test("a weighted mean is between the minimum and the maximum", () => {
	fc.assert(
		fc.property(fc.array(graded, { minLength: 1 }), (scores) => {
			const mean = weightedMean(scores);
			const values = scores.map(({ score }) => score);
			expect(mean).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
			expect(mean).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
		}),
		law(500),
	);
});

test("a failed required grader makes a test's score 0", () => {
	const one = {
		name: "a",
		type: "contains",
		assertions: [],
		score: 1,
		weight: 1,
		required: false,
		verdict: "pass" as const,
	};
	expect(combineScores([one, { ...one, score: 0.7, required: true, verdict: "fail" }])).toBe(0);
	expect(combineScores([one, { ...one, score: 0.7, verdict: "fail" }])).toBeCloseTo(0.85);
});
