import {
	type CaseScore,
	type Comparison,
	caseScores,
	compareRuns,
	describeDifference,
	type FingerprintPart,
	readRun,
} from "@agentv/core";
import type { CompareAnswer, ComparisonAnswer } from "./answers/compare.ts";
import { mapPage, pageOf } from "./answers/page.ts";
import type { CatalogRun } from "./run-catalog.ts";
import { rowId } from "./run-row-id.ts";
import { matcher } from "./search.ts";

export const comparedParts = ["comparable", "changed", "new", "gone", "errors"] as const;

export interface CompareChoices {
	readonly part: (typeof comparedParts)[number];
	readonly page: number;
	readonly pageSize: number;
	readonly search: string | undefined;
	/** Parts of fingerprints that are meant to differ. */
	readonly vary: readonly FingerprintPart[];
}

interface Side {
	readonly run: CatalogRun;
	readonly cases: ReadonlyMap<string, CaseScore>;
}

/** Every later run beside the first, a page of one part of the split. */
export function compareAnswer([first, ...others]: readonly CatalogRun[], choices: CompareChoices): CompareAnswer {
	if (!first) return { runs: [], comparisons: [] };
	const vary = new Set(choices.vary);
	const side = (run: CatalogRun): Side => ({ run, cases: caseScores(readRun(run.directory).rows, vary) });
	const before = side(first);
	const named = [first, ...others].map(({ id, experiment, startedAt }) => ({ id, experiment, started_at: startedAt }));
	return { runs: named, comparisons: others.map((run) => comparison(before, side(run), choices)) };
}

function comparison(before: Side, after: Side, choices: CompareChoices): ComparisonAnswer {
	const compared = compareRuns(before.cases, after.cases, new Set(choices.vary));
	const { difference, verdict } = compared;
	const matches = matcher(choices.search);
	const listed = compared[choices.part].filter((one) => matches(`${one.testId} ${one.eval} ${one.target}`));
	const page = pageOf<CaseOf<Comparison>>(listed, choices.page, choices.pageSize);
	return {
		before: before.run.id,
		after: after.run.id,
		verdict,
		message: describeDifference(difference),
		tests: difference.tests,
		mean: difference.mean,
		interval: difference.interval ?? null,
		smallest_effect: difference.smallestEffect ?? null,
		counts: {
			comparable: compared.comparable.length,
			changed: compared.changed.length,
			new: compared.new.length,
			gone: compared.gone.length,
			errors: compared.errors.length,
		},
		cases: { part: choices.part, ...mapPage(page, (one) => comparedCase(one, choices)) },
	};
}

type CaseOf<All> = All extends {
	readonly comparable: readonly (infer A)[];
	readonly changed: readonly (infer B)[];
	readonly new: readonly (infer C)[];
}
	? A | B | C
	: never;

function comparedCase(one: CaseOf<Comparison>, { part }: CompareChoices): ComparisonAnswer["cases"]["items"][number] {
	const score = "score" in one ? (one.score ?? null) : null;
	const two: [number | null, number | null] =
		"before" in one || "after" in one
			? [one.before ?? null, one.after ?? null]
			: [part === "gone" ? score : null, part === "gone" ? null : score];
	const row = rowId({ eval: one.eval, testId: one.testId, target: one.target, attempt: 1 });
	return {
		eval: one.eval,
		test_id: one.testId,
		target: one.target,
		scores: two,
		rows: [part === "new" ? null : row, part === "gone" ? null : row],
		delta: "delta" in one ? one.delta : null,
		parts: "parts" in one ? one.parts : [],
	};
}
