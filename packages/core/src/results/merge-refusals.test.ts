import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { withLock } from "../machine/lock.ts";
import { resumedRequest } from "../run/run-request.ts";
import { mockTargets, runTree } from "../run/testing/run-fixture.ts";
import { mergeProblemText } from "./merge-checks.ts";
import { mergeRuns } from "./merge-runs.ts";
import { editJson, editRows, merged, project, runShards, twoShards } from "./testing/merge-fixture.ts";

const never = new AbortController().signal;

/** Returns the reasons for a refused merge, and checks that nothing was written. */
async function problemsOf(directories: readonly string[]): Promise<string[]> {
	const { problems, directory, summary } = await merged(directories);
	expect(summary).toBeUndefined();
	expect(existsSync(dirname(directory))).toBe(false);
	return problems.map(mergeProblemText);
}

describe("refuses to merge duplicates:", () => {
	test("a shard that is given twice or was copied", async () => {
		const { root, one, two } = await twoShards();
		expect(await problemsOf([one, two, one])).toEqual(["shard-1-2 and shard-1-2 contain the same run"]);
		cpSync(one, join(root, "copy"), { recursive: true });
		expect(await problemsOf([one, two, join(root, "copy")])).toEqual(["shard-1-2 and copy contain the same run"]);
		const full = await merged([one, two]);
		expect(await problemsOf([full.directory, two])).toEqual(["shard-2-2 and merged contain the same run"]);
	});

	test("a shard that was run twice", async () => {
		const { root, one, two } = await twoShards();
		const again = await runTree(
			{ root },
			{ targets: ["default"], shard: { index: 1, count: 2 }, output: join(root, "again") },
		);
		expect(await problemsOf([one, again.runDir, two])).toEqual(["shard 1/2 is duplicated: shard-1-2 and again"]);
	});

	test("an attempt that two runs have", async () => {
		const { root, one, two, second } = await twoShards();
		const { directory } = await merged([one]);
		const request = { ...resumedRequest(directory, { evals: [] }), onlyMissing: directory };
		const rest = await runTree({ root }, { ...request, output: join(root, "rest") });
		const [row] = second.rows;
		const found = await problemsOf([one, two, rest.runDir]);
		expect(found).toHaveLength(second.rows.length);
		expect(found[0]).toBe(
			`"${row?.testId}" (default) of my.eval.yaml is duplicated: shard-2-2/${row?.file} and rest/${row?.file}`,
		);
	});
});

describe("refuses to merge shards of different runs:", () => {
	test.each([
		[
			"with other numbers of shards",
			{ shard: { index: 2, count: 3 } },
			"divide the tests into different numbers of shards: 2 and 3",
		],
		["with other tests", { tests: ["?"] }, 'were started with different --test: none and ["?"]'],
		["with another number of attempts", { repeat: 3 }, "were started with different --repeat: none and 3"],
		["with another target", { targets: ["other"] }, 'had different targets "default"'],
		["of another version of AgentV", { version: "1.2.4" }, "were run by different versions of AgentV: 1.2.3 and 1.2.4"],
	])("%s", async (_, difference, said) => {
		const root = project(`${mockTargets("yes")}  - {name: other, provider: mock, response: yes}\n`);
		const [first] = await runShards(root, 2);
		const { version, ...options } = { version: "1.2.3", ...difference };
		const second = await runTree(
			{ root },
			{ targets: ["default"], shard: { index: 2, count: 2 }, output: join(root, "second"), ...options },
		);
		editJson(join(second.runDir, "run.json"), (run) => ({ ...run, agentv_version: version }));
		expect(await problemsOf([first?.runDir ?? "", second.runDir])).toContain(`shard-1-2 and second ${said}`);
	});

	test("of an eval that changed between them", async () => {
		const root = project();
		const first = await runTree({ root }, { shard: { index: 1, count: 2 }, output: join(root, "first") });
		writeFileSync(join(root, "my.eval.yaml"), `${readFileSync(join(root, "my.eval.yaml"), "utf8")}# changed\n`);
		const second = await runTree({ root }, { shard: { index: 2, count: 2 }, output: join(root, "second") });
		expect(await problemsOf([first.runDir, second.runDir])).toEqual([
			"first and second did not run the same my.eval.yaml",
		]);
	});

	test("of a grader's script that changed between them", async () => {
		const root = project();
		const file = join(root, "my.eval.yaml");
		const program = "{type: code-grader, command: [node, ./check.mjs]}";
		writeFileSync(file, readFileSync(file, "utf8").replaceAll("{type: contains, value: yes}", program));
		writeFileSync(join(root, "check.mjs"), "");
		const shard = (index: number) =>
			runTree({ root }, { shard: { index, count: 2 }, output: join(root, `shard-${index}`) });
		const { runDir: one } = await shard(1);
		writeFileSync(join(root, "check.mjs"), "// changed");
		const { runDir: two } = await shard(2);
		expect(await problemsOf([one, two])).toEqual(["check.mjs differs between shard-1 and shard-2"]);
	});

	test("of a target whose settings changed between them, unless they don't affect answers", async () => {
		const root = project();
		const shard = (index: number) =>
			runTree({ root }, { shard: { index, count: 2 }, output: join(root, `shard-${index}`) });
		const { runDir: one } = await shard(1);
		writeFileSync(join(root, "targets.yaml"), `${mockTargets("yes")}    workers: 3\n`);
		const { runDir: two } = await shard(2);
		expect((await merged([one, two])).problems).toEqual([]);
		rmSync(two, { recursive: true });
		writeFileSync(join(root, "targets.yaml"), mockTargets("yes, yes"));
		await shard(2);
		expect(await problemsOf([one, two])).toEqual([
			expect.stringMatching(/^target "default" of my.eval.yaml differs between shard-\d\/tests\/.* and shard-\d\//),
		]);
		editJson(join(two, "run.json"), (run) => ({
			...run,
			targets: [{ name: "default", provider: "mock", settings: {}, via: ["default"], facts: { version: "2" } }],
		}));
		editJson(join(one, "run.json"), (run) => ({
			...run,
			targets: [{ name: "default", provider: "mock", settings: {}, via: ["default"], facts: { version: "1" } }],
		}));
		expect(await problemsOf([one, two])).toEqual(['shard-1 and shard-2 had different targets "default"']);
	});

	test("that are balanced by different durations", async () => {
		const root = project();
		const earlier = await runTree({ root }, { output: join(root, "earlier") });
		const first = await runTree({ root }, { shard: { index: 1, count: 2 }, output: join(root, "first") });
		const second = await runTree(
			{ root },
			{ shard: { index: 2, count: 2 }, durationsFrom: earlier.runDir, output: join(root, "second") },
		);
		expect(await problemsOf([first.runDir, second.runDir])).toEqual([
			"first and second balanced the shards by different durations",
		]);
	});

	test("of different commits and bundles", async () => {
		const { one, two } = await twoShards();
		editJson(join(one, "run.json"), (run) => ({
			...run,
			git: { commit: "1".repeat(40), dirty: false },
			bundle: { name: "b", digest: "1" },
		}));
		editJson(join(two, "run.json"), (run) => ({
			...run,
			git: { commit: "2".repeat(40), dirty: false },
			bundle: { name: "b", digest: "2" },
		}));
		expect(await problemsOf([one, two])).toEqual([
			"shard-1-2 and shard-2-2 ran different bundles",
			"shard-1-2 and shard-2-2 ran different commits: 111111111111 and 222222222222",
		]);
	});

	test("with different fingerprints although everything else is equal", async () => {
		const { one, two } = await twoShards();
		editRows(two, (row) => ({ ...row, fingerprint: { ...(row.fingerprint as object), target: "another" } }));
		expect(await problemsOf([one, two])).toEqual([
			expect.stringMatching(/^target "default" of my.eval.yaml differs between shard-\d-2\/tests\/.* and shard-\d-2\//),
		]);
		editRows(two, (row) => ({
			...row,
			fingerprint: { ...(row.fingerprint as object), target: "t", graders: `of attempt ${row.attempt}` },
		}));
		expect((await problemsOf([two]))[0]).toMatch(/attempt 2\) of my.eval.yaml differs in graders between/);
	});

	test("with a row of a test that was not planned", async () => {
		const { one, two } = await twoShards();
		editRows(two, (row) => ({ ...row, attempt: 3 }));
		expect((await problemsOf([one, two]))[0]).toMatch(
			/attempt 3\) of my.eval.yaml is not a test of this run: shard-2-2/,
		);
	});
});

describe("a refused merge leaves no files behind", () => {
	/** Tries to merge into a new directory whose parent does not exist either. */
	async function refusal(directories: readonly string[], output = join(tempTree(), "new/merged")): Promise<string> {
		const named = directories.map((directory) => ({ directory, name: "shard" }));
		const error = await mergeRuns(named, output, { signal: never, env: { AGENTV_HOME: tempTree() } }).then(
			() => "merged",
			({ code, message }) => `${code}: ${message}`,
		);
		if (output.endsWith("new/merged") && error !== "merged") expect(existsSync(dirname(output))).toBe(false);
		return error;
	}

	test("if records are links or outside of the run", async () => {
		const { one } = await twoShards();
		const [folder = ""] = readdirSync(join(one, "tests"));
		const record = join(one, "tests", folder, "1.json");
		for (const path of [
			record,
			join(one, "tests", folder),
			join(one, "tests"),
			join(one, "index.jsonl"),
			join(one, "run.json"),
		]) {
			cpSync(path, `${one}.kept`, { recursive: true });
			rmSync(path, { recursive: true });
			symlinkSync(`${one}.kept`, path);
			expect(await refusal([one])).toMatch(/^refused: .* is a link$/);
			rmSync(path);
			cpSync(`${one}.kept`, path, { recursive: true });
			rmSync(`${one}.kept`, { recursive: true });
		}
		expect(await refusal([one])).toBe("merged");
		editRows(one, (row) => ({ ...row, file: "tests/../../../secret/1.json" }));
		expect(await refusal([one])).toMatch(/^refused: shard: "tests\/\.\.\/.*" is not a valid path for a test's record$/);
	});

	test("if a shard is still running", async () => {
		const { one } = await twoShards();
		await withLock(one, async () => expect(await refusal([one])).toBe("refused: shard belongs to a run in progress"), {
			lockDirectory: one,
		});
	});

	test("if the output is not empty, the input is not a run, or the merge is interrupted", async () => {
		const { root, one } = await twoShards();
		expect(await refusal([one], root)).toBe(`config: ${root} is not empty`);
		expect(await refusal([one], join(root, "my.eval.yaml"))).toMatch(/^config: .* is not a directory$/);
		expect(await refusal([root])).toBe(`not-found: ${root} does not contain a run`);
		expect(await refusal([one], join(one, "tests/merged"))).toMatch(/^refused: .* is inside /);
		expect(readdirSync(join(one, "tests")).filter((name) => name.includes("merged"))).toEqual([]);
		await expect(
			mergeRuns([{ directory: one, name: "one" }], join(root, "out"), {
				signal: AbortSignal.abort(),
				env: { AGENTV_HOME: join(root, ".home") },
			}),
		).rejects.toMatchObject({ code: "interrupted" });
		expect(existsSync(join(root, "out"))).toBe(false);
	});
});
