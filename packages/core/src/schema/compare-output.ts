import { z } from "zod";
import { fingerprintParts } from "./result-row.ts";

const scoreSchema = z
	.number()
	.nullable()
	.describe("Mean over the attempts that could be judged; null where none could.");

const nameFields = { eval: z.string(), test_id: z.string(), target: z.string() };

/** Of a case that both runs have: named as the later run names it, and as the earlier does where that differs. */
const pairFields = {
	...nameFields,
	before_eval: z.string().optional().describe("What the earlier run calls the eval, where that differs."),
	before_target: z.string().optional().describe("What the earlier run calls the target, where that differs."),
};

const comparableSchema = z.strictObject({ ...pairFields, before: z.number(), after: z.number(), delta: z.number() });
const changedSchema = z.strictObject({
	...pairFields,
	parts: z
		.array(z.enum(fingerprintParts))
		.describe("What differs; empty where a row has no fingerprint, so that nobody knows."),
	before: scoreSchema,
	after: scoreSchema,
});
const sideSchema = z.strictObject({ ...nameFields, score: scoreSchema });
const unjudgedSchema = z.strictObject({ ...pairFields, before: scoreSchema, after: scoreSchema });

const runSchema = z.strictObject({
	run: z.string().describe("As it was named."),
	run_dir: z.string().describe("Absolute path."),
	run_id: z.string(),
	experiment: z.string(),
	started_at: z.string(),
	state: z.enum(["finished", "unfinished", "under way"]),
	planned: z.number().int().describe("Tests × targets."),
});

const comparisonSchema = z.strictObject({
	runs: z.tuple([runSchema, runSchema]).describe("The earlier run and the later one."),
	vary: z.array(z.enum(fingerprintParts)).describe("Parts that were meant to differ."),
	verdict: z.enum(["better", "worse", "no difference shown", "nothing to compare"]),
	difference: z.strictObject({
		tests: z.number().int().describe("Comparable tests that both runs could judge; all figures are about these."),
		before: z.number().describe("Mean score in the earlier run."),
		after: z.number(),
		mean: z.number().describe("Mean of the differences, after − before."),
		interval: z
			.tuple([z.number(), z.number()])
			.nullable()
			.describe("95 % bootstrap interval of the mean difference; null where the tests are too few."),
		smallest_effect: z
			.number()
			.nullable()
			.describe(
				"The smallest true difference that so many tests show four times out of five; null where they are too few.",
			),
	}),
	lower_bound: z
		.strictObject({
			tests: z.number().int(),
			before: z.number().nullable().describe("Mean score in the earlier run, with 0 for what its own agent broke."),
			after: z.number().nullable(),
			mean: z.number().describe("Mean of the differences, with 0 for what the agent of the later run broke."),
			interval: z.tuple([z.number(), z.number()]).nullable(),
			verdict: z.enum(["better", "worse", "no difference shown", "nothing to compare"]),
		})
		.describe(
			"The same figures with 0 for each test that the tested agent kept from being judged (`caused_by: agent`): `--fail-on` decides by them.",
		),
	unjudged_attempts: z
		.number()
		.int()
		.describe(
			"Attempts of comparable tests, of both runs, that could not be judged: left out of the means of their tests.",
		),
	comparable: z.array(comparableSchema),
	changed: z.array(changedSchema),
	new: z.array(sideSchema).describe("In the later run only."),
	gone: z.array(sideSchema).describe("In the earlier run only."),
	errors: z.array(unjudgedSchema).describe("Comparable, but not judged in at least one of the runs."),
});

/** What `agentv results compare --json` prints: one comparison, or of more than two runs each one with the first. */
export const compareOutputSchema = z.union([
	comparisonSchema,
	z.strictObject({ comparisons: z.array(comparisonSchema).min(2) }),
]);

/** Two runs beside each other, as `--json` prints them. */
export type ComparisonDocument = z.input<typeof comparisonSchema>;
