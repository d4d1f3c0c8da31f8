import { join } from "node:path";
import { law, tempTree } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRunFile } from "../eval/discover-evals.ts";
import { resumedRequest } from "../run/run-request.ts";
import { runTree } from "../run/testing/run-fixture.ts";
import { directoriesOf, filesIn, found, merged, runShards } from "./testing/merge-fixture.ts";
import { verifyRun } from "./verify-run.ts";

interface Suite {
	readonly tests: readonly {
		readonly passes: "always" | "first" | "later" | "never" | "broken";
		/** How many tests before this one is the test that it depends on; 0 for no dependency. */
		readonly after: number;
		readonly failing: "skip" | "fail" | "run";
		readonly count: number;
		readonly strategy: "mean" | "pass_any" | "pass_all";
		readonly earlyExit: boolean;
	}[];
	readonly targets: number;
	readonly shards: number;
}

const suites: fc.Arbitrary<Suite> = fc.record({
	tests: fc.array(
		fc.record({
			passes: fc.constantFrom("always", "first", "later", "never", "broken"),
			after: fc.nat({ max: 3 }),
			failing: fc.constantFrom("skip", "fail", "run"),
			count: fc.integer({ min: 1, max: 3 }),
			strategy: fc.constantFrom("mean", "pass_any", "pass_all"),
			earlyExit: fc.boolean(),
		}),
		{ minLength: 1, maxLength: 8 },
	),
	targets: fc.integer({ min: 1, max: 2 }),
	shards: fc.integer({ min: 1, max: 5 }),
});

/** The answer to each attempt of a test; undefined if the attempt can't be run. */
const answers = {
	always: ["yes", "yes", "yes"],
	first: ["yes", "no", "no"],
	later: ["no", "yes", "yes"],
	never: ["no", "no", "no"],
	broken: ["yes", undefined, "yes"],
};

function filesOf({ tests, targets }: Suite): Record<string, string> {
	const entries = tests.map(({ after, failing, count, strategy, earlyExit }, index) => {
		const depends =
			after > 0 && index >= after ? `, depends_on: [t${index - after}], on_dependency_failure: ${failing}` : "";
		return `  - {id: t${index}, input: hi${depends}, repeat: {count: ${count}, strategy: ${strategy}, early_exit: ${earlyExit}}}`;
	});
	const recorded = tests.flatMap(({ passes }, index) =>
		answers[passes].flatMap((output, attempt) =>
			output === undefined
				? []
				: [JSON.stringify({ test_id: `t${index}`, attempt: attempt + 1, output, cost_usd: 0.1 + index / 7 })],
		),
	);
	return {
		"my.eval.yaml": `assertions: [{type: contains, value: yes}]\ntests:\n${entries.join("\n")}\n`,
		"targets.yaml": `targets:\n${Array.from({ length: targets }, (_, index) => `  - {name: r${index}, provider: replay, fixtures: ./answers.jsonl}\n`).join("")}`,
		"answers.jsonl": `${recorded.join("\n")}\n`,
	};
}

describe("merging all shards", () => {
	test("equals a run of all tests, for any order of the shards", async () => {
		await fc.assert(
			fc.asyncProperty(suites, fc.infiniteStream(fc.nat()), async (suite, order) => {
				const root = tempTree(filesOf(suite));
				const targets = Array.from({ length: suite.targets }, (_, index) => `r${index}`);
				const whole = await runTree({ root }, { targets, output: join(root, "whole") });
				const shards = directoriesOf(await runShards(root, suite.shards));
				const first = await merged(shards);
				expect(first).toMatchObject({ problems: [], warnings: [], missing: { shards: [], tests: [] } });
				const wholeFound = found(whole.runDir);
				const mergedFound = found(first.directory);
				expect({ ...mergedFound, isInOrder: true }).toEqual({ ...wholeFound, isInOrder: true });
				expect(mergedFound.isInOrder).toBe(true);
				expect((await verifyRun(first.directory)).differences).toEqual([]);
				const shuffled = shards
					.map((one) => [order.next().value, one] as const)
					.sort(([a], [b]) => Number(a) - Number(b));
				const second = await merged(shuffled.map(([, one]) => one));
				expect(filesIn(second.directory)).toEqual(filesIn(first.directory));
			}),
			law(60),
		);
	});
});

describe("merging some of the shards", () => {
	test("lists the missing tests, which complete the result if they alone are run", async () => {
		await fc.assert(
			fc.asyncProperty(suites, fc.nat(), fc.boolean(), async (suite, choice, apart) => {
				const root = tempTree(filesOf(suite));
				const targets = Array.from({ length: suite.targets }, (_, index) => `r${index}`);
				const whole = await runTree({ root }, { targets, output: join(root, "whole") });
				const shards = await runShards(root, suite.shards);
				const left = shards[choice % shards.length];
				const others = shards.filter((one) => one !== left);
				if (!left || others.length === 0) return;
				const gap = await merged(directoriesOf(others));
				const ids = new Set(readRunFile(left.runDir).planned.map(([, id]) => id));
				expect(new Set(gap.missing.tests.map(({ testId }) => testId))).toEqual(ids);
				expect(gap.missing.shards).toEqual(ids.size === 0 ? [] : [shards.indexOf(left) + 1]);
				const request = resumedRequest(gap.directory, { evals: [] });
				if (!apart) {
					const { outcome } = await runTree({ root }, { ...request, output: gap.directory, resume: true });
					expect(outcome).toBe("complete");
					expect({ ...found(gap.directory), isInOrder: true }).toEqual({ ...found(whole.runDir), isInOrder: true });
					return;
				}
				const rest = await runTree({ root }, { ...request, onlyMissing: gap.directory, output: join(root, "rest") });
				expect(new Set(rest.rows.map(({ testId }) => testId))).toEqual(ids);
				for (const parts of [[gap.directory], directoriesOf(others)]) {
					const full = await merged([...parts, rest.runDir]);
					expect(full).toMatchObject({ problems: [], missing: { tests: [] } });
					expect({ ...found(full.directory), isInOrder: true }).toEqual({ ...found(whole.runDir), isInOrder: true });
				}
			}),
			law(60),
		);
	});
});
