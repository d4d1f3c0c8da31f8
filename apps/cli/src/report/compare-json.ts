import type { ComparedRun, Comparison, ComparisonDocument } from "@agentv/core";
import type { ComparedRuns, NamedRun } from "../results/compared-runs.ts";

/**
 * Writes one object for two runs, `{comparisons: […]}` for more, with one test per line. Schema:
 * docs/schemas/compare-output.schema.json.
 */
export function* compareJson(compared: readonly ComparedRuns[]): Generator<string> {
	const [only, ...others] = compared;
	if (only && others.length === 0) {
		yield* pieces(document(only), "");
		yield "\n";
		return;
	}
	yield '{\n  "comparisons": [\n    ';
	for (const [index, one] of compared.entries()) {
		if (index > 0) yield ",\n    ";
		yield* pieces(document(one), "    ");
	}
	yield "\n  ]\n}\n";
}

function* pieces(value: ComparisonDocument, indent: string): Generator<string> {
	let separator = "{";
	for (const [key, field] of Object.entries(value)) {
		yield `${separator}\n${indent}  ${JSON.stringify(key)}: `;
		separator = ",";
		if (Array.isArray(field) && field.length > 0) yield* items(field, indent);
		else yield JSON.stringify(field);
	}
	yield `\n${indent}}`;
}

function* items(values: readonly unknown[], indent: string): Generator<string> {
	let separator = "[";
	for (const value of values) {
		yield `${separator}\n${indent}    ${JSON.stringify(value)}`;
		separator = ",";
	}
	yield `\n${indent}  ]`;
}

function document({ before, after, comparison, vary }: ComparedRuns): ComparisonDocument {
	const { difference, means, verdict, atLeast } = comparison;
	return {
		runs: [runDocument(before), runDocument(after)],
		vary: [...vary],
		verdict,
		difference: {
			tests: difference.tests,
			...{ before: means.before.mean ?? 0, after: means.after.mean ?? 0 },
			mean: difference.mean,
			interval: difference.interval ? [...difference.interval] : null,
			smallest_effect: difference.smallestEffect ?? null,
		},
		lower_bound: {
			tests: atLeast.difference.tests,
			...{ before: means.before.lowerBound, after: means.after.lowerBound },
			mean: atLeast.difference.mean,
			interval: atLeast.difference.interval ? [...atLeast.difference.interval] : null,
			verdict: atLeast.verdict,
		},
		unjudged_attempts: comparison.unjudgedAttempts,
		comparable: comparison.comparable.map((one) => ({
			...pairName(one),
			...{ before: one.before.score, after: one.after.score, delta: one.delta },
		})),
		changed: comparison.changed.map((one) => ({ ...pairName(one), parts: [...one.parts], ...scores(one) })),
		new: comparison.new.map((one) => ({ ...name(one), score: one.score ?? null })),
		gone: comparison.gone.map((one) => ({ ...name(one), score: one.score ?? null })),
		errors: comparison.errors.map((one) => ({ ...pairName(one), ...scores(one) })),
	};
}

function runDocument({ name: run, run: { directory, runId, experiment, startedAt, state, planned } }: NamedRun) {
	return { run, run_dir: directory, run_id: runId, experiment, started_at: startedAt, state, planned };
}

type Pair = Comparison["errors"][number];

function name({ eval: label, testId, target }: ComparedRun["cases"][number]) {
	return { eval: label, test_id: testId, target };
}

function pairName({ before, after }: Pair) {
	return {
		...name(after),
		...(before.eval === after.eval ? {} : { before_eval: before.eval }),
		...(before.target === after.target ? {} : { before_target: before.target }),
	};
}

function scores({ before, after }: Pair) {
	return { before: before.score ?? null, after: after.score ?? null };
}
