import { AgentvError } from "../base/agentv-error.ts";
import { readJson } from "../base/read-json.ts";
import { sameValue } from "../grading/args-match.ts";
import type { Regraded } from "../grading/regrade.ts";
import { sameScore } from "../grading/verdict.ts";
import { digestFile, digestText } from "../io/files/digest-tree.ts";
import { pathKind } from "../io/files/stat-path.ts";
import { readRecordText, recordPath } from "../model/record-files.ts";
import { type AttemptFile, attemptFileSchema, type GradedRecord } from "../schema/attempt-file.ts";
import { attemptFacts, type ExecutionStatus, graderStage, type ResultRow } from "../schema/result-row.ts";
import { toWireKey } from "../schema/wire-object.ts";
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
	const file = row.file === undefined ? undefined : readFile(directory, row.file, row.fileSha256, differs);
	if (row.file === undefined) differs({ kind: "file-missing" });
	if (!file) return recorded;
	for (const found of factDifferences(row, file)) differs(found);
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

/** The attempt's file; `undefined` where it, or what stands beside it, can't be read. */
function readFile(
	directory: string,
	path: string,
	sha256: string | undefined,
	differs: (found: Difference) => void,
): AttemptFile | undefined {
	const text = textOf(directory, path, differs);
	if (text === undefined) return undefined;
	if (sha256 !== undefined && digestText(text) !== sha256) differs({ kind: "file-changed", file: path });
	const read = readJson(text);
	const parsed = "value" in read ? attemptFileSchema.safeParse(read.value) : undefined;
	if (!parsed?.success) {
		differs({ kind: "file-unreadable", file: path });
		return undefined;
	}
	let whole = true;
	for (const beside of parsed.data.beside ?? []) {
		const found = besideDifference(directory, beside);
		if (found) differs({ kind: found, file: beside.path });
		whole &&= found === undefined || found === "file-changed";
	}
	return whole ? parsed.data : undefined;
}

function textOf(directory: string, path: string, differs: (found: Difference) => void): string | undefined {
	try {
		return readRecordText(directory, path);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		differs({ kind: error.code === "not-found" ? "file-missing" : "file-unreadable", file: path });
		return undefined;
	}
}

function besideDifference(directory: string, { path, sha256 }: { path: string; sha256: string }) {
	try {
		const file = recordPath(directory, path);
		if (pathKind(file) === "missing") return "file-missing" as const;
		return digestFile(file) === sha256 ? undefined : ("file-changed" as const);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return "file-unreadable" as const;
	}
}

const facts = Object.keys(attemptFacts) as (keyof typeof attemptFacts)[];

function* factDifferences(row: ResultRow, file: AttemptFile): Generator<Difference> {
	for (const name of facts)
		if (!sameValue(row[name], file[name]))
			yield { kind: "fact", field: toWireKey(name), recorded: row[name], recomputed: file[name] };
	for (let index = 0; index < Math.max(row.scores.length, file.scores.length); index++) {
		const [one, other] = [row.scores[index], file.scores[index]];
		if (!one || !other || !sameJudgement(one, other))
			yield {
				...{ kind: "fact", field: `scores[${index}]`, grader: (other ?? one)?.name ?? "" },
				...{ recorded: one && shown(one), recomputed: other && shown(other) },
			};
	}
}

type Judgement = Omit<GradedRecord, "required" | "details" | "parts">;

function sameJudgement(one: Judgement, other: Judgement): boolean {
	return (
		sameOrNoScore(one.score, other.score) &&
		(["name", "type", "weight", "verdict", "veto", "error", "assertions", "usage"] as const).every((key) =>
			sameValue(one[key], other[key]),
		)
	);
}

function sameOrNoScore(one: number | null, other: number | null): boolean {
	return one === null || other === null ? one === other : sameScore(one, other);
}

function shown({ name, score, verdict, assertions }: Judgement) {
	return { name, score, verdict, assertions };
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
