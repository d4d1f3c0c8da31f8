import { AgentvError } from "../base/agentv-error.ts";
import { openDiskView } from "../model/disk-view.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { GradedRecord } from "../schema/attempt-file.ts";
import type { GraderResult, Subject } from "./contract.ts";
import { type GradingServices, gradeAssertion } from "./grade-assertion.ts";
import { isGraded, recordedResult, ungraded } from "./grader-result.ts";
import { isReproducible } from "./recorded-assertion.ts";
import { sameScore } from "./verdict.ts";

/** Why a grader's recorded score is taken over. */
export type TakenOver = "not-reproducible" | "masked" | "timeout";

/** One grader of an attempt, with what was recorded of it and what it comes to now. */
export interface Regraded {
	/** Its name; of a part of a composite with those of the composites around it. */
	readonly path: readonly string[];
	readonly type: string;
	/** Absent where the records don't have it. */
	readonly recorded: GradedRecord | undefined;
	/** Absent where nothing is recorded that could be taken over. */
	readonly now: GraderResult | undefined;
	/** Absent where it judged again. */
	readonly takenOver?: TakenOver;
}

export interface RegradeOptions {
	/** Whether secrets were taken out of the record: then another score than the recorded one says nothing. */
	readonly isRedacted: boolean;
	/** Is told of every grader, the parts of a composite before the composite. */
	readonly seen: (regraded: Regraded) => void;
}

/** Grades an answer again by what its record holds. @returns what counts for the test's score; `undefined` if it is unknown */
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
	// A slow machine may run into a time limit that the run did not.
	if (!isGraded(again) && again.error.code === "timeout" && recorded?.error?.code !== "timeout") return "timeout";
	const agrees = recorded && isGraded(again) && recorded.score !== null && sameScore(again.score, recorded.score);
	return isRedacted && !agrees ? "masked" : undefined;
}

function refuse(): never {
	throw new AgentvError("failed", "a reproducible grader asked for a service");
}

/** Graders that can be repeated ask for none of these. */
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
