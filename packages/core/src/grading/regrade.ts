import { AgentvError } from "../base/agentv-error.ts";
import { openDiskView } from "../model/disk-view.ts";
import type { Assertion } from "../model/eval-types.ts";
import type { GradedRecord } from "../schema/attempt-file.ts";
import type { CouldNotRun, GradedAssertion, Subject } from "./contract.ts";
import { type GradingServices, gradeAssertion } from "./grade-assertion.ts";
import { isReproducible } from "./recorded-assertion.ts";
import { reaches, sameScore } from "./verdict.ts";

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
	readonly now: GradedAssertion | CouldNotRun | undefined;
	/** Absent where it judged again. */
	readonly takenOver?: TakenOver;
}

export interface RegradeOptions {
	/** Whether secrets were taken out of the record: then another score than the recorded one says nothing. */
	readonly masked: boolean;
	/** Is told of every grader, the parts of a composite before the composite. */
	readonly seen: (regraded: Regraded) => void;
}

/** Grades an answer again by what its record holds. @returns what counts for the test's score; `undefined` where it is not known */
export async function regrade(
	assertion: Assertion,
	recorded: GradedRecord | undefined,
	subject: Subject,
	options: RegradeOptions,
	around: readonly string[] = [],
): Promise<GradedAssertion | undefined> {
	const path = [...around, assertion.name];
	const type = assertion.type === "custom" ? assertion.customType : assertion.type;
	const parts = new Map<Assertion, GradedAssertion | undefined>();
	for (const [index, part] of (assertion.parts ?? []).entries())
		parts.set(part, await regrade(part, recorded?.parts?.[index], subject, options, path));
	const again = isReproducible(assertion)
		? await gradeAssertion(assertion, subject, noServices, async (part) => parts.get(part) ?? unknownPart)
		: undefined;
	const takenOver = whyTakenOver(again, recorded, options);
	const now = takenOver ? recorded && asRecorded(assertion, type, recorded, subject) : again;
	options.seen({ path, type, recorded, now, ...(takenOver ? { takenOver } : {}) });
	return now === undefined || "couldNotRun" in now ? undefined : now;
}

const unknownPart: CouldNotRun = { couldNotRun: { code: "unknown", message: "its recorded score is missing" } };

function whyTakenOver(
	again: GradedAssertion | CouldNotRun | undefined,
	recorded: GradedRecord | undefined,
	{ masked }: RegradeOptions,
): TakenOver | undefined {
	if (!again) return "not-reproducible";
	// A slow machine may run into a time limit that the run did not.
	if ("couldNotRun" in again && again.couldNotRun.code === "timeout") return "timeout";
	const agrees = recorded && !("couldNotRun" in again) && sameScore(again.score, recorded.score);
	return masked && !agrees ? "masked" : undefined;
}

/** The recorded score, with what the assertion makes of it. */
function asRecorded(assertion: Assertion, type: string, { score }: GradedRecord, { threshold }: Subject) {
	const { name, weight, required, minScore } = assertion;
	const verdict = reaches(score, minScore ?? threshold) ? ("pass" as const) : ("fail" as const);
	return { name, type, score, weight, required, verdict, assertions: [] };
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
