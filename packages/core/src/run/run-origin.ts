import { AgentvError } from "../base/agentv-error.ts";
import { nearestName } from "../base/nearest.ts";
import type { Redactor } from "../base/redact.ts";
import { caseKey } from "../model/case-key.ts";
import { readIndex, readRunFile } from "../model/result-files.ts";
import type { ResultRow } from "../schema/result-row.ts";
import type { RunOriginRecord } from "../schema/run-file.ts";
import { caseStates } from "./case-states.ts";
import { allGraders } from "./needed-model.ts";
import { type PlannedCase, type RunOrigin, recordedKey } from "./run-plan.ts";
import type { RunRequest } from "./run-request.ts";

/** Reads the run that a request starts from. @throws AgentvError `not-found`, `config` */
export function readOrigin({ regrade, rerunFailed }: RunRequest): RunOrigin | undefined {
	const directory = regrade?.origin ?? rerunFailed;
	if (directory === undefined) return undefined;
	const run = readRunFile(directory);
	const { rows } = readIndex(directory);
	if (!regrade) return { kind: "rerun_failed", directory, run, rows };
	return { kind: "regrade", directory, run, rows, ...(regrade.graders ? { graders: regrade.graders } : {}) };
}

/** How a run's record names its origin. */
export function originRecord({ kind, directory, run, graders }: RunOrigin): RunOriginRecord {
	return { kind, runId: run.runId, path: directory, ...(graders ? { graders: [...graders] } : {}) };
}

/**
 * Returns the cases that a run with an origin is about: to grade again, those with a row there, each with the attempts that were planned; to run
 * again, those that were planned there and did not pass.
 */
export function originCases(cases: readonly PlannedCase[], origin: RunOrigin, redact: Redactor): PlannedCase[] {
	return origin.kind === "regrade" ? recordedCases(cases, origin, redact) : failedCases(cases, origin, redact);
}

function recordedCases(cases: readonly PlannedCase[], origin: RunOrigin, redact: Redactor): PlannedCase[] {
	const repeats = new Map(
		origin.run.planned.map(([of, id, target, repeat]) => [
			caseKey(origin.run.evals[of]?.file ?? "", id, target),
			repeat,
		]),
	);
	const rows = new Map<string, ResultRow[]>();
	for (const row of origin.rows) {
		const key = caseKey(row.eval, row.testId, row.target);
		const known = rows.get(key);
		if (known) known.push(row);
		else rows.set(key, [row]);
	}
	if (rows.size === 0) return [];
	return cases.flatMap((planned) => {
		const key = originKey(planned, origin, redact);
		const made = rows.get(key) ?? [];
		if (made.length === 0 && !repeats.has(key)) return [];
		// Attempts that were planned and are not on record are not graded: fewer could come to another result.
		const { count = 1, earlyExit = false } = repeats.get(key) ?? {};
		const most = Math.max(count, ...made.map(({ attempt }) => attempt));
		// The answers are there, whatever became of other tests since: only a test that was skipped waits, and may be skipped again.
		const isSkipped = made.some(({ error }) => error?.stage === "dependency");
		return [
			{
				...planned,
				dependsOn: isSkipped ? planned.dependsOn : [],
				repeat: { ...planned.repeat, count: most, earlyExit },
			},
		];
	});
}

function failedCases(cases: readonly PlannedCase[], { run, rows }: RunOrigin, redact: Redactor): PlannedCase[] {
	const planned = new Set(run.planned.map(([index, id, target]) => caseKey(run.evals[index]?.file ?? "", id, target)));
	const failed = new Set(
		caseStates({ cases, redact }, rows).flatMap(({ one, result }) => (result?.status === "passed" ? [] : [one])),
	);
	return cases.filter((one) => failed.has(one) && planned.has(recordedKey(one, redact)));
}

/** @throws AgentvError `usage` if a grader is to run again that none of the tests has */
export function refuseUnknownGraders(cases: readonly PlannedCase[], { graders }: RunOrigin): void {
	if (!graders) return;
	const known = new Set(cases.flatMap((planned) => allGraders(planned).map(({ name }) => name)));
	const unknown = graders.find((name) => !known.has(name));
	if (unknown === undefined) return;
	const nearest = nearestName(unknown, known);
	throw new AgentvError("usage", `no grader ${JSON.stringify(unknown)}`, {
		hint: nearest === undefined ? `Graders: ${[...known].join(", ")}.` : `Did you mean ${JSON.stringify(nearest)}?`,
	});
}

/** The key of a case in the origin: an eval that moved is recognised if both runs have only one. */
export function originKey(
	{ eval: { label }, test, target }: PlannedCase,
	{ run }: RunOrigin,
	redact: Redactor,
): string {
	const [only, ...others] = run.evals;
	const own = redact(label);
	const known = run.evals.some(({ file }) => file === own);
	return caseKey(known || !only || others.length > 0 ? own : only.file, test.id, redact(target.target.name));
}
