import type { Assertion, BuiltInAssertion } from "../model/eval-types.ts";
import { type AssertionType, assertionSchemas, customAssertionSchema } from "../schema/assertion-entry.ts";
import { toWire } from "../schema/to-wire.ts";
import type { Grader, GraderType } from "./contract.ts";
import { graders } from "./graders/index.ts";

/** Returns whether the record of an answer suffices to grade it. */
export function isReproducible(assertion: Assertion): boolean {
	const grader: Grader<GraderType> | undefined = graders.get(assertion.type);
	return grader?.reproducible(assertion) ?? false;
}

/** Returns an assertion as written in evals, without defaults, for an attempt's file. */
export function assertionRecord(assertion: Assertion): Record<string, unknown> {
	const { name, weight, required, minScore, negate, parts } = assertion;
	const type = assertion.type === "custom" ? assertion.customType : assertion.type;
	return {
		type,
		...(name === type ? {} : { name }),
		...(weight === 1 ? {} : { weight }),
		...(required ? { required } : {}),
		...(minScore === undefined ? {} : { min_score: minScore }),
		...(negate ? { negate } : {}),
		...(isReproducible(assertion) ? settingsRecord(assertion) : {}),
		...(parts ? { assertions: parts.map(assertionRecord) } : {}),
	};
}

const common = new Set(["type", "name", "weight", "required", "minScore", "negate", "assertions", "evaluators"]);

function settingsRecord(assertion: Assertion): Record<string, unknown> {
	const own = Object.fromEntries(Object.entries(assertion.settings).filter(([key]) => !common.has(key)));
	// The only own steps inside settings; everything deeper is written as the author wrote it.
	if (assertion.type === "tool-trajectory" && assertion.settings.expected)
		own.expected = assertion.settings.expected.map(toWire);
	return toWire(own);
}

/**
 * Parses the output of `assertionRecord`; undefined if invalid. Types that can't be graded again
 * become a custom type, which is never reproducible.
 */
export function readAssertionRecord(record: unknown): Assertion | undefined {
	const read = customAssertionSchema.safeParse(record);
	if (!read.success) return undefined;
	const { assertions } = record as { readonly assertions?: unknown };
	const parts = assertions === undefined ? undefined : readAssertionRecords(assertions);
	if (assertions !== undefined && !parts) return undefined;
	const { type, name = type, weight = 1, required = false, minScore, negate = false } = read.data;
	const base = {
		...{ name, weight, negate, required: required !== false, at: { file: "", path: [] }, base: "", rest: {} },
		...(minScore === undefined ? {} : { minScore }),
		...(parts ? { parts } : {}),
	};
	const settings = Object.hasOwn(assertionSchemas, type)
		? assertionSchemas[type as AssertionType].safeParse(record)
		: undefined;
	const builtIn = settings?.success ? ({ ...base, type, settings: settings.data } as BuiltInAssertion) : undefined;
	if (builtIn && isReproducible(builtIn)) return builtIn;
	return { ...base, type: "custom", customType: type, program: "", settings: {} };
}

/** Parses a list of them; undefined if one is invalid. */
export function readAssertionRecords(records: unknown): Assertion[] | undefined {
	if (!Array.isArray(records)) return undefined;
	const read = records.map(readAssertionRecord);
	const known = read.flatMap((assertion) => assertion ?? []);
	return known.length === read.length ? known : undefined;
}
