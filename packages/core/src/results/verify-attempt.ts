import { checkAttemptRecord, sameOrNoScore } from "../grading/attempt-record.ts";
import type { Regraded } from "../grading/regrade.ts";
import { sameScore } from "../grading/verdict.ts";
import { recordPath } from "../model/record-files.ts";
import type { AttemptFile } from "../schema/attempt-file.ts";
import { type ExecutionStatus, graderStage, type ResultRow } from "../schema/result-row.ts";
import type { MadeOf } from "./mixed-versions.ts";
import { attemptOf } from "./read-run.ts";
import { regradeAttempt } from "./regrade-attempt.ts";
import type { Difference } from "./run-verification.ts";

/** What verifying an attempt showed. */
export interface AttemptVerification {
	readonly differences: readonly Difference[];
	readonly graders: readonly Regraded[];
	/** As recomputed; as recorded where that can't be done. */
	readonly score: number;
	readonly executionStatus: ExecutionStatus;
	/** Versions of what it was made of; absent when the file can't be read. */
	readonly made?: MadeOf;
}

/** Holds an attempt's row against its file, and both against what grading the recorded answer again gives. */
export async function verifyAttempt(directory: string, row: ResultRow): Promise<AttemptVerification> {
	const attempt = attemptOf(row);
	const differences: Difference[] = [];
	const differs = (found: Difference) => differences.push({ ...found, attempt });
	const recorded = { differences, graders: [], score: row.score, executionStatus: row.executionStatus };
	const { file, problems } = checkAttemptRecord(directory, row);
	for (const found of problems) differs(found);
	if (!file) return recorded;
	const regraded = await regrade(directory, row, file);
	const made = { files: file.files, repositories: file.repositories };
	if (!regraded) {
		differs({ kind: "file-unreadable", ...(row.file === undefined ? {} : { file: row.file }), field: "assertions" });
		return { ...recorded, made };
	}
	for (const one of regraded.graders) for (const found of graderDifferences(one)) differs(found);
	const { graders, score, status, expectedScores } = regraded;
	if (expectedScores !== undefined)
		differs({ kind: "grader", field: "scores", recorded: file.scores.length, recomputed: expectedScores });
	if (score !== undefined && !sameScore(round(score), row.score))
		differs({ kind: "attempt", field: "score", recorded: row.score, recomputed: round(score) });
	if (status !== undefined && status !== row.executionStatus)
		differs({ kind: "attempt", field: "execution_status", recorded: row.executionStatus, recomputed: status });
	return {
		...{ differences, graders, made },
		score: score === undefined ? row.score : round(score),
		executionStatus: status ?? row.executionStatus,
	};
}

/** Rows hold scores to nine places. */
function round(score: number): number {
	return Math.round(score * 1e9) / 1e9;
}

async function regrade(directory: string, row: ResultRow, file: AttemptFile) {
	if (file.error === undefined || file.error.stage === graderStage)
		return regradeAttempt(file, (path) => recordPath(directory, path));
	// An attempt without a whole answer, or one that was skipped because of another test, has no score to recompute.
	const status = file.error.stage === "dependency" ? row.executionStatus : "execution_error";
	return { graders: [], score: 0, status, expectedScores: undefined } as const;
}

/** Where a recorded judgement is not the one that grading gives, or is not the grader's that the record names. */
function* graderDifferences({ path, type, recorded, now }: Regraded): Generator<Difference> {
	const grader = path.join(" › ");
	const differs = (field: string, was: unknown, is: unknown): Difference => ({
		...{ kind: "grader", grader, field, recorded: was, recomputed: is },
	});
	if (!recorded) yield differs("score", undefined, now?.score);
	else if (now) {
		if (!sameOrNoScore(now.score, recorded.score)) yield differs("score", recorded.score, now.score);
		// The verdict follows from the score.
		else if (now.verdict !== recorded.verdict) yield differs("verdict", recorded.verdict, now.verdict);
		if (now.weight !== recorded.weight) yield differs("weight", recorded.weight, now.weight);
		if (now.required !== recorded.required) yield differs("required", recorded.required, now.required);
		if (now.name !== recorded.name) yield differs("name", recorded.name, now.name);
		if (type !== recorded.type) yield differs("type", recorded.type, type);
	}
}
