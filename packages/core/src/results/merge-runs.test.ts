import {
	appendFileSync,
	chmodSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { readRunFile } from "../eval/discover-evals.ts";
import { resumedRequest } from "../run/run-request.ts";
import { fileTargets, mockTargets, runTree } from "../run/testing/run-fixture.ts";
import { mergeRuns } from "./merge-runs.ts";
import { listRuns } from "./read-run.ts";
import { directoriesOf, filesIn, ids, merged, project, runShards, twoShards } from "./testing/merge-fixture.ts";

describe("merging an incomplete set of shards", () => {
	test("reports a missing shard and its tests", async () => {
		const { one, two, first } = await twoShards();
		const { missing, directory, summary } = await merged([two]);
		expect(missing.shards).toEqual([1]);
		const names = [...new Set(first.rows.map(({ testId }) => testId))].sort();
		expect(missing.tests).toEqual(
			names.map((testId) => ({ eval: "my.eval.yaml", testId, target: "default", attempts: [1, 2], shard: 1 })),
		);
		expect(summary).toMatchObject({ planned: 6, passed: 6 - names.length });
		expect(readRunFile(directory)).toMatchObject({ planned: readRunFile(one).whole, merged: [{ shard: 2 }] });
		expect(readRunFile(directory).whole).toBeUndefined();
	});

	test("skips a truncated row and reports a line that is not a row", async () => {
		const { one, two } = await twoShards();
		const index = join(two, "index.jsonl");
		truncateSync(index, readFileSync(index).length - 30);
		const { missing } = await merged([one, two]);
		expect(missing).toEqual({
			shards: [],
			tests: [expect.objectContaining({ shard: 2, attempts: [expect.any(Number)] })],
		});
		appendFileSync(index, "\n{}\n");
		const { missing: same, warnings } = await merged([one, two]);
		expect(same).toEqual(missing);
		expect(warnings).toHaveLength(3);
		for (const warning of warnings.slice(0, 2))
			expect(warning).toMatch(/^shard-2-2\/index\.jsonl:\d+ is not a valid row and is skipped$/);
		expect(warnings[2]).toBe("shard-2-2/index.jsonl does not match run.sha256");
	});

	test("reports a missing attempt, which can be run alone in a separate run or in the merged one", async () => {
		const { root, one, two } = await twoShards();
		const index = join(two, "index.jsonl");
		truncateSync(index, readFileSync(index).length - 30);
		const { missing, directory } = await merged([one, two]);
		const request = resumedRequest(directory, { evals: [] });
		const rest = await runTree({ root }, { ...request, onlyMissing: directory, output: join(root, "rest") });
		expect(rest.rows).toHaveLength(1);
		expect(rest.rows[0]).toMatchObject({ testId: missing.tests[0]?.testId, attempt: missing.tests[0]?.attempts[0] });
		for (const parts of [[one, two], [directory]])
			expect(await merged([...parts, rest.runDir])).toMatchObject({ problems: [], missing: { tests: [] } });
		const inside = await runTree({ root }, { ...request, output: directory, resume: true });
		expect(inside.events.filter(({ type }) => type === "attempt-finished")).toHaveLength(1);
		expect(inside.summary).toMatchObject({ planned: 6, passed: 6 });
	});

	test("does not report shards without tests", async () => {
		const root = project();
		const shards = await runShards(root, 30);
		const filled = shards.filter(({ rows }) => rows.length > 0);
		expect(filled.length).toBeLessThan(30);
		expect((await merged(directoriesOf(filled))).missing).toEqual({ shards: [], tests: [] });
		expect((await merged(directoriesOf(shards))).missing).toEqual({ shards: [], tests: [] });
	});

	test("results in a run that is listed as unfinished", async () => {
		const { root, two } = await twoShards();
		const place = join(root, ".agentv/results/runs/default/2026-01-01T00-00-00Z");
		await mergeRuns([{ directory: two, name: "two" }], place, {
			signal: new AbortController().signal,
			env: { AGENTV_HOME: join(root, ".home") },
		});
		const { runs } = listRuns({ cwd: root, env: { AGENTV_HOME: join(root, ".home") } }, { limit: 1 });
		expect(runs[0]).toMatchObject({ state: "unfinished", planned: 6, directory: place });
	});
});

describe("a merged run", () => {
	test("keeps errors, which can be retried", async () => {
		const root = tempTree({
			"my.eval.yaml": `assertions: [{type: contains, value: yes}]\ntests:\n${ids.map((id) => `  - {id: ${id}, input: hi}\n`).join("")}`,
			"targets.yaml": fileTargets,
			"answers/a": "yes",
		});
		const { directory, summary } = await merged(directoriesOf(await runShards(root, 2)));
		expect(summary).toMatchObject({ passed: 1, errors: 5 });
		for (const id of ids) writeFileSync(join(root, "answers", id), "yes");
		const request = resumedRequest(directory, { evals: [] });
		const again = await runTree({ root }, { ...request, output: directory, resume: true, retryErrors: true });
		expect(again.summary).toMatchObject({ planned: 6, passed: 6, errors: 0 });
	});

	test("contains the outputs and diffs of its tests, and no other files of the shards", async () => {
		const long = "yes ".repeat(40_000);
		const { one, two } = await twoShards(project(mockTargets(long)));
		writeFileSync(join(one, "notes.txt"), "mine");
		mkdirSync(join(one, "tests/elsewhere"));
		writeFileSync(join(one, "tests/elsewhere/1.json"), "{}");
		const [folder = ""] = readdirSync(join(one, "tests")).filter((name) => name !== "elsewhere");
		writeFileSync(join(one, "tests", folder, "1.file_changes.diff"), "a diff");
		const files = filesIn((await merged([one, two])).directory);
		expect(files.get(`tests/${folder}/1.output.txt`)).toBe(long);
		expect(files.get(`tests/${folder}/1.file_changes.diff`)).toBe("a diff");
		expect([...files.keys()].filter((path) => /notes|elsewhere|lock/.test(path))).toEqual([]);
		expect(files.get(".gitignore")).toBe("*\n");
	});

	test("contains the records of the shards, and warns about missing or changed ones", async () => {
		const { one, two } = await twoShards();
		const [folder = ""] = readdirSync(join(one, "tests"));
		rmSync(join(one, "tests", folder, "1.json"));
		appendFileSync(join(one, "tests", folder, "2.json"), " ");
		const { warnings, missing, directory } = await merged([one, two]);
		expect(warnings).toEqual([
			`shard-1-2/tests/${folder}/1.json is missing`,
			`shard-1-2/tests/${folder}/2.json was modified after the run`,
		]);
		expect(missing.tests).toEqual([]);
		expect(filesIn(directory).get(`tests/${folder}/2.json`)).toMatch(/ $/);
	});

	test("warns about changes to finished shards", async () => {
		const { one, two } = await twoShards();
		const [folder = ""] = readdirSync(join(one, "tests"));
		const index = join(one, "index.jsonl");
		writeFileSync(index, readFileSync(index, "utf8").replace('"score":1', '"score":0.5'));
		writeFileSync(join(one, "tests", folder, "1.file_changes.diff"), "a diff of another attempt");
		writeFileSync(join(one, "notes.txt"), "mine");
		rmSync(join(two, "run.sha256"));
		const { warnings } = await merged([one, two]);
		expect(warnings).toEqual([
			"shard-1-2/index.jsonl does not match run.sha256",
			`shard-1-2/tests/${folder}/1.file_changes.diff does not match run.sha256`,
			"shard-2-2 is finished but has no run.sha256: changes can't be detected",
		]);
	});

	test("is writable even if the shards are read-only", async () => {
		const { root, one, two } = await twoShards();
		const [folder = ""] = readdirSync(join(one, "tests"));
		for (const path of [join(one, "tests", folder), join(one, "tests"), one]) chmodSync(path, 0o555);
		const { directory } = await merged([one]);
		for (const path of [one, join(one, "tests"), join(one, "tests", folder)]) chmodSync(path, 0o755);
		const request = resumedRequest(directory, { evals: [] });
		const full = await runTree({ root }, { ...request, output: directory, resume: true });
		expect(full.summary).toMatchObject({ planned: 6, passed: 6 });
		expect(two).not.toBe(one);
	});
});
