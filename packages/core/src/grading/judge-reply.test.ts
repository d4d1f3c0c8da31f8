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
		["nested thinking", '<think>a <think>b</think> {"score":1}</think>{"score":0.2}', 0.2],
		["thinking without its opening tag", 'maybe {"score":1}?\n</think>\n{"score":0.2}', 0.2],
		["other tags for thinking", '<reasoning>{"score":1}</reasoning>[THINK]{"score":1}[/THINK]{"score":0.2}', 0.2],
		[
			"a prefix in the tag for thinking",
			'<seed:think>{"score":1}</seed:think><antThinking>{"score":1}</antThinking>{"score":0.2}',
			0.2,
		],
		["thoughts between special tokens", '<|begin_of_thought|>{"score":1}<|end_of_thought|>{"score":0.2}', 0.2],
		[
			"channels before the final one",
			'<|channel|>analysis<|message|>{"score":1}<|end|><|start|>assistant<|channel|>final<|message|>{"score":0.2}',
			0.2,
		],
		["an end-of-message token after it", '{"score":0.2}<|end|>', 0.2],
		["an empty block of thinking", '<think />{"score":0.2}', 0.2],
		["tags in the verdict", '{"score":0.2,"reasoning":"it prints </think> and <think>"}', 0.2],
		["unfinished JSON in thinking", '<think>{"score": 1, </think>{"score":0.2}', 0.2],
		["a brace in the prose before it", 'The answer is "if (x) {" only. Verdict: {"score":0.2}', 0.2],
		["an unreadable object before it", 'uses {x}: {"score":0.2}', 0.2],
		["an object in a list before it", '[{"score":1}]\n{"score":0.2}', 0.2],
		["an object of another kind after it", '{"score":0.2} {"note": {"score": 1}}', 0.2],
	])("is read with %s", async (_, reply, score) => {
		const judge = scriptedJudge(() => reply);
		expect(await judged(grader, judge).grade({ output: "x" })).toMatchObject({ score });
		expect(judge.questions).toHaveLength(1);
	});

	it.each([
		["a draft before a truncated object", 'The answer says {"score":1}. My verdict: {"score": 0, "reason'],
		["an object inside another", '{"candidate": {"score": 1}}'],
		["a draft between special tokens without an end", '<|begin_of_thought|>{"score":1}'],
		["a draft in a channel other than the final one", '<|channel|>analysis<|message|>maybe {"score":1}'],
		["a draft after a tag with a prefix", '<seed:think>maybe {"score":1}'],
		["an object that is nested too deeply", `{"score":1,"details":{"a":${"[".repeat(9000)}${"]".repeat(9000)}}}`],
		["a draft before thinking without an end", '{"scores": 1} <thinking>{"score":1}'],
	])("is never taken from %s", async (_, reply) => {
		const judge = scriptedJudge(() => reply);
		expect(await judged(grader, judge).grade({ output: "x" })).toMatchObject({ couldNotRun: { code: "bad-reply" } });
		expect(judge.questions).toHaveLength(2);
	});
});
