import { AgentvError } from "../base/agentv-error.ts";
import { openDiskView } from "../model/disk-view.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { GradedRecord } from "../schema/attempt-file.ts";
import type { GraderResult, Subject } from "./contract.ts";
import { type GradingServices, gradeAssertion } from "./grade-assertion.ts";
import { isGraded, recordedResult, ungraded } from "./grader-result.ts";
import { isReproducible } from "./recorded-assertion.ts";
import { sameScore } from "./verdict.ts";

/** Why a grader's recorded score is kept. */
export type TakenOver = "not-reproducible" | "masked" | "timeout";

/** A grader of an attempt, with its recorded result and its current one. */
export interface Regraded {
	/** Its name; for a part of a composite after the names of its composites. */
	readonly path: readonly string[];
	readonly type: string;
	/** Absent if it is not recorded. */
	readonly recorded: GradedRecord | undefined;
	/** Absent if there is no recorded result to keep. */
	readonly now: GraderResult | undefined;
	/** Absent if it was graded again. */
	readonly takenOver?: TakenOver;
}

export interface RegradeOptions {
	/** Whether secrets were redacted from the record, so that a differing score proves nothing. */
	readonly isRedacted: boolean;
	/** Called for every grader, the parts of a composite before the composite. */
	readonly seen: (regraded: Regraded) => void;
}

/**
 * Grades a recorded answer again. @returns what counts for the test's score; undefined if it is
 * unknown
 */
export async function regrade(
	assertion: Assertion,
	recorded: GradedRecord | undefined,
	subject: Subject,
	options: RegradeOptions,
	around: readonly string[] = [],
): Promise<GraderResult | undefined> {
	const path = [...around, assertion.name];
	const type = assertion.type === "custom" ? assertion.customType : assertion.type;
	const parts = new Map<Assertion, GraderResult | undefined>();
	for (const [index, part] of (assertion.parts ?? []).entries())
		parts.set(part, await regrade(part, recorded?.parts?.[index], subject, options, path));
	const again = isReproducible(assertion)
		? await gradeAssertion(assertion, subject, noServices, async (part) => parts.get(part) ?? unknownPart(part))
		: undefined;
	const takenOver = whyTakenOver(again, recorded, options);
	const now = takenOver ? recorded && recordedResult(assertion, recorded, subject.threshold) : again;
	options.seen({ path, type, recorded, now, ...(takenOver ? { takenOver } : {}) });
	return now;
}

function unknownPart(part: Assertion): GraderResult {
	return ungraded(part, { couldNotRun: { code: "unknown", message: "its recorded score is missing" } });
}

function whyTakenOver(
	again: GraderResult | undefined,
	recorded: GradedRecord | undefined,
	{ isRedacted }: RegradeOptions,
): TakenOver | undefined {
	if (!again) return "not-reproducible";
	// A slow machine can hit a time limit that the run did not.
	if (!isGraded(again) && again.error.code === "timeout" && recorded?.error?.code !== "timeout") return "timeout";
	const agrees = recorded && isGraded(again) && recorded.score !== null && sameScore(again.score, recorded.score);
	return isRedacted && !agrees ? "masked" : undefined;
}

function refuse(): never {
	throw new AgentvError("failed", "a reproducible grader asked for a service");
}

/** Reproducible graders use none of these. */
const noServices: GradingServices = {
	env: {},
	scope: { directory: "/", root: "/", rootKind: "eval-directory" },
	view: openDiskView(),
	runCommand: refuse,
	programEnv: {},
	scratch: { path: "", make: refuse },
	signal: new AbortController().signal,
	askModel: refuse,
};
