import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { runTree } from "./testing/run-fixture.ts";

/** An agent that writes a report into its workspace and answers with these parts. */
const agent = (parts: string, report = "AB") => ({
	"agent.mjs": `import { writeFileSync } from "node:fs";
writeFileSync("report.bin", ${JSON.stringify(report)});
writeFileSync("notes.txt", "plain notes");
console.log(JSON.stringify({ output: [{ role: "assistant", content: ${parts} }] }));
`,
	"targets.yaml": "targets: [{ name: default, provider: cli, command: node ./agent.mjs }]\n",
	"template/readme.md": "x\n",
	// Reverses the bytes, so that only a preprocessed report contains BA.
	"convert.mjs": `import { readFileSync } from "node:fs";
const { path, original_path, media_type } = JSON.parse(readFileSync(0, "utf8"));
console.log([...readFileSync(path, "latin1")].reverse().join(""), original_path, media_type);
`,
	"fail.mjs": "console.error('no such sheet'); process.exit(3);\n",
});
const evalOf = (
	assertions: string,
	preprocessor = "convert.mjs",
) => `preprocessors: [{ type: bin, command: node ./${preprocessor} }]
workspace: ./template
tests:
  - { id: a, input: x, assertions: [${assertions}] }
`;
const text = '{ type: "text", value: "See" }';

describe("files in an answer", () => {
	test("reach graders and the record as text, converted by their preprocessor or unchanged", async () => {
		const run = await runTree({
			...agent(
				`[${text}, { type: "file", path: "report.bin", media_type: "application/x-report" }, { type: "file", value: "./notes.txt" }]`,
			),
			"my.eval.yaml": evalOf(
				"{ type: contains, value: 'See' }, { type: contains, value: 'BA report.bin application/x-report' }, { type: contains, value: plain notes }",
			),
		});
		expect(run.row("a")).toMatchObject({ executionStatus: "ok", score: 1 });
		const detail = JSON.parse(readFileSync(join(run.runDir, run.row("a").file ?? ""), "utf8"));
		expect(detail.output).toBe(
			"See\n\n[file: report.bin]\nBA report.bin application/x-report\n\n\n[file: ./notes.txt]\nplain notes",
		);
		expect(detail.messages[0].parts).toEqual([
			{ type: "text", text: "See" },
			{ type: "file", path: "report.bin", media_type: "application/x-report" },
			{ type: "file", path: "./notes.txt" },
		]);
	});

	test("are only named if they are binary and no preprocessor converts them", async () => {
		const run = await runTree({
			...agent('[{ type: "file", path: "report.bin" }, { type: "image", path: "https://x.example/a.png" }]'),
			"agent.mjs": `import { writeFileSync } from "node:fs";
writeFileSync("report.bin", Buffer.from([0xff, 0xfe, 0x00]));
console.log(JSON.stringify({ text: "done", output_messages: [{ role: "assistant", content: [{ type: "file", path: "report.bin" }, { type: "image", url: "https://x.example/a.png" }] }] }));
`,
			"my.eval.yaml": evalOf(
				'{ type: equals, value: "done\\n\\n[file: report.bin]\\n\\n[image: https://x.example/a.png]" }',
			).replace("type: bin", "type: pdf"),
		});
		expect(run.row("a")).toMatchObject({ executionStatus: "ok", score: 1 });
	});

	test.each([
		["are missing", '[{ type: "file", path: "gone.bin" }]', "convert.mjs", '"gone.bin", which is not a file'],
		["are directories", '[{ type: "file", path: "." }]', "convert.mjs", '".", which is not a file'],
		["can't be converted", '[{ type: "file", path: "report.bin" }]', "fail.mjs", "exited with 3: no such sheet"],
	])("that %s leave the answer on record without a grade", async (_, parts, preprocessor, message) => {
		const run = await runTree({
			...agent(parts),
			"my.eval.yaml": evalOf("{ type: contains, value: file }", preprocessor),
		});
		expect(run.row("a")).toMatchObject({
			executionStatus: "execution_error",
			error: { stage: "target", code: "answer-file" },
		});
		expect(run.row("a").error?.message).toContain(message);
		const detail = JSON.parse(readFileSync(join(run.runDir, run.row("a").file ?? ""), "utf8"));
		expect(detail.output).toMatch(/^\[file: /);
		expect(run.summary).toMatchObject({ passed: 0, failed: 0, errors: 1 });
	});

	test("reach a grader's program as parts of a message", async () => {
		const run = await runTree({
			...agent('[{ type: "file", path: "notes.txt" }]'),
			"grade.mjs": `import { readFileSync } from "node:fs";
const { messages, output } = JSON.parse(readFileSync(0, "utf8"));
const [part] = messages[0].content;
console.log(JSON.stringify({ score: part.type === "file" && part.path === "notes.txt" && output.includes("plain notes") ? 1 : 0 }));
`,
			"my.eval.yaml": evalOf("{ type: code-grader, command: node ./grade.mjs }"),
		});
		expect(run.row("a")).toMatchObject({ executionStatus: "ok", score: 1 });
	});

	test.each([
		["by an absolute path", "OUT/secret.txt", ""],
		["through a link", "link.txt", 'symlinkSync("OUT/secret.txt", "link.txt");'],
		["through a link to a directory", "up/secret.txt", 'symlinkSync("OUT", "up");'],
		["by parent directories", "../../../../../../../../etc/hostname", ""],
		["in the eval's directory", "targets.yaml", ""],
		["as a pipe", "pipe", 'execFileSync("mkfifo", ["pipe"]);'],
		["as a huge file", "huge.txt", 'writeFileSync("huge.txt", ""); truncateSync("huge.txt", 7e7);'],
	])("are refused if they are outside of the workspace or not regular files: %s", async (_, path, made) => {
		const out = tempTree({ "secret.txt": "outer-words" });
		for (const type of ["file", "image"]) {
			const run = await runTree({
				...agent("[]"),
				"agent.mjs": `import { symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
${made.replace("OUT", out)}
console.log(JSON.stringify({ output: [{ role: "assistant", content: [{ type: "${type}", path: ${JSON.stringify(path.replace("OUT", out))} }] }] }));
`,
				"my.eval.yaml": evalOf("{ type: contains, value: x }"),
			});
			expect(run.row("a")).toMatchObject({
				executionStatus: "execution_error",
				error: { stage: "target", code: "answer-file", causedBy: "agent" },
			});
			for (const name of readdirSync(run.runDir, { recursive: true, encoding: "utf8" })) {
				const file = join(run.runDir, name);
				if (statSync(file).isFile() && !name.includes("eval"))
					expect(readFileSync(file, "utf8"), name).not.toContain("outer-words\\n");
			}
		}
	});

	test.each([
		["a link", 'symlinkSync("OUT/secret.txt", file)', "replaced its {OUTPUT_FILE} with a link"],
		["a pipe", 'execFileSync("mkfifo", [file])', "with a device, pipe or socket"],
		["a directory", "mkdirSync(file)", "with a directory"],
		["a huge file", 'writeFileSync(file, ""); truncateSync(file, 200 * 1024 ** 3)', "wrote 214748364800 bytes to"],
	])("are refused if an agent replaces its output file: %s", async (_, made, message) => {
		const out = tempTree({ "secret.txt": "outer-words" });
		const run = await runTree({
			...agent("[]"),
			"agent.mjs": `import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
const file = process.argv[2];
${made.replace("OUT", out)};
`,
			"targets.yaml": "targets: [{ name: default, provider: cli, command: 'node ./agent.mjs {OUTPUT_FILE}' }]\n",
			"my.eval.yaml": evalOf("{ type: contains, value: x }"),
		});
		expect(run.row("a")).toMatchObject({
			executionStatus: "execution_error",
			error: { stage: "target", code: "bad-answer", causedBy: "agent", message: expect.stringContaining(message) },
		});
	});

	test("have a total limit, even if each of them is within its own", async () => {
		const run = await runTree({
			...agent("Array.from({ length: 10 }, () => ({ type: 'file', path: 'big.txt' }))"),
			"template/big.txt": "x".repeat(9_000_000),
			"my.eval.yaml": evalOf("{ type: contains, value: x }"),
		});
		expect(run.row("a")).toMatchObject({
			executionStatus: "execution_error",
			error: { code: "answer-too-large", causedBy: "agent", message: expect.stringContaining("64 MB") },
		});
	});

	test("are converted only once if an answer names them repeatedly, and may be at most a hundred", async () => {
		const files = { "count.mjs": "import { appendFileSync } from 'node:fs'; appendFileSync(process.env.COUNT, 'x');" };
		const count = join(tempTree(), "count");
		const run = await runTree(
			{
				...agent("Array.from({ length: 500 }, () => ({ type: 'file', path: 'report.bin' }))"),
				...files,
				"my.eval.yaml": evalOf("{ type: contains, value: report }", "count.mjs"),
			},
			{ env: { COUNT: count } },
		);
		expect(run.row("a")).toMatchObject({ executionStatus: "ok", score: 1 });
		expect(readFileSync(count, "utf8")).toBe("x");
		const many = await runTree({
			...agent("Array.from({ length: 101 }, (_, index) => ({ type: 'file', path: 'f' + index + '.txt' }))"),
			...Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`template/f${index}.txt`, "x"])),
			"my.eval.yaml": evalOf("{ type: contains, value: x }"),
		});
		expect(many.row("a").error).toMatchObject({ code: "answer-too-large", causedBy: "agent" });
	});
});
