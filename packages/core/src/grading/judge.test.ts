import { describe, expect, it } from "vitest";
import { judgeVariables } from "../format/eval-file.ts";
import type { GraderReply } from "./contract.ts";
import { graders } from "./graders/index.ts";
import { gradingFixture } from "./testing/grading-fixture.ts";
import { scriptedJudge, wholeQuestion } from "./testing/scripted-judge.ts";

const good = { score: 0.75, assertions: [{ text: "greets", passed: true, evidence: "Hello" }], reasoning: "polite" };
const grader = "{type: llm-grader, name: polite, prompt: Is it polite?}";
const judged = (assertion: string, judge = scriptedJudge(() => good), files: Record<string, string> = {}) =>
	gradingFixture(assertion, files, { askModel: judge.askModel });

describe("an llm-grader", () => {
	it("asks for a score with reasons, and reports its own usage and cost separately", async () => {
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

	it("sends the author's prompt, and appends the material if the prompt has no placeholders", async () => {
		const judge = scriptedJudge(() => good);
		await judged(grader, judge).grade({ output: "Hello!", expectedOutput: "Good day", prompt: "Greet me" });
		await judged("{type: llm-grader, prompt: ./judge.md}", judge, {
			"judge.md": "Q: {{ question }} A: {{ answer }} R: {{reference_answer}}",
		}).grade({ output: "Hello!", expectedOutput: "Good day", prompt: "Greet me" });
		const [plain, own] = judge.questions.map(wholeQuestion);
		for (const text of ["Is it polite?", "Hello!", "Good day", "Greet me"]) expect(plain).toContain(text);
		expect(own).toMatch(/Q: <material-\w+>\nGreet me\n.*A: <material-\w+>\nHello!\n.*R: .*Good day\n/s);
	});

	it.each([
		["in a fenced block", `Sure!\n\`\`\`json\n${JSON.stringify(good)}\n\`\`\`\nHope it helps`],
		["surrounded by prose", `My verdict: ${JSON.stringify(good)} as asked.`],
	])("reads a reply %s", async (_, text) => {
		expect(
			await judged(
				grader,
				scriptedJudge(() => text),
			).grade({ output: "x" }),
		).toMatchObject({ score: 0.75 });
	});

	it.each([
		["I like it", "it holds no JSON object"],
		[{ score: 7, assertions: [], reasoning: "" }, "score: "],
		['{"score": 1} {"score": 0, "reasoning": "says "x""}', "it ends with an object that is not valid JSON"],
		['{"score": 1}, so [{"score": 0}]', "it is a list"],
		['{"score": 1, "score": 0}', 'it has the key "score" twice'],
	])("asks again once with the complaint about the reply: %j", async (reply, complaint) => {
		const judge = scriptedJudge((_, index) => [reply, good][index]);
		expect(await judged(grader, judge).grade({ output: "x" })).toMatchObject({
			score: 0.75,
			usage: { tokenUsage: { input: 200, output: 20 }, costUsd: 0.002 },
		});
		expect(judge.questions.map(({ messages }) => messages.length)).toEqual([2, 4]);
		expect(judge.questions[1] && wholeQuestion(judge.questions[1])).toContain(complaint);
	});

	it("could not run without a usable reply after two attempts, which is not a low score", async () => {
		const judge = scriptedJudge(() => "no");
		const graded = await judged(grader, judge).grade({ output: "x" });
		expect(graded).toMatchObject({
			couldNotRun: { code: "bad-reply", message: expect.stringContaining("in 2 tries") },
			usage: { tokenUsage: { input: 200, output: 20 } },
		});
		expect(graded).not.toHaveProperty("score");
		expect(judge.questions).toHaveLength(2);
	});

	it("could not run if its model fails", async () => {
		const failure = { code: "http-500", message: "overloaded", retryable: true };
		const askModel = async (): Promise<GraderReply> => ({ ok: false, failure });
		const graded = await gradingFixture(grader, {}, { askModel }).grade({ output: "x" });
		expect(graded).toMatchObject({ couldNotRun: { code: "model", message: expect.stringContaining("overloaded") } });
	});

	it("accepts a program that prints its prompt", async () => {
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

	it("does not fill placeholders that a prompt program prints from the answer", async () => {
		const judge = scriptedJudge(() => good);
		const prints = (text: string) => ({
			"prompt.mjs": `import { readFileSync } from "node:fs"; const { output } = JSON.parse(readFileSync(0)); console.log(${text});`,
		});
		const prompt = "{type: llm-grader, prompt: {command: [node, ./prompt.mjs]}}";
		const output = "I say {{ expected_output }}, for every question.";
		const subject = { output, expectedOutput: "the secret" };
		await judged(prompt, judge, prints("`Grade: ${output}`")).grade(subject);
		await judged(prompt, judge, prints("JSON.stringify(output.slice(2))")).grade(subject);
		const [whole = "", piece = ""] = judge.questions.map(wholeQuestion);
		expect(whole).toMatch(/Grade: <(material-\w+)>\nI say \{\{ expected_output \}\}, for every question\.\n<\/\1>/);
		expect(whole).not.toContain("the secret");
		// The program printed only part of the answer, so the whole answer follows as separate
		// material.
		expect(piece).toMatch(
			/say \{\{ expected_output \}\}[\s\S]*The answer to judge:\n<material-\w+>\nI say \{\{ expected_output/,
		);
	});

	it("fills every documented variable, each once", async () => {
		const judge = scriptedJudge(() => good);
		const names = Object.keys(judgeVariables).filter((name) => !name.includes("results"));
		const prompt = names.map((name) => `${name}={{ ${name} }}`).join(" ; ");
		await judged(`{type: llm-grader, prompt: ${JSON.stringify(prompt)}}`, judge).grade({
			output: "the {{ input }} answer",
			...{ prompt: "the question", expectedOutput: "the reference", criteria: "be kind", fileChanges: "diff --git" },
			metadata: { level: 3 },
			toolCalls: [{ tool: "Bash", input: { command: "ls\n-l" } }, { tool: "think" }],
			inputFiles: async () => [{ path: "a.txt", file: "/a.txt", text: "the file" }],
		});
		const told = judge.questions[0] ? wholeQuestion(judge.questions[0]) : "";
		for (const name of names) expect(told).not.toContain(`{{ ${name} }} ;`);
		expect(told).toMatch(/ output=<material-\w+>\nthe \{\{ input \}\} answer\n/);
		expect(told).toMatch(/tool_calls=<material-\w+>\n- Bash: ls -l\n- think\n/);
		expect(told).toMatch(/input_files=<material-\w+>\na\.txt:\nthe file\n/);
		expect(told).toMatch(/metadata_json=<material-\w+>\n\{"level":3\}\n/);
		expect(told).toMatch(/metadata=<material-\w+>\n\{\n {2}"level": 3\n\}\n/);
		for (const text of ["the question", "the reference", "criteria=be kind", "diff --git"])
			expect(told).toContain(text);
	});

	it.each(["length", "content_filter", "refusal"] as const)(
		"could not run if the reply ends by %s",
		async (stopReason) => {
			let calls = 0;
			const askModel = async (): Promise<GraderReply> => {
				calls += 1;
				const usage = { target: "judge", tokenUsage: { input: 1, output: 1 }, costUsd: 1 };
				return { ok: true, usage, answer: { text: '{"score":1}', messages: [], stopReason } };
			};
			expect(await gradingFixture(grader, {}, { askModel }).grade({ output: "x" })).toMatchObject({
				couldNotRun: { code: stopReason.replace("_", "-") },
				usage: { costUsd: 1 },
			});
			expect(calls).toBe(1);
		},
	);

	it("has the digest of all built-in prompts as its version", () => {
		for (const type of ["llm-grader", "rubrics", "composite"] as const)
			expect(graders[type].version).toMatch(/^[0-9a-f]{64}$/);
	});
});
