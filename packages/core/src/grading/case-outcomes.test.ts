import { expect, test } from "vitest";
import { readIndex, readRunFile, readSummary } from "../eval/discover-evals.ts";
import { editIndex, isOf, recordedRun } from "../results/testing/tampered-run.ts";
import { caseOutcomes, tallyOf, testsNotRun } from "./outcomes.ts";

function counted(directory: string) {
	const run = readRunFile(directory);
	const outcomes = [...caseOutcomes(readIndex(directory).rows, run)];
	const of = (wanted: string) => outcomes.filter(({ status }) => status === wanted);
	return { outcomes, of, tally: tallyOf(outcomes, run) };
}

test("counts tests like the run's summary, with the attempts of a test combined", async () => {
	const directory = await recordedRun();
	const { outcomes, of, tally } = counted(directory);
	const summary = readSummary(directory);
	expect(tally.summary(summary?.durationMs ?? 0)).toEqual(summary);
	expect(tally.targets()).toMatchObject([
		{ target: "default", summary: { planned: 12 } },
		{ target: "other", summary: { planned: 12 } },
	]);
	expect(outcomes).toHaveLength(24);
	const repeated = outcomes.find(({ testId }) => testId === "repeated");
	expect(repeated).toMatchObject({ status: "passed", score: 1, attempts: { length: 3 } });
	expect(of("error").map(({ testId }) => testId)).toEqual(expect.arrayContaining(["left out", "unanswered"]));
});

test("lists a test with missing attempts last, as not run, and counts the cost of its attempts", async () => {
	const directory = await recordedRun();
	const whole = counted(directory).tally.summary(0);
	editIndex(directory, (rows) =>
		rows.filter((row) => !(isOf("repeated")(row) && row.attempt === 2) && !isOf("fails")(row)),
	);
	const { outcomes, of, tally } = counted(directory);
	expect(of("not_run")).toEqual(outcomes.slice(-2));
	expect(of("not_run")).toMatchObject([
		{ testId: "repeated", target: "default", score: undefined, attempts: [{ attempt: 1 }, { attempt: 3 }] },
		{ testId: "fails", target: "default", score: undefined, attempts: [] },
	]);
	const summary = tally.summary(0);
	expect(testsNotRun(summary)).toBe(2);
	expect(summary).toMatchObject({ costUsd: whole.costUsd, tokenUsage: whole.tokenUsage });
});

test("ignores rows that the run did not plan", async () => {
	const directory = await recordedRun();
	const before = counted(directory).tally.summary(0);
	editIndex(directory, ([first, ...rows]) => [
		...[first, ...rows],
		...[
			{ ...first, test_id: "unknown" },
			{ ...first, target: "third" },
			{ ...first, attempt: 7 },
		],
	]);
	expect(counted(directory).tally.summary(0)).toEqual(before);
});
