import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseJsonLines } from "../lib/json.ts";
import type { GraderReply } from "./contract.ts";
import { gradingFixture } from "./testing/grading-fixture.ts";
import { scriptedJudge } from "./testing/scripted-judge.ts";

const grader = "{type: llm-grader, name: polite, prompt: Is it polite?}";
const judged = (assertion: string, judge: ReturnType<typeof scriptedJudge>) =>
	gradingFixture(assertion, {}, { askModel: judge.askModel });

interface ReplyCase {
	readonly name: string;
	readonly reply: string;
	readonly finish?: "length" | "content_filter";
	readonly want: { readonly score?: number; readonly error?: true };
}

const file = new URL("./testing/judge-replies.jsonl", import.meta.url);
const cases = parseJsonLines(readFileSync(file, "utf8"), "judge-replies.jsonl").rows.map(
	({ value }) => value as ReplyCase,
);

describe("the reply of a judge", () => {
	it.each(cases)("$name", async ({ reply, finish, want }) => {
		const askModel = async (): Promise<GraderReply> => ({
			ok: true,
			usage: { target: "judge" },
			answer: { text: reply, messages: [], ...(finish ? { stopReason: finish } : {}) },
		});
		const graded = await gradingFixture(grader, {}, { askModel }).grade({ output: "x" });
		if (want.error) expect(graded).toHaveProperty("couldNotRun");
		else expect(graded).toMatchObject({ score: want.score });
	});

	it.each([
		["thinking inside of thinking", '<think>a <think>b</think> {"score":1}</think>{"score":0.2}', 0.2],
		["thinking without its opening tag", 'maybe {"score":1}?\n</think>\n{"score":0.2}', 0.2],
		["other words for thinking", '<reasoning>{"score":1}</reasoning>[THINK]{"score":1}[/THINK]{"score":0.2}', 0.2],
		[
			"a prefix before the word for thinking",
			'<seed:think>{"score":1}</seed:think><antThinking>{"score":1}</antThinking>{"score":0.2}',
			0.2,
		],
		["thoughts between special tokens", '<|begin_of_thought|>{"score":1}<|end_of_thought|>{"score":0.2}', 0.2],
		[
			"channels before the final one",
			'<|channel|>analysis<|message|>{"score":1}<|end|><|start|>assistant<|channel|>final<|message|>{"score":0.2}',
			0.2,
		],
		["the end of a message behind it", '{"score":0.2}<|end|>', 0.2],
		["a block of thinking that is empty", '<think />{"score":0.2}', 0.2],
		["tags in the verdict", '{"score":0.2,"reasoning":"it prints </think> and <think>"}', 0.2],
		["braces that break off in thinking", '<think>{"score": 1, </think>{"score":0.2}', 0.2],
		["a brace in prose before", 'The answer is "if (x) {" only. Verdict: {"score":0.2}', 0.2],
		["the object after an unreadable one", 'uses {x}: {"score":0.2}', 0.2],
		["an object in a list before", '[{"score":1}]\n{"score":0.2}', 0.2],
		["an object of another kind after", '{"score":0.2} {"note": {"score": 1}}', 0.2],
	])("is read with %s", async (_, reply, score) => {
		const judge = scriptedJudge(() => reply);
		expect(await judged(grader, judge).grade({ output: "x" })).toMatchObject({ score });
		expect(judge.questions).toHaveLength(1);
	});

	it.each([
		["a draft before one that is cut", 'The answer says {"score":1}. My verdict: {"score": 0, "reason'],
		["an object inside another", '{"candidate": {"score": 1}}'],
		["a draft in special tokens that do not end", '<|begin_of_thought|>{"score":1}'],
		["a draft in a channel that is not the final one", '<|channel|>analysis<|message|>maybe {"score":1}'],
		["a draft behind a tag with a prefix", '<seed:think>maybe {"score":1}'],
		["an object that nests too deep", `{"score":1,"details":{"a":${"[".repeat(9000)}${"]".repeat(9000)}}}`],
		["a draft before thinking that does not end", '{"scores": 1} <thinking>{"score":1}'],
	])("is never %s", async (_, reply) => {
		const judge = scriptedJudge(() => reply);
		expect(await judged(grader, judge).grade({ output: "x" })).toMatchObject({ couldNotRun: { code: "bad-reply" } });
		expect(judge.questions).toHaveLength(2);
	});
});
