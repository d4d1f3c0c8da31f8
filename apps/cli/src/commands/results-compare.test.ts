import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { resultsCompare } from "./results.ts";

/** Returns a generator of numbers in [0, 1) that depends only on the seed (mulberry32). */
function random(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** The tests of a simulated eval. */
interface Suite {
	/** The probability that a criterion of the test is met, for each test. */
	readonly chances: readonly number[];
	/** Number of criteria of each test; its score is the share of met criteria. */
	readonly criteria: number;
}

/** Draws a suite like that of a working agent: most tests nearly always pass, a few rarely do. */
function suiteOf(tests: number, criteria: number, draw: () => number): Suite {
	const kinds = [0.99, 0.99, 0.95, 0.95, 0.9, 0.9, 0.8, 0.7, 0.5, 0.2];
	const chances = Array.from({ length: tests }, () => kinds[Math.floor(draw() * kinds.length)] ?? 1);
	return { chances, criteria };
}

/**
 * Lowers the true mean score of the suite by `effect`, each test in proportion to its own score.
 */
function worsened({ chances, criteria }: Suite, effect: number): Suite {
	const mean = chances.reduce((sum, chance) => sum + chance, 0) / chances.length;
	return { chances: chances.map((chance) => chance * Math.max(0, 1 - effect / mean)), criteria };
}

const fingerprint = { test: "t", graders: "g", workspace: "w", hooks: "h", target: "x" };

/** Writes a run of the suite as the runner would have recorded it. */
function simulate(directory: string, { chances, criteria }: Suite, draw: () => number): void {
	const rows = chances.map((chance, index) => {
		const met = Array.from({ length: criteria }, () => draw() < chance).filter(Boolean).length;
		const score = met / criteria;
		return JSON.stringify({
			...{ timestamp: "2026-01-01T00:00:00Z", test_id: `t${index}`, eval: "e", target: "default", attempt: 1, score },
			...{ threshold: 0.8, execution_status: score < 0.8 ? "quality_failure" : "ok", scores: [], duration_ms: 1 },
			...{ metadata: {}, fingerprint },
		});
	});
	const run = {
		...{ format_version: 1, run_id: directory, experiment: "default", started_at: "2026-01-01T00:00:00Z" },
		...{ agentv_version: "1", node_version: "v20", evals: [], targets: [], flags: {}, planned: [] },
	};
	const summary = { planned: 0, passed: 0, failed: 0, errors: 0, mean_score: null, duration_ms: 1 };
	mkdirSync(directory);
	writeFileSync(join(directory, "run.json"), JSON.stringify(run));
	writeFileSync(join(directory, "index.jsonl"), rows.map((row) => `${row}\n`).join(""));
	writeFileSync(join(directory, "summary.json"), JSON.stringify({ ...summary, token_usage: null, cost_usd: null }));
}

/** Runs the command as CI does, and returns its JSON document and whether it exits with 1. */
async function gate(cwd: string, before: string, after: string) {
	const said: string[] = [];
	const output = { write: (text: string) => void said.push(text), isTTY: false, columns: 80, color: false };
	const context = { env: {}, cwd, stdout: output, stderr: output, signal: new AbortController().signal, debug: false };
	const { text, exitCode } = await resultsCompare([before, after], { failOn: "regression", json: true }, context);
	expect(said).toEqual([]);
	return { fires: exitCode === 1, document: JSON.parse([...text].join("")) };
}

/**
 * Counts how often the gate fires for pairs of noisy runs: runs without a regression, and runs that
 * are worse by once and twice the smallest effect that the comparison reports.
 */
async function tryPairs(tests: number, criteria: number, pairs: number) {
	const cwd = tempTree();
	const fired = { alike: 0, once: 0, twice: 0 };
	for (let pair = 0; pair < pairs; pair += 1) {
		const draw = random(pair * 1009 + tests * 31 + criteria);
		const suite = suiteOf(tests, criteria, draw);
		const run = (name: string, of: Suite) => simulate(join(cwd, `${pair}-${name}`), of, draw);
		run("before", suite);
		run("alike", suite);
		const { document, fires } = await gate(cwd, `${pair}-before`, `${pair}-alike`);
		fired.alike += Number(fires);
		for (const [name, times] of [
			["once", 1],
			["twice", 2],
		] as const) {
			run(name, worsened(suite, times * document.difference.smallest_effect));
			fired[name] += Number((await gate(cwd, `${pair}-before`, `${pair}-${name}`)).fires);
		}
	}
	return fired;
}

describe.each([
	[20, 1],
	[50, 1],
	[100, 1],
	[20, 4],
	[50, 4],
	[100, 4],
])("--fail-on regression over %i tests of %i criteria", (tests, criteria) => {
	test("fires in at most 5% of the pairs without a regression, and in at least 80% with the smallest effect", async () => {
		const pairs = law(200).numRuns;
		const fired = await tryPairs(tests, criteria, pairs);
		/** Returns twice the standard deviation of the number of events with this rate. */
		const chance = (rate: number) => 2 * Math.sqrt(rate * (1 - rate) * pairs);
		expect(fired.alike).toBeLessThanOrEqual(0.05 * pairs + chance(0.05));
		expect(fired.once).toBeGreaterThanOrEqual(0.8 * pairs - chance(0.8));
		expect(fired.twice).toBeGreaterThanOrEqual(0.8 * pairs);
	});
});
