import type { ComparedRuns } from "../results/compared-runs.ts";

/** Two runs: one object. More: `{comparisons: […]}`, each with the first run. */
export function compareJson(compared: readonly ComparedRuns[]): string {
	const documents = compared.map(document);
	return `${JSON.stringify(documents.length === 1 ? documents[0] : { comparisons: documents }, null, 2)}\n`;
}

function document({ before, after, comparison }: ComparedRuns) {
	const { difference, verdict } = comparison;
	const name = (one: { eval: string; testId: string; target: string }) => ({
		eval: one.eval,
		test_id: one.testId,
		target: one.target,
	});
	return {
		runs: [before, after],
		verdict,
		difference: {
			tests: difference.tests,
			mean: difference.mean,
			interval: difference.interval ?? null,
			smallest_effect: difference.smallestEffect ?? null,
		},
		comparable: comparison.comparable.map((one) => ({
			...name(one),
			before: one.before,
			after: one.after,
			delta: one.delta,
		})),
		changed: comparison.changed.map((one) => ({
			...name(one),
			parts: one.parts,
			before: one.before ?? null,
			after: one.after ?? null,
		})),
		new: comparison.new.map((one) => ({ ...name(one), score: one.score ?? null })),
		gone: comparison.gone.map((one) => ({ ...name(one), score: one.score ?? null })),
		errors: comparison.errors.map(name),
	};
}
