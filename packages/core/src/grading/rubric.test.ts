import { describe, expect, it } from "vitest";
import { attemptVerdict } from "./grade-answer.ts";
import { gradingFixture } from "./testing/grading-fixture.ts";
import { scriptedJudge, wholeQuestion } from "./testing/scripted-judge.ts";

const judged = (assertion: string, judge: ReturnType<typeof scriptedJudge>) =>
	gradingFixture(assertion, {}, { askModel: judge.askModel });

describe("rubrics", () => {
	const rubric =
		"{type: rubrics, criteria: [It greets., {id: name, outcome: It says the name., weight: 2}, {id: tone, outcome: Tone., score_ranges: {0: rude, 10: kind}}]}";
	const entries = (scores: readonly number[]) => ({
		criteria: ["criterion-1", "name", "tone"].map((id, index) => ({ id, score: scores[index], evidence: "e" })),
	});

	it("score the weight of the satisfied criteria", async () => {
		const graded = await judged(
			rubric,
			scriptedJudge(() => entries([1, 0, 5])),
		).grade({ output: "Hello" });
		expect(graded).toMatchObject({
			score: (1 + 0 + 0.5) / 4,
			details: { criteria: [{ id: "criterion-1", score: 1 }, {}, {}] },
		});
		expect(graded).toMatchObject({
			assertions: [{ text: "It greets.", passed: true, evidence: "e" }, { passed: false }, {}],
		});
	});

	it("require exactly one score for each criterion", async () => {
		const judge = scriptedJudge((_, index) =>
			index === 0 ? { criteria: entries([1, 1, 1]).criteria.slice(1) } : entries([1, 1, 10]),
		);
		expect(await judged(rubric, judge).grade({ output: "Hello" })).toMatchObject({ score: 1 });
		expect(judge.questions[1] && wholeQuestion(judge.questions[1])).toContain('but doesn\'t for "criterion-1"');
	});

	it("keep the points of other criteria if a required one fails, but fail the grader and the test", async () => {
		const required = "{type: rubrics, criteria: [{id: a, outcome: A, weight: 9}, {id: b, outcome: B, required: true}]}";
		const replies = {
			criteria: [
				{ id: "a", score: 1 },
				{ id: "b", score: 0 },
			],
		};
		const graded = await judged(
			required,
			scriptedJudge(() => replies),
		).grade({ output: "x" });
		expect(graded).toMatchObject({ score: 0.9, stated: "fail", verdict: "fail", veto: true });
		if ("couldNotRun" in graded) throw new Error("could not run");
		expect(attemptVerdict(graded.score, 0.8, [graded])).toEqual({ score: 0.9, status: "quality_failure" });
	});

	it("of an llm-grader are scored one by one, by its own prompt", async () => {
		const own =
			"{type: llm-grader, prompt: 'Look at {{ output }} by {{ rubrics_json }}', rubrics: [{id: a, outcome: A}, B]}";
		const checks = [
			{ id: "a", satisfied: true, reasoning: "yes" },
			{ id: "criterion-2", satisfied: false, reasoning: "no" },
		];
		const judge = scriptedJudge(() => ({ checks, overall_reasoning: "half" }));
		expect(await judged(own, judge).grade({ output: "the answer" })).toMatchObject({
			score: 0.5,
			assertions: [
				{ text: "A", passed: true, evidence: "yes" },
				{ text: "B", passed: false, evidence: "no" },
			],
		});
		const told = judge.questions[0] ? wholeQuestion(judge.questions[0]) : "";
		expect(told).toContain('by [{"id":"a","outcome":"A"');
		expect(told).toMatch(/Look at <material-\w+>\nthe answer\n/);
		const alone = scriptedJudge(() => ({ criteria: [{ id: "a", score: 1 }] }));
		const rubricsAlone = "{type: llm-grader, rubrics: [{id: a, outcome: A}]}";
		expect(await judged(rubricsAlone, alone).grade({ output: "the answer" })).toMatchObject({ score: 1 });
		expect(alone.questions[0] && wholeQuestion(alone.questions[0])).toContain("the answer");
	});

	it.each([5, 10])("refuse the score %f of a criterion that accepts only 0 and 1", async (score) => {
		const judge = scriptedJudge(() => ({ criteria: [{ id: "criterion-1", score }] }));
		expect(await judged("It greets.", judge).grade({ output: "Hello" })).toMatchObject({
			couldNotRun: { message: expect.stringContaining('"criterion-1" a score of 0 or 1') },
		});
	});

	it("may be plain strings", async () => {
		const judge = scriptedJudge(() => ({ criteria: [{ id: "criterion-1", score: 1 }] }));
		expect(await judged("It greets.", judge).grade({ output: "Hello" })).toMatchObject({ score: 1, type: "rubrics" });
	});

	it("distinguish criteria with the same id", async () => {
		const judge = scriptedJudge(() => ({
			criteria: [
				{ id: "a", score: 1 },
				{ id: "a-2", score: 0 },
			],
		}));
		const twice = "{type: rubrics, criteria: [{id: a, outcome: One.}, {id: a, outcome: Two.}]}";
		expect(await judged(twice, judge).grade({ output: "x" })).toMatchObject({ score: 0.5 });
	});
});
