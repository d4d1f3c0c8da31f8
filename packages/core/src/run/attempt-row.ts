import type { Redactor } from "../base/redact.ts";
import { redactDeep } from "../base/redact.ts";
import type { GraderResult } from "../grading/contract.ts";
import type { Fingerprint, ResultRow, RowScore } from "../schema/result-row.ts";
import type { AttemptOutcome } from "./attempt-outcome.ts";
import type { AttemptName } from "./run-events.ts";
import type { PlannedCase } from "./run-plan.ts";

/** The row of an attempt, secrets redacted. */
export function attemptRow(
	one: PlannedCase,
	{ eval: label, testId, target, attempt }: AttemptName,
	outcome: AttemptOutcome,
	facts: {
		readonly file: string;
		readonly fingerprint: Fingerprint | undefined;
		readonly timestamp: string;
		readonly isRerun: boolean;
	},
	redact: Redactor,
): ResultRow {
	const { answer, error, warnings, workspacePath } = outcome;
	const row: ResultRow = {
		timestamp: facts.timestamp,
		...{ testId, eval: label, target, attempt },
		score: round(outcome.score),
		threshold: one.threshold,
		executionStatus: outcome.status,
		scores: outcome.scores.map(rowScore),
		...(error ? { error } : {}),
		...(warnings.length > 0 ? { warnings: [...warnings] } : {}),
		durationMs: Math.round(outcome.durationMs),
		...(answer?.tokenUsage ? { tokenUsage: answer.tokenUsage } : {}),
		...(answer?.costUsd === undefined ? {} : { costUsd: answer.costUsd }),
		...(answer?.stopReason === undefined ? {} : { stopReason: answer.stopReason }),
		...(answer?.cached === undefined ? {} : { cached: answer.cached }),
		...(workspacePath === undefined ? {} : { workspacePath }),
		timingsMs: outcome.timings,
		metadata: outcome.metadata,
		...(facts.fingerprint ? { fingerprint: facts.fingerprint } : {}),
		...(facts.isRerun ? { rerun: "changed" as const } : {}),
		file: facts.file,
	};
	return redactDeep(row, redact);
}

function rowScore({ required: _, parts: __, score, assertions, ...result }: GraderResult): RowScore {
	const { name, type, weight, verdict, usage } = result;
	return {
		...{ name, type, score: score === null ? null : round(score), weight, verdict, assertions: [...assertions] },
		...(result.verdict === "not_judged" ? { error: result.error } : result.veto ? { veto: true } : {}),
		...(usage ? { usage } : {}),
	};
}

/** Sums of fractions are shown without the dust of binary arithmetic. */
function round(score: number): number {
	return Math.round(score * 1e9) / 1e9;
}
