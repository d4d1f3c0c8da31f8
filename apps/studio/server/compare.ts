import {
	type CaseScore,
	type ComparedCase,
	type Comparison,
	comparedCaseRecord,
	comparedCases,
	comparedRunRecord,
	comparisonFigures,
	describeDifference,
	describeLowered,
	type FingerprintPart,
	fingerprintParts,
	isLowered,
	type RunHead,
	type RunStore,
} from "@agentv/core";
import type { JSONParsed } from "hono/utils/types";
import { z } from "zod";
import { matcher } from "./find-eval.ts";
import { listField, mapPage, pageField, pageOf, pageSizeField, searchField } from "./request.ts";
import { runId } from "./run-responses.ts";
import { attemptId, sorted } from "./test-responses.ts";

export const compareQuery = z.object({
	/** Two to five runs; the first one is the baseline. */
	run: listField
		.refine((ids) => ids.length >= 2 && ids.length <= 5, "specify two to five runs")
		.refine((ids) => new Set(ids).size === ids.length, "a run is specified twice"),
	part: z.enum(["comparable", "changed", "new", "gone", "errors"]).optional(),
	vary: listField.pipe(z.array(z.enum(fingerprintParts))),
	page: pageField,
	page_size: pageSizeField,
	search: searchField,
	differing: z.enum([...fingerprintParts, "unknown"]).optional(),
	/** `change`: largest change first. */
	sort: z.enum(["change", "test", "before", "after", "delta"]).optional(),
	descending: z.enum(["true", "false"]).optional(),
});
type CompareQuery = z.output<typeof compareQuery>;

export type CompareResponse = JSONParsed<ReturnType<typeof compareResponse>>;
export type ComparisonResponse = CompareResponse["comparisons"][number];

export function compareResponse(heads: readonly RunHead[], query: CompareQuery, runs: RunStore) {
	const opened = heads.map((head) => ({ id: runId(head), run: runs.compared(head.directory) }));
	const [first, ...others] = opened;
	return {
		runs: opened.map(({ id, run }) => {
			return { id, ...comparedRunRecord(run), results: run.cases.length, bad_lines: run.badLines.length };
		}),
		comparisons: others.map(({ id, run }) => ({
			...{ before: first?.id ?? "", after: id },
			...comparisonResponse(runs.compare(first?.run.directory ?? "", run.directory, query.vary), query),
		})),
	};
}

/** Returns a page of tests instead of all, and sentences next to the figures. */
function comparisonResponse(comparison: Comparison, query: CompareQuery) {
	const { comparable, changed, errors, renamed } = comparison;
	const part = query.part ?? "comparable";
	const page = pageOf(selectCases(comparison, query), query.page, query.page_size);
	return {
		...comparisonFigures(comparison),
		message: describeDifference(comparison.difference),
		/** Null if the lower bound equals the difference. */
		lower_message: isLowered(comparison) ? describeLowered(comparison) : null,
		counts: {
			...{ comparable: comparable.length, changed: changed.length, errors: errors.length },
			...{ new: comparison.new.length, gone: comparison.gone.length },
		},
		moved: {
			up: comparable.filter(({ delta }) => delta > 0).length,
			down: comparable.filter(({ delta }) => delta < 0).length,
		},
		changed_parts: countParts(comparison),
		/** With another name in the later run. */
		renamed: [...renamed.evals, ...renamed.targets],
		cases: {
			part,
			...mapPage(page, (compared) => ({
				...comparedCaseRecord(compared),
				/** Per run; empty for a run without the test. */
				rows: [attemptIds(compared.before), attemptIds(compared.after)] as const,
			})),
		},
	};
}

/** Counts tests without fingerprint as `unknown`. */
function countParts({ changed }: Comparison): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const { parts } of changed)
		for (const part of parts.length > 0 ? parts : ["unknown"]) counts[part] = (counts[part] ?? 0) + 1;
	return counts;
}

function selectCases(comparison: Comparison, query: CompareQuery): readonly ComparedCase[] {
	const { part = "comparable", differing, sort = "change", descending } = query;
	const matches = matcher(query.search);
	const wanted = comparedCases(comparison, part).filter(({ before, after, parts = [] }) => {
		const { testId = "", eval: label, target } = after ?? before ?? {};
		return matches(`${testId} ${label} ${target}`) && (differing === undefined || isDiffering(parts, differing));
	});
	const isDescending = descending === "true";
	if (sort === "test") return isDescending ? [...wanted].reverse() : wanted;
	return sorted(wanted, sortKeys[sort], isDescending);
}

function isDiffering(parts: readonly FingerprintPart[], wanted: FingerprintPart | "unknown"): boolean {
	return wanted === "unknown" ? parts.length === 0 : parts.includes(wanted);
}

/** Cases without a value come last, or first in descending order. */
const sortKeys = {
	change: ({ delta }: ComparedCase) => -Math.abs(delta ?? 0),
	before: ({ before }: ComparedCase) => before?.score ?? 2,
	after: ({ after }: ComparedCase) => after?.score ?? 2,
	delta: ({ delta }: ComparedCase) => delta ?? 2,
};

const maxAttempts = 20;

function attemptIds(tested: CaseScore | undefined): string[] {
	if (!tested) return [];
	const count = Math.min(tested.attempts, maxAttempts);
	return Array.from({ length: count }, (_, index) => attemptId({ ...tested, attempt: index + 1 }));
}
