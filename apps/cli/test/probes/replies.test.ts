import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Probe, replay } from "./probe.ts";
import { printingGrader, printingTarget, smallEval, testEntry } from "./small-evals.ts";

const esc = String.fromCharCode(0x1b);
const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

/** Values in place of a number in an otherwise valid reply. */
const numbers = [
	"NaN",
	"Infinity",
	"1e400",
	"-1",
	"1e308",
	"-0",
	'"1e999"',
	"null",
	"true",
	"[]",
	"99999999999999999999",
];

/** Replies of a grader program. */
const replies: Readonly<Record<string, string>> = {
	...Object.fromEntries(numbers.map((number) => [`a score of ${number}`, `{"score": ${number}}`])),
	"JSON 100,000 deep": `{"score": 1, "details": ${deep(100_000)}}`,
	"brackets 1,000,000 deep": "[".repeat(1_000_000),
	"a prototype": '{"score": 1, "__proto__": {"score": 0}, "constructor": {"prototype": {"x": 1}}}',
	"200,000 assertions": `{"assertions": [${Array(200_000).fill('{"text":"x","passed":true}').join(",")}]}`,
	"an evidence of 5 MB": `{"score": 1, "reason": "${"x".repeat(5_000_000)}"}`,
	"NUL bytes": '\0\0{"score": 1}\0\0',
	"no UTF-8": '\ufffd\ufffe{"score": 1}',
	"200,000 replies": '{"score": 0}\n'.repeat(200_000),
	"one key 100,000 times": `{${Array(100_000).fill('"score": 1').join(",")}}`,
	"escapes of a terminal": '{"score": 1, "reason": "\u001b]0;x\u0007\u001b[2J::error::x"}',
};

/** Answers of a program target. */
const answers: Readonly<Record<string, string>> = {
	...Object.fromEntries(
		numbers.flatMap((number) => [
			[`a cost of ${number}`, `{"text": "hello", "cost_usd": ${number}}`],
			[`${number} tokens`, `{"text": "hello", "token_usage": {"input": ${number}, "output": ${number}}}`],
			[`a duration of ${number}`, `{"text": "hello", "duration_ms": ${number}}`],
		]),
	),
	"JSON 100,000 deep": `{"text": "hello", "x": ${deep(100_000)}}`,
	"a message 100,000 deep": `{"output_messages": [{"role": "assistant", "content": ${deep(100_000)}}]}`,
	"a prototype": '{"text": "hello", "__proto__": {"text": "x"}, "token_usage": {"__proto__": {"input": 1}}}',
	"100,000 tool calls": `{"text": "hello", "output_messages": [{"role": "assistant", "content": "hello", "tool_calls": [${Array(100_000).fill('{"tool":"x","input":{}}').join(",")}]}]}`,
	"20 MB": "x".repeat(20_000_000),
	"2,000,000 lines": "\n".repeat(2_000_000),
	"escapes of a terminal": "\u001b]52;c;eA==\u0007\u001b[2J\n::error::x\n##[command]x",
};

/** Expects that every recorded number is finite, and that sums of known numbers are known. */
function recordIsSound(cwd: string): void {
	const numbersIn = (text: string): Record<string, unknown> =>
		JSON.parse(text, (key, value) => {
			if (typeof value === "number" && !(Number.isFinite(value) && value >= 0)) throw new Error(`${key} is ${value}`);
			if (key === "score" && value > 1) throw new Error(`a score of ${value}`);
			return value;
		});
	const rows = readFileSync(join(cwd, "r/index.jsonl"), "utf8").trim().split("\n").map(numbersIn);
	const summary = numbersIn(readFileSync(join(cwd, "r/summary.json"), "utf8"));
	for (const key of ["cost_usd", "duration_ms"])
		if (rows.every((row) => typeof row[key] === "number") && typeof summary[key] !== "number")
			throw new Error(`the sum of ${key} is ${summary[key]}`);
}

const commands = [
	["eval", "run", "my.eval.yaml", "--output", "r"],
	["results", "show", "r"],
	["results", "verify", "r"],
];

const probes: readonly Probe[] = [
	...Object.entries(replies).map(([name, reply]) => ({
		name: `replies: a grader prints ${name}`,
		// The other test must be graded regardless of this grader.
		files: smallEval({
			tests: `tests:\n${testEntry([], [printingGrader])}${testEntry([], undefined, "other")}`,
			files: { "reply.txt": reply },
		}),
		commands,
		exitCodes: [0],
		check: recordIsSound,
	})),
	...Object.entries(answers).map(([name, answer]) => ({
		name: `replies: a target prints ${name}`,
		files: smallEval({
			tests: `tests:\n${testEntry()}${testEntry([], undefined, "other")}`,
			targets: printingTarget,
			files: { "answer.txt": answer },
		}),
		commands,
		exitCodes: [0],
		never: new RegExp(`${esc}\\]|^::error::|^##\\[command\\]`, "m"),
		check: recordIsSound,
	})),
];

replay("as a reply", probes);
