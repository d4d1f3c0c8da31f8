import { expect, test } from "vitest";
import { readIndex, readRunFile, readSummary } from "../model/result-files.ts";
import { caseOutcomes, plannedRepeats } from "./case-outcomes.ts";
import { editIndex, isOf, recordedRun } from "./testing/tampered-run.ts";

const counted = (directory: string) => {
	const outcomes = [...caseOutcomes(readIndex(directory).rows, plannedRepeats(readRunFile(directory)))];
	const of = (wanted: string) => outcomes.filter(({ status }) => status === wanted);
	return { outcomes, passed: of("passed").length, failed: of("failed").length, errors: of("error").length, of };
};

test("tests are counted as the run's summary counts them, attempts put together", async () => {
	const directory = await recordedRun();
	const { outcomes, of, ...counts } = counted(directory);
	const { passed, failed, errors } = readSummary(directory) ?? {};
	expect(counts).toEqual({ passed, failed, errors });
	expect(outcomes).toHaveLength(24);
	const repeated = outcomes.find(({ attempts: [row] }) => row.testId === "repeated");
	expect(repeated).toMatchObject({ status: "passed", score: 1, attempts: { length: 3 } });
	expect(of("error").map(({ attempts: [row] }) => row.testId)).toEqual(
		expect.arrayContaining(["left out", "unanswered"]),
	);
});

test("a test that misses attempts is unfinished and comes last", async () => {
	const directory = await recordedRun();
	editIndex(directory, (rows) => rows.filter((row) => !(isOf("repeated")(row) && row.attempt === 2)));
	const { outcomes, of } = counted(directory);
	expect(of("unfinished")).toEqual([outcomes.at(-1)]);
	expect(outcomes.at(-1)).toMatchObject({ attempts: [{ testId: "repeated" }, { testId: "repeated" }], score: 0 });
});
