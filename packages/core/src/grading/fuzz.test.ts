import { readFileSync } from "node:fs";
import { inputWatch, law } from "@agentv/test-support";
import fc from "fast-check";
import { expect, test } from "vitest";
import { mutatedJson } from "../lib/testing/mutated-json.ts";
import { judgeReply } from "./judge.ts";
import { programReply, replyScore } from "./run-program.ts";

function replies(file: string, key: string): string[] {
	const lines = readFileSync(new URL(`./testing/${file}`, import.meta.url), "utf8")
		.trim()
		.split("\n");
	return lines.map((line) => String((JSON.parse(line) as Record<string, unknown>)[key]));
}

const seeds = [...replies("grader-replies.jsonl", "stdout"), ...replies("judge-replies.jsonl", "reply")];

test("turns any reply of a grader or judge quickly into a score from 0 to 1 or an error", {
	timeout: 900_000,
}, () => {
	const watch = inputWatch();
	fc.assert(
		fc.property(fc.constantFrom(...seeds).chain(mutatedJson), fc.constantFrom(0, 1), (text, exitCode) => {
			const grade = watch.look(text, () => programReply("the grader", { ...ended, stdout: text, exitCode }, 0.5));
			if ("couldNotRun" in grade) expect(grade.couldNotRun.message).toMatch(/^the grader ./);
			else expectScore(grade.score);
			const judged = watch.look(text, () => judgeReply(text, ["score"]));
			if ("complaint" in judged) expect(judged.complaint).not.toBe("");
			else {
				const scored = replyScore("the judge", judged.object, 0.5);
				if ("problem" in scored) expect(scored.problem).not.toBe("");
				else expectScore(scored.score);
			}
		}),
		law(10_000),
	);
	console.log(`Replies: the slowest took ${watch.slowest.ms} ms, memory grew by ${watch.grownMb()} MB.`);
	expect(watch.slowest).toMatchObject({ ms: expect.toSatisfy((ms: number) => ms < 2000) });
	expect(watch.grownMb()).toBeLessThan(500);
});

const ended = {
	...{ exitCode: 0, signal: null, stdout: "", stderr: "", truncated: false, timedOut: false, aborted: false },
	durationMs: 1,
};

function expectScore(score: number): void {
	expect(score).toBeGreaterThanOrEqual(0);
	expect(score).toBeLessThanOrEqual(1);
}
