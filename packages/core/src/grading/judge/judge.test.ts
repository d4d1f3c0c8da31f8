import { describe, expect, it } from "vitest";
import type { GraderReply } from "../contract.ts";
import { graders } from "../graders/index.ts";
import { gradingFixture } from "../testing/grading-fixture.ts";
import { scriptedJudge, wholeQuestion } from "../testing/scripted-judge.ts";

const good = { score: 0.75, assertions: [{ text: "greets", passed: true, evidence: "Hello" }], reasoning: "polite" };
const grader = "{type: llm-grader, name: polite, prompt: Is it polite?}";
const judged = (assertion: string, judge = scriptedJudge(() => good), files: Record<string, string> = {}) =>
	gradingFixture(assertion, files, { askModel: judge.askModel });

describe("an llm-grader", () => {
	it("asks for a score with reasons, and keeps its own usage and cost apart", async () => {
		const judge = scriptedJudge(() => good);
		const subject = { output: "Hello!", tokenUsage: { input: 1, output: 1 }, costUsd: 7 };
		expect(await judged(grader, judge).grade(subject)).toMatchObject({
			score: 0.75,
			assertions: [{ text: "greets", passed: true, evidence: "Hello" }],
			details: { reasoning: "polite" },
			usage: { target: "judge", model: "m", tokenUsage: { input: 100, output: 10 }, costUsd: 0.001 },
		});
		expect(judge.questions[0]?.answerSchema?.schema).toMatchObject({ required: ["score", "assertions", "reasoning"] });
	});

	it("gives the author's prompt, and the material where the prompt has no place for it", async () => {
		const judge = scriptedJudge(() => good);
		await judged(grader, judge).grade({ output: "Hello!", expectedOutput: "Good day", prompt: "Greet me" });
		await judged("{type: llm-grader, prompt: ./judge.md}", judge, {
			"judge.md": "Q: {{ question }} A: {{ answer }} R: {{reference_answer}} {{ unknown }}",
		}).grade({ output: "Hello!", expectedOutput: "Good day", prompt: "Greet me" });
		const [plain, own] = judge.questions.map(wholeQuestion);
		for (const text of ["Is it polite?", "Hello!", "Good day", "Greet me"]) expect(plain).toContain(text);
		expect(own).toMatch(
			/Q: <material-\w+>\nGreet me\n.*A: <material-\w+>\nHello!\n.*R: .*Good day\n.*\{\{ unknown \}\}/s,
		);
	});

	it.each([
		["in a fenced block", `Sure!\n\`\`\`json\n${JSON.stringify(good)}\n\`\`\`\nHope it helps`],
		["with words around", `My verdict: ${JSON.stringify(good)} as asked.`],
	])("reads a reply %s", async (_, text) => {
		expect(
			await judged(
				grader,
				scriptedJudge(() => text),
			).grade({ output: "x" }),
		).toMatchObject({ score: 0.75 });
	});

	it("says what was wrong with a reply and asks again, at most three times; all tries are paid for", async () => {
		const replies = ["I like it", { score: 7, assertions: [], reasoning: "" }, good];
		const judge = scriptedJudge((_, index) => replies[index]);
		expect(await judged(grader, judge).grade({ output: "x" })).toMatchObject({
			score: 0.75,
			usage: { tokenUsage: { input: 300, output: 30 }, costUsd: 0.003 },
		});
		expect(judge.questions.map(({ messages }) => messages.length)).toEqual([2, 4, 4]);
		const [, second = "", third = ""] = judge.questions.map(wholeQuestion);
		expect(second).toContain("it holds no JSON object");
		expect(third).toContain("score");
	});

	it("without a usable reply after three tries could not run: it never is a low score", async () => {
		const judge = scriptedJudge(() => "no");
		const graded = await judged(grader, judge).grade({ output: "x" });
		expect(graded).toMatchObject({
			couldNotRun: { code: "bad-reply", message: expect.stringContaining("in 3 tries") },
			usage: { tokenUsage: { input: 300, output: 30 } },
		});
		expect(graded).not.toHaveProperty("score");
		expect(judge.questions).toHaveLength(3);
	});

	it("whose model fails could not run", async () => {
		const failure = { code: "http-500", message: "overloaded", retryable: true };
		const askModel = async (): Promise<GraderReply> => ({ ok: false, failure });
		const graded = await gradingFixture(grader, {}, { askModel }).grade({ output: "x" });
		expect(graded).toMatchObject({ couldNotRun: { code: "model", message: expect.stringContaining("overloaded") } });
	});

	it("takes its prompt from a program, too", async () => {
		const judge = scriptedJudge(() => good);
		const files = {
			"prompt.mjs":
				"process.stdin.resume(); process.stdin.on('end', () => console.log('Judge harshly: {{ output }}'));",
		};
		await judged("{type: llm-grader, prompt: {command: [node, ./prompt.mjs]}}", judge, files).grade({
			output: "Hello!",
		});
		expect(judge.questions[0] && wholeQuestion(judge.questions[0])).toMatch(/Judge harshly: <material-\w+>\nHello!/);
		const broken = judged("{type: llm-grader, prompt: {command: [node, ./none.mjs]}}", judge);
		expect(await broken.grade({ output: "x" })).toHaveProperty("couldNotRun");
	});

	it("has the digest of all built-in prompts as its version", () => {
		for (const type of ["llm-grader", "rubrics", "composite"] as const)
			expect(graders.get(type)?.version).toMatch(/^[0-9a-f]{64}$/);
	});
});

describe("rubrics", () => {
	const rubric =
		"{type: rubrics, criteria: [It greets., {id: name, outcome: It says the name., weight: 2}, {id: tone, outcome: Tone., score_ranges: {0: rude, 10: kind}}]}";
	const entries = (scores: readonly number[]) => ({
		criteria: ["criterion-1", "name", "tone"].map((id, index) => ({ id, score: scores[index], evidence: "e" })),
	});

	it("earn the weight of what is satisfied", async () => {
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

	it("want exactly one judgement for each criterion", async () => {
		const judge = scriptedJudge((_, index) =>
			index === 0 ? { criteria: entries([1, 1, 1]).criteria.slice(1) } : entries([1, 1, 10]),
		);
		expect(await judged(rubric, judge).grade({ output: "Hello" })).toMatchObject({ score: 1 });
		expect(judge.questions[1] && wholeQuestion(judge.questions[1])).toContain('has not for "criterion-1"');
	});

	it("may be plain strings", async () => {
		const judge = scriptedJudge(() => ({ criteria: [{ id: "criterion-1", score: 1 }] }));
		expect(await judged("It greets.", judge).grade({ output: "Hello" })).toMatchObject({ score: 1, type: "rubrics" });
	});

	it("keep criteria apart that share an id", async () => {
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
