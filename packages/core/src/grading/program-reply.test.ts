import { readFileSync } from "node:fs";
import { law } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJsonLines } from "../lib/json.ts";
import type { ProcessResult } from "../machine/run-process.ts";
import { type Grade, verdictOf } from "./contract.ts";
import { programReply } from "./run-program.ts";

interface ReplyCase {
	readonly name: string;
	readonly exit: number;
	readonly stdout: string;
	readonly want: {
		readonly score?: number;
		readonly passed?: boolean;
		readonly evidence?: string;
		readonly error?: true;
	};
}

const bar = 0.8;

function ended(stdout: string, more: Partial<ProcessResult> = {}): ProcessResult {
	const end = { exitCode: 0, signal: null, timedOut: false, aborted: false, truncated: false, durationMs: 1 };
	return { ...end, stdout, stderr: "", ...more };
}

function outcomeOf(grade: Grade): "error" | "pass" | "fail" {
	return "couldNotRun" in grade ? "error" : verdictOf(grade, bar).verdict;
}

const file = new URL("testing/grader-replies.jsonl", import.meta.url);
const cases = parseJsonLines(readFileSync(file, "utf8"), "grader-replies.jsonl").rows.map(
	({ value }) => value as ReplyCase,
);

test.each(cases)("the reply of a program: $name", ({ stdout, exit, want }) => {
	const grade = programReply("the grader", ended(stdout, { exitCode: exit }), bar);
	if (want.error) {
		expect(grade).toMatchObject({
			couldNotRun: { code: "bad-reply", message: expect.stringContaining("the grader ") },
		});
		return;
	}
	expect(grade).toMatchObject({ score: want.score });
	expect(outcomeOf(grade)).toBe((want.passed ?? (want.score ?? 0) >= bar) ? "pass" : "fail");
	if (want.evidence) expect(JSON.stringify(grade)).toContain(want.evidence);
});

describe("a program's reply", () => {
	test.each([
		["a number in a fence", "```\n0.9\n```\n", 0.9],
		["CRLF", 'working…\r\n{"score": 1}\r\n', 1],
		["log lines in brackets around it", '[INFO] start\n{"score":0.5}\n[INFO] done\n', 0.5],
		["a log object before it", '{"level":"info"}\n{"score":0.5}', 0.5],
		["text in braces before it", 'template {x} read\n{"score":0.5}', 0.5],
		["words around it", 'Result: {"score":0.5}.', 0.5],
		["colours inside it", '{"score": \u001b[33m0.5\u001b[0m}', 0.5],
		["a terminal hyperlink around it", '\u001b]8;;http://x\u0007{"score":0.5}\u001b]8;;\u0007', 0.5],
		[
			"the share of passed assertions as its score",
			'{"assertions":[{"text":"a","passed":true},{"text":"b","pass":false}]}',
			0.5,
		],
		["the mean of the scores of its checks", '{"checks":[{"score":0.5},{"pass":true,"text":"t","reason":"r"}]}', 0.75],
		["counts of hits and misses", '{"hits":3,"misses":1}', 0.75],
		["only hits", '{"hits":["a"]}', 1],
		["a rounding error above 1", '{"score":1.0000000000000002}', 1],
		["an empty error", '{"error":"","score":0.5}', 0.5],
		["a reason and a score", '{"reason":"because","score":0.5}', 0.5],
	])("is read with %s", (_, stdout, score) => {
		expect(programReply("g", ended(stdout), bar)).toMatchObject({ score });
	});

	test.each([
		["a reply inside another object", '{"result":{"score":1}}'],
		["a reply inside an unreadable object", "{'result': {\"score\":1}}"],
		["a list of replies", '[{"score":1}]'],
		["a list within a line", 'scores=[{"score":1}]'],
		["a log object after the reply", '{"score":1}\n{"level":"info"}'],
		["text in braces after the reply", '{"score":1}\nScore: {high}'],
		["a bare value after the reply", '{"score":1}\n0'],
		["a bare value on the line of the reply", '{"score":1} false'],
		["a bare value after words", "done\n0.4"],
		["a bare value before words", "false\ndone"],
		["a string", '"pass"'],
		["null", "null"],
		["UTF-16 text", "f\u0000a\u0000l\u0000s\u0000e\u0000"],
		["85 in tput's colours", "\u001b[31m85\u001b(B\u001b[m"],
		["an object after an unfinished control sequence", '\u001b]0;title {"score":2}'],
		["a number above 1", "85"],
		["NaN", "NaN"],
		["False as printed by Python", "False\n"],
		["a decimal as printed by bc", ".4\n"],
		["only a reason", '{"reason":"fine"}'],
		["an empty list of assertions", '{"assertions":[]}'],
		["empty hits and misses", '{"hits":[],"misses":[]}'],
		["an assertion without a boolean", '{"assertions":[{"text":"a","passed":"no"}]}'],
		["an object in place of a list of assertions", '{"score":1,"assertions":{"a":true}}'],
		["pass as a string", '{"pass":"yes"}'],
		["pass as null", '{"pass":null,"score":1}'],
		["an unknown verdict", '{"verdict":"maybe","score":1}'],
		["an error next to a score", '{"error":{"code":1},"score":1}'],
		["a duplicate key", '{"pass":false,"pass":true}'],
		["the end of a reply without its beginning", '{"text":"a","passed":true}]}'],
		["a truncated reply", '{"score":1}\n{"score":0,"assertions":[{"text":"x'],
		["hexadecimal digits as a string", '{"score":"0x1"}'],
		["too deep for a record", `{"score":1,"details":{"a":${"[".repeat(9000)}${"]".repeat(9000)}}}`],
	])("is refused if it is %s", (_, stdout) => {
		const grade = programReply("the grader", ended(stdout), bar);
		expect(grade).toMatchObject({ couldNotRun: { code: "bad-reply", message: expect.stringContaining("it printed") } });
	});

	test.each([
		[{ exitCode: 126 }, "exit-code"],
		[{ exitCode: 255 }, "exit-code"],
		[{ exitCode: null, signal: "SIGTERM" as const }, "signal"],
		[{ exitCode: null, timedOut: true }, "timeout"],
		[{ exitCode: 1 }, "bad-reply"],
		[{ exitCode: 125 }, "bad-reply"],
		[{ truncated: true }, "bad-reply"],
		[{ truncated: true, stdoutPath: "/spilled" }, "bad-reply"],
	])("is refused if it passes but the process ended with %j", (end, code) => {
		expect(programReply("g", ended('{"score":1}', end), bar)).toMatchObject({
			couldNotRun: { code, message: expect.stringContaining('it printed "{\\"score\\":1}"') },
		});
	});

	test("agrees with exit code 1 if it fails, with any score", () => {
		const failed = programReply("g", ended('{"score":0.9,"pass":false}', { exitCode: 1 }), bar);
		expect(failed).toMatchObject({ score: 0.9, stated: "fail" });
		expect(programReply("g", ended('{"score":0.5}', { exitCode: 1 }), bar)).toMatchObject({ score: 0.5 });
	});

	test("is complete if only stderr is truncated", () => {
		const long = ended('{"score":1}', { truncated: true, stderrPath: "/spilled" });
		expect(programReply("g", long, bar)).toMatchObject({ score: 1 });
	});

	test.each([
		['{"pass":true,"passed":false,"score":1}', 1],
		['{"verdict":"FAIL","pass":true}', 0],
		['{"pass":false,"assertions":[{"passed":true,"text":"a"}]}', 1],
	])("fails if it is %s", (stdout, score) => {
		const grade = programReply("g", ended(stdout), bar);
		expect(grade).toMatchObject({ score, stated: "fail" });
		expect(outcomeOf(grade)).toBe("fail");
	});
});

// The law of replies: only a passing statement, or no output with exit code 0, passes.

const statement = fc.record(
	{
		score: fc.constantFrom<unknown>(0, 0.5, 0.8, 1, "1", "0", 2, null, true),
		pass: fc.constantFrom<unknown>(true, false, "yes", null),
		verdict: fc.constantFrom("pass", "FAIL", "maybe"),
		assertions: fc.array(fc.record({ text: fc.constant("a"), passed: fc.constantFrom<unknown>(true, false, "no") })),
		error: fc.constantFrom<unknown>(null, "broken"),
		event: fc.constantFrom<unknown>({ score: 1 }, "}", "{"),
	},
	{ requiredKeys: [] },
);
const json = fc.tuple(statement, fc.constantFrom(0, 2)).map(([value, indent]) => JSON.stringify(value, null, indent));
const piece = fc.oneof(
	json,
	json.map((text) => text.replaceAll('"', "'")),
	fc.tuple(json, fc.nat()).map(([text, at]) => text.slice(0, at % (text.length + 1))),
	fc.tuple(json, fc.nat()).map(([text, at]) => text.slice(at % (text.length + 1))),
	json.map((text) => `{"log": ${text}}`),
	json.map((text) => `[${text}]`),
	fc.constantFrom("true", "false", "0", "1", "null", '"x"', "NaN", "```json", "```", "words", "don't", "{x}", "[INFO]"),
	fc.constantFrom("{", "}", "[", "]", '"', "\\", "\u001b[31m", "\ufeff", "\u0000", ","),
	fc.string({ unit: "binary", maxLength: 8 }),
);
const stdouts = fc
	.array(fc.tuple(piece, fc.constantFrom("\n", "\r\n", " ", "")), { maxLength: 6 })
	.map((pieces) => pieces.flat().join(""));
const ends: fc.Arbitrary<Partial<ProcessResult>> = fc.oneof(
	{ weight: 4, arbitrary: fc.constant({}) },
	fc.constantFrom<Partial<ProcessResult>>(
		...[{ exitCode: 1 }, { exitCode: 3 }, { exitCode: 125 }, { exitCode: 126 }, { exitCode: 139 }],
		...[{ exitCode: null, signal: "SIGKILL" as const }, { timedOut: true }, { truncated: true }, { aborted: true }],
	),
);

/** Returns every object in a text that is not inside another, by brute force. */
function topLevelObjects(text: string): Record<string, unknown>[] {
	const objects: Record<string, unknown>[] = [];
	for (let start = text.indexOf("{"); start !== -1; start = text.indexOf("{", start)) {
		let next = start + 1;
		for (let end = text.length; end > start; end -= 1) {
			if (text[end - 1] !== "}") continue;
			const value = parsed(text.slice(start, end));
			if (value === undefined) continue;
			objects.push(value as Record<string, unknown>);
			next = end;
			break;
		}
		start = next;
	}
	return objects;
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function saysPass({ score, pass, passed, verdict, assertions, error }: Record<string, unknown>): boolean {
	if (error === "broken" || pass === false || passed === false || /fail/i.test(String(verdict))) return false;
	if (score !== undefined) return Number(score) >= bar;
	const list = (assertions ?? []) as { readonly passed: unknown }[];
	if (list.length > 0) return list.filter(({ passed }) => passed === true).length / list.length >= bar;
	return pass === true || passed === true || /pass/i.test(String(verdict));
}

test("a program passes only by its own statement, or by exit code 0 without output", () => {
	let passes = 0;
	fc.assert(
		fc.property(stdouts, ends, (stdout, end) => {
			const result = ended(stdout, end);
			if (outcomeOf(programReply("the grader", result, bar)) !== "pass") return;
			passes += 1;
			expect(result).toMatchObject({ exitCode: 0, signal: null, timedOut: false, truncated: false, aborted: false });
			// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours that the pieces hold
			const text = stdout.replace(/\u001b\[31m/g, "");
			const reply = topLevelObjects(text).at(-1);
			if (reply) expect(saysPass(reply), text).toBe(true);
			else {
				const lines = text.split(/[\r\n]+/).map((line) => line.replaceAll("\ufeff", "").trim());
				const values = lines.map(parsed).filter((value) => value !== undefined);
				expect(values.length === 0 || (values.length === 1 && (values[0] === true || values[0] === 1)), text).toBe(
					true,
				);
				expect(text.includes("{"), text).toBe(false);
			}
		}),
		law(20_000),
	);
	expect(passes).toBeGreaterThan(0);
});
