import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { KilledCommand, moments } from "./testing/killed.ts";

const many = (count: number, folder: string) =>
	Object.fromEntries(
		Array.from({ length: count }, (_, index) => [`${folder}/d${index % 10}/f${index}.txt`, `${index}\n`.repeat(100)]),
	);

describe("kill -9 at any moment of", () => {
	const { count, random } = moments(100);

	test(`a bundle leaves the previous one or the new one (${count} moments)`, { timeout: 1_800_000 }, async () => {
		const here = new KilledCommand(
			tempTree({
				...many(200, "eval/template"),
				"eval/e.eval.yaml":
					"target: m\nworkspace: ./template\ntests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\n",
				"eval/targets.yaml": "targets: [{name: m, provider: mock}]\n",
			}),
		);
		const bundle = ["bundle", "eval/e.eval.yaml", "--output", "made/bundle", "--force"];
		const archived = [...bundle, "--archive", "made/bundle.tgz"];
		const whole = await here.timed(archived);
		for (let round = 0; round < count; round++) {
			if (round % 3 === 0) rmSync(join(here.cwd, "made"), { recursive: true });
			await here.killed(archived, 0.3 + 0.7 * random(), whole, round);
			await here.succeeds(archived);
			await here.succeeds(["bundle", "verify", "made/bundle"]);
			expect(here.remains()).toEqual([]);
		}
	});

	test(`a fix leaves each file intact (${count} moments)`, { timeout: 1_800_000 }, async () => {
		const evals = 24;
		const text = (path: string) =>
			`tests: [{id: a, input: hi, criteria: x, assertions: [{type: contains, value: hi}]}]\nworkspace: {template: '${path}'}\n`;
		const names = Array.from({ length: evals }, (_, index) => `evals/e${index}.eval.yaml`);
		const here = new KilledCommand(
			tempTree({ "evals/t/x/a.txt": "a", "targets.yaml": "targets: [{name: default, provider: mock}]\n" }),
		);
		const [before, after] = [text(".\\t\\x"), text("./t/x")];
		const write = () => {
			for (const name of names) writeFileSync(join(here.cwd, name), before);
		};
		write();
		const fix = ["eval", "validate", "evals", "--fix"];
		const whole = await here.timed(fix);
		for (const name of names) expect(readFileSync(join(here.cwd, name), "utf8")).toBe(after);
		for (let round = 0; round < count; round++) {
			write();
			await here.killed(fix, 0.3 + 0.7 * random(), whole, round);
			for (const name of names) expect([before, after]).toContain(readFileSync(join(here.cwd, name), "utf8"));
			await here.succeeds(fix);
			for (const name of names) expect(readFileSync(join(here.cwd, name), "utf8")).toBe(after);
			expect(here.remains()).toEqual([]);
		}
	});

	test(`a prune leaves a cache that the next run can use (${count} moments)`, { timeout: 1_800_000 }, async () => {
		const here = new KilledCommand(
			tempTree({
				"e.eval.yaml":
					"target: m\ntests: [{id: a, input: hi, assertions: [{type: contains, value: hi}]}]\nworkspace: {repos: [{path: ./app, repo: ./app.git}]}\n",
				"targets.yaml": "targets: [{name: m, provider: mock, response: hi}]\n",
			}),
		);
		gitRepository(join(here.cwd, "work"), many(50, "src")).pushTo(join(here.cwd, "app.git"));
		const run = ["eval", "run", "e.eval.yaml", "--output", "out"];
		const calls = join(here.cwd, ".home/cache/ab");
		await here.succeeds(run);
		const filled = join(here.cwd, "filled");
		for (let index = 0; index < 200; index++) {
			const name = index.toString(16).padStart(64, "0");
			cpSync(join(here.cwd, "e.eval.yaml"), join(calls, `${name}.json`));
		}
		cpSync(join(here.cwd, ".home"), filled, { recursive: true });
		const prune = ["cache", "prune", "--all"];
		const whole = await here.timed(prune);
		for (let round = 0; round < count; round++) {
			rmSync(join(here.cwd, ".home"), { recursive: true });
			cpSync(filled, join(here.cwd, ".home"), { recursive: true });
			await here.killed(prune, 0.3 + 0.7 * random(), whole, round);
			if (round % 2 === 0) {
				rmSync(join(here.cwd, "out"), { recursive: true });
				await here.succeeds(run);
			}
			await here.succeeds(prune);
			expect(await here.succeeds(prune)).toBe("Nothing to remove.\n");
			expect(here.remains()).toEqual([]);
		}
	});
});
