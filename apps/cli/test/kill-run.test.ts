import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { KilledCommand, moments } from "./testing/killed.ts";

const template = Object.fromEntries(
	Array.from({ length: 24 }, (_, index) => [`template/d${index % 6}/f${index}.txt`, `${index}\n`.repeat(50)]),
);
const tests = (count: number, more = "") =>
	`tests:\n${Array.from({ length: count }, (_, index) => `  - {id: t${index}, input: "${index}", assertions: [{type: contains, value: "${index % 3 === 0 ? "never" : index}"}]}`).join("\n")}\n${more}`;

function project(count: number, more = "") {
	return new KilledCommand(
		tempTree({
			...template,
			"my.eval.yaml": tests(count, more),
			"targets.yaml": "targets:\n  - {name: default, provider: cli, command: 'printf %s {PROMPT}'}\n",
		}),
	);
}

function results({ cwd }: KilledCommand, directory: string): string[] {
	const lines = readFileSync(join(cwd, directory, "index.jsonl"), "utf8")
		.trimEnd()
		.split("\n");
	return lines
		.map((line) => JSON.parse(line))
		.map(({ test_id, execution_status, score }) => `${test_id} ${execution_status} ${score}`)
		.sort();
}

describe("kill -9 at any moment of", () => {
	const { count, random } = moments(100);

	test(`a run leaves a state that --resume can use (${count} moments)`, { timeout: 1_800_000 }, async () => {
		const here = project(10, "workspace: {template: ./template, isolation: per_test}\n");
		const run = (output: string) => ["eval", "run", "my.eval.yaml", "--output", output];
		const whole = await here.timed(run("whole"));
		const expected = results(here, "whole");
		rmSync(join(here.cwd, ".home/workspaces"), { recursive: true, force: true });
		for (let round = 0; round < count; round++) {
			// Every second kill hits the first half of the run.
			await here.killed(run("out"), random() * (round % 2 === 0 ? 1 : 0.5), whole, round >> 1);
			await here.succeeds([...run("out"), "--resume"], 1);
			expect(results(here, "out")).toEqual(expected);
			await here.succeeds(["results", "verify", "out"]);
			// Workspaces of failed tests are kept.
			expect(here.remains().filter((path) => !path.startsWith(".home/workspaces/"))).toEqual([]);
			rmSync(join(here.cwd, "out"), { recursive: true });
			rmSync(join(here.cwd, ".home/workspaces"), { recursive: true, force: true });
		}
	});

	test(`a merge leaves the complete run or none (${count} moments)`, { timeout: 1_800_000 }, async () => {
		const here = project(24);
		for (const shard of ["1", "2"])
			await here.run("eval", "run", "my.eval.yaml", "--shard", `${shard}/2`, "--output", `shard-${shard}`);
		const merge = ["results", "merge", "shard-1", "shard-2", "--output", "merged/run"];
		const whole = await here.timed(merge);
		const expected = results(here, "merged/run");
		const digest = await here.succeeds(["results", "verify", "merged/run", "--print-digest"]);
		for (let round = 0; round < count; round++) {
			rmSync(join(here.cwd, "merged"), { recursive: true });
			await here.killed(merge, 0.3 + 0.7 * random(), whole, round);
			if (!here.has("merged/run")) await here.succeeds(merge);
			expect(results(here, "merged/run")).toEqual(expected);
			expect(await here.succeeds(["results", "verify", "merged/run", "--print-digest"])).toBe(digest);
			expect(here.remains()).toEqual([]);
		}
	});
});
