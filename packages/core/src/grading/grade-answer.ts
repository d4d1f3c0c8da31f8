import type { Assertion } from "../model/eval-types.ts";
import type { GradedRecord } from "../schema/attempt-file.ts";
import type { CouldNotRun, GraderResult, Subject } from "./contract.ts";
import { type GradingServices, gradeAssertion } from "./grade-assertion.ts";
import { isGraded, recordedResult, ungraded } from "./grader-result.ts";
import { addUsage } from "./judge/add-usage.ts";

/** `parts`: the grader runs again, with a choice for each part. */
export type RegradeChoice = "keep" | "parts" | "regrade";

/** Earlier results of an answer, and which of them to keep. */
export interface EarlierResults {
	readonly records: readonly GradedRecord[];
	readonly choose: (assertion: Assertion, record: GradedRecord) => RegradeChoice;
	/** Whether the usage of earlier grading belongs to the same run. */
	readonly countsUsage: boolean;
	/** Why graders of the answer can't run again, if the recorded answer is not the original one. */
	readonly refusal?: CouldNotRun["couldNotRun"];
}

/**
 * Grades an answer by a list of assertions, one by one. A grader that can't run gets a result
 * without a score and doesn't stop others. Stops early once `services.signal` is aborted.
 * @param earlier results to keep; by default every grader runs
 */
export async function gradeAnswer(
	assertions: readonly Assertion[],
	subject: Subject,
	services: GradingServices,
	earlier?: EarlierResults,
): Promise<GraderResult[]> {
	const records = [...(earlier?.records ?? [])];
	const results: GraderResult[] = [];
	for (const assertion of assertions) {
		results.push(await gradeOrKeep(assertion, takeRecord(records, assertion), subject, services, earlier));
		if (services.signal.aborted) break;
	}
	return results;
}

async function gradeOrKeep(
	assertion: Assertion,
	record: GradedRecord | undefined,
	subject: Subject,
	services: GradingServices,
	earlier: EarlierResults | undefined,
): Promise<GraderResult> {
	const choice = record && earlier ? earlier.choose(assertion, record) : "regrade";
	if (record && choice === "keep")
		return withUsage(recordedResult(assertion, record, subject.threshold), record, earlier);
	if (earlier?.refusal && choice === "regrade" && looksAtAnswer(assertion))
		return ungraded(assertion, { couldNotRun: earlier.refusal });
	const parts = choice === "parts" ? [...(record?.parts ?? [])] : [];
	const result = await gradeAssertion(assertion, subject, services, (part, of) =>
		gradeOrKeep(part, takeRecord(parts, part), of, services, earlier),
	);
	return record ? withUsage(result, record, earlier) : result;
}

/** Returns the assertions that would run, including parts of composites. */
export function gradersToRun(assertions: readonly Assertion[], earlier: EarlierResults): Assertion[] {
	const records = [...earlier.records];
	return assertions.flatMap((assertion) => toRun(assertion, takeRecord(records, assertion), earlier));
}

function toRun(assertion: Assertion, record: GradedRecord | undefined, earlier: EarlierResults): Assertion[] {
	const choice = record ? earlier.choose(assertion, record) : "regrade";
	if (choice === "keep" || (choice === "regrade" && earlier.refusal)) return [];
	const parts = choice === "parts" ? [...(record?.parts ?? [])] : [];
	return [assertion, ...(assertion.parts ?? []).flatMap((part) => toRun(part, takeRecord(parts, part), earlier))];
}

const measuring = new Set<Assertion["type"]>(["cost", "execution-metrics", "latency", "token-usage"]);

/** Returns whether a grader uses more than the answer's duration and cost. */
function looksAtAnswer({ type }: Assertion): boolean {
	return !measuring.has(type);
}

/** Removes the record of an assertion from `records`: the first with its name and type. */
function takeRecord(records: GradedRecord[], assertion: Assertion): GradedRecord | undefined {
	const type = assertion.type === "custom" ? assertion.customType : assertion.type;
	const index = records.findIndex((record) => record.name === assertion.name && record.type === type);
	return index === -1 ? undefined : records.splice(index, 1)[0];
}

function withUsage(result: GraderResult, record: GradedRecord, earlier: EarlierResults | undefined): GraderResult {
	// A composite's usage includes that of its parts, whose records are added on their own.
	if (!earlier?.countsUsage || !record.usage || (record.parts && isGraded(result) && result.usage)) return result;
	const usage = addUsage(record.usage as GraderResult["usage"], result.usage);
	return usage ? { ...result, usage } : result;
}
