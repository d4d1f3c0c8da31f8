import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Repeat } from "../eval/eval-types.ts";
import { type ErrorCause, errorCauses } from "../format/run-file.ts";
import { boundedMeanText } from "../lib/text.ts";
import { caseScores } from "../results/case-scores.ts";
import { compareRuns } from "../results/compare-runs.ts";
import { type AttemptResult, caseResult, passRate, SummaryBuilder, scoreMean } from "./outcomes.ts";

const threshold = 0.8;

interface Planned {
	readonly repeat: Repeat;
	readonly attempts: readonly AttemptResult[];
}

function broken(attempt: number, causedBy: ErrorCause | undefined) {
	const error = { stage: "target", code: "exit-code", message: "", ...(causedBy ? { causedBy } : {}) };
	return { attempt, score: 0, executionStatus: "execution_error" as const, error };
}

/** Generates a graded attempt, one with a veto, or one that could not be graded. */
const anyAttempt = fc.oneof(
	{ weight: 4, arbitrary: fc.integer({ min: 0, max: 20 }).map((twentieths) => twentieths / 20) },
	{ weight: 1, arbitrary: fc.constant("veto" as const) },
	{ weight: 2, arbitrary: fc.constantFrom(...errorCauses, "none" as const) },
);

const anyCase = fc
	.record({
		strategy: fc.constantFrom("mean", "pass_any", "pass_all"),
		attempts: fc.array(anyAttempt, { minLength: 1, maxLength: 4 }),
	})
	.map(({ strategy, attempts }): Planned => {
		const made = attempts.map((one, index): AttemptResult => {
			const attempt = index + 1;
			if (one === "veto") return { attempt, score: 0.95, executionStatus: "quality_failure" };
			if (typeof one === "string") return broken(attempt, one === "none" ? undefined : one);
			return { attempt, score: one, executionStatus: one >= threshold ? "ok" : "quality_failure" };
		});
		return { repeat: { count: made.length, strategy, earlyExit: false } as Repeat, attempts: made };
	});

function summaryOf(cases: readonly Planned[]) {
	const builder = new SummaryBuilder(cases.length);
	for (const { attempts, repeat } of cases) builder.addCase(caseResult(attempts, repeat, threshold));
	return builder.result();
}

/**
 * Returns the same cases, with each failed attempt that `choose` accepts as an error of the agent.
 */
function turned(cases: readonly Planned[], choose: (index: number) => boolean): Planned[] {
	let index = 0;
	return cases.map((one) => ({
		...one,
		attempts: one.attempts.map((attempt) =>
			attempt.executionStatus === "quality_failure" && choose(index++) ? broken(attempt.attempt, "agent") : attempt,
		),
	}));
}

const print = { test: "t", graders: "g", workspace: "w", hooks: "h", target: "x" };

function scoresOf(cases: readonly Planned[]) {
	return caseScores(
		cases.flatMap(({ attempts }, index) =>
			attempts.map(({ attempt, score, executionStatus, error }) => ({
				...{ eval: "a.eval.yaml", testId: `t${index}`, target: "default", attempt, fingerprint: print },
				...(executionStatus !== "execution_error" ? { score } : error?.causedBy === "agent" ? { isBroken: true } : {}),
			})),
		),
	);
}

const few = fc.array(anyCase, { minLength: 1, maxLength: 12 });
const picks = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });

describe("turning failed attempts into errors of the agent", () => {
	test("never raises the lower bound of the mean score or of the pass rate", () => {
		fc.assert(
			fc.property(few, picks, (cases, pick) => {
				const before = summaryOf(cases);
				const after = summaryOf(turned(cases, (index) => pick[index % pick.length] === true));
				const [one, other] = [scoreMean(before), scoreMean(after)];
				if (one.lowerBound !== null) expect(other.lowerBound).not.toBeNull();
				expect(other.lowerBound ?? 0).toBeLessThanOrEqual((one.lowerBound ?? 1) + 1e-12);
				expect(passRate(after).lowerBound ?? 0).toBeLessThanOrEqual((passRate(before).lowerBound ?? 1) + 1e-12);
			}),
			law(10_000),
		);
	});

	test("never makes a comparison pass its gate", () => {
		const many = fc.array(fc.tuple(anyCase, anyCase), { minLength: 6, maxLength: 10 });
		fc.assert(
			fc.property(many, picks, (pairs, pick) => {
				const before = scoresOf(pairs.map(([one]) => one));
				const after = pairs.map(([, one]) => one);
				const honest = compareRuns(before, scoresOf(after)).atLeast;
				const cheating = compareRuns(
					before,
					scoresOf(turned(after, (index) => pick[index % pick.length] === true)),
				).atLeast;
				expect(cheating.difference.tests).toBe(honest.difference.tests);
				if (honest.verdict === "worse") expect(cheating.verdict).toBe("worse");
				if (cheating.verdict === "better") expect(honest.verdict).toBe("better");
			}),
			law(500),
		);
	});
});

test("without errors of the agent, the lower bound equals the mean and only the mean is shown", () => {
	const judged = anyCase.filter(({ attempts }) =>
		attempts.every(({ executionStatus }) => executionStatus !== "execution_error"),
	);
	fc.assert(
		fc.property(fc.array(judged, { minLength: 1, maxLength: 12 }), (cases) => {
			const mean = scoreMean(summaryOf(cases));
			expect(mean.lowerBound).toBe(mean.mean);
			expect(boundedMeanText(mean, String)).toBe(String(mean.mean));
		}),
		law(1000),
	);
});

test.each([
	[{ mean: 0.92, lowerBound: 0.84, n: 11, planned: 12 }, "0.92 (11 of 12, at least 0.84)"],
	[{ mean: 0.92, lowerBound: 0.92, n: 11, planned: 12 }, "0.92 (11 of 12)"],
	[{ mean: 0.92, lowerBound: 0.92, n: 12, planned: 12 }, "0.92"],
	[{ mean: null, lowerBound: 0, n: 0, planned: 2 }, "– (0 of 2, at least 0)"],
	[{ mean: null, lowerBound: null, n: 0, planned: 2 }, "–"],
])("formats %j as %s", (mean, text) => {
	expect(boundedMeanText(mean, String)).toBe(text);
});
