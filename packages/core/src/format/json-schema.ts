import { z } from "zod";
import { assertionEntrySchema } from "../grading/graders/index.ts";
import { providers } from "../targets/providers/index.ts";
import { bundleManifestSchema } from "./bundle-manifest.ts";
import { commandSchema, wireObject } from "./codec.ts";
import {
	contentSchema,
	evalFileSchema,
	executionSchema,
	expectedOutputSchema,
	inputSchema,
	messageSchema,
	testEntrySchema,
} from "./eval-file.ts";
import { fingerprintParts, resultRowSchema } from "./run-file.ts";
import {
	configFileSchema,
	hookSchema,
	hooksSchema,
	registryFileSchema,
	repoSchema,
	targetEntrySchema,
	workspaceFieldSchema,
} from "./target-file.ts";

// What commands print about runs with `--json`.

const scoreSchema = z.number().nullable().describe("Mean over the graded attempts; null if there are none.");

const nameFields = { eval: z.string(), test_id: z.string(), target: z.string() };

/** By the later run's names, and the earlier one's if they differ. */
const pairFields = {
	...nameFields,
	before_eval: z.string().optional().describe("The eval's name in the earlier run, if it differs."),
	before_target: z.string().optional().describe("The target's name in the earlier run, if it differs."),
};

const comparableSchema = z.strictObject({ ...pairFields, before: z.number(), after: z.number(), delta: z.number() });
const changedSchema = z.strictObject({
	...pairFields,
	parts: z
		.array(z.enum(fingerprintParts))
		.describe("What differs; empty if a row has no fingerprint, so that it is unknown."),
	before: scoreSchema,
	after: scoreSchema,
});
const sideSchema = z.strictObject({ ...nameFields, score: scoreSchema });
const unjudgedSchema = z.strictObject({ ...pairFields, before: scoreSchema, after: scoreSchema });

const runSchema = z.strictObject({
	run: z.string().describe("As given on the command line."),
	run_dir: z.string().describe("Absolute path."),
	run_id: z.string(),
	experiment: z.string(),
	started_at: z.string(),
	state: z.enum(["finished", "unfinished", "under way"]),
	planned: z.number().int().describe("Tests × targets."),
});

const comparisonSchema = z.strictObject({
	runs: z.tuple([runSchema, runSchema]).describe("The earlier run and the later one."),
	vary: z.array(z.enum(fingerprintParts)).describe("Parts that are expected to differ."),
	verdict: z.enum(["better", "worse", "no difference shown", "nothing to compare"]),
	difference: z.strictObject({
		tests: z.number().int().describe("Comparable tests that were graded in both runs; all figures are based on these."),
		before: z.number().describe("Mean score in the earlier run."),
		after: z.number(),
		mean: z.number().describe("Mean of the differences, after − before."),
		interval: z
			.tuple([z.number(), z.number()])
			.nullable()
			.describe("95 % bootstrap interval of the mean difference; null if there are too few tests."),
		smallest_effect: z
			.number()
			.nullable()
			.describe("The smallest true difference that this many tests detect with 80 % power; null if there are too few."),
	}),
	lower_bound: z
		.strictObject({
			tests: z.number().int(),
			before: z
				.number()
				.nullable()
				.describe("Mean score in the earlier run, counting 0 for tests that its agent broke."),
			after: z.number().nullable(),
			mean: z.number().describe("Mean of the differences, counting 0 for tests that the later run's agent broke."),
			interval: z.tuple([z.number(), z.number()]).nullable(),
			verdict: z.enum(["better", "worse", "no difference shown", "nothing to compare"]),
		})
		.describe(
			"The same figures, counting 0 for each test that the tested agent kept from being graded (`caused_by: agent`); used by `--fail-on`.",
		),
	unjudged_attempts: z
		.number()
		.int()
		.describe(
			"Attempts of comparable tests, in both runs, that could not be graded: excluded from the means of their tests.",
		),
	comparable: z.array(comparableSchema),
	changed: z.array(changedSchema),
	new: z.array(sideSchema).describe("In the later run only."),
	gone: z.array(sideSchema).describe("In the earlier run only."),
	errors: z.array(unjudgedSchema).describe("Comparable, but not graded in at least one of the runs."),
});

/** With more than two runs, each one is compared with the first. */
const compareOutputSchema = z.union([
	comparisonSchema,
	z.strictObject({ comparisons: z.array(comparisonSchema).min(2) }),
]);

const count = () => z.number().int().min(0);

const attemptId = { eval: z.string(), testId: z.string(), target: z.string(), attempt: z.number().int().positive() };

const versionUseSchema = wireObject({
	version: z.string().describe("Digest or commit."),
	attempts: count().describe("Number of attempts with it; 0 if only run.json has it."),
	first: z.array(wireObject(attemptId)).max(3).describe("The first of these attempts."),
});
export type VersionUse = z.output<typeof versionUseSchema>;

const differenceKinds = [
	"row-unreadable",
	"row-cut-off",
	"row-duplicated",
	/** A row of a test, target or attempt that was not planned. */
	"row-unplanned",
	/** A test without all its rows in a run whose summary counts it. */
	"row-missing",
	"file-missing",
	"file-unreadable",
	"file-changed",
	/** A file, or an empty directory, that is not part of the record. */
	"file-added",
	/** A link, special file, or executable. */
	"file-kind",
	/** The run, or a row, has no digest. */
	"digest-missing",
	/** The file with the run's digest is unreadable, or not in AgentV's format. */
	"digest-unreadable",
	/** It does not match the digest; or a required one is missing, or not allowed. */
	"signature",
	"file-without-row",
	/** The row differs from the attempt's file. */
	"fact",
	/** A grader's recorded result differs from grading the recorded answer again. */
	"grader",
	/** Attempts have different versions of an input, or another than `run.json`. */
	"mixed-versions",
	/** An attempt's score or status does not follow from its graders. */
	"attempt",
	"summary-missing",
	"summary-unreadable",
	/** A figure of the summary does not follow from the rows. */
	"summary",
] as const;

const differenceSchema = wireObject({
	kind: z.enum(differenceKinds),
	eval: attemptId.eval.optional(),
	testId: attemptId.testId.optional(),
	target: attemptId.target.optional(),
	attempt: attemptId.attempt.optional(),
	file: z.string().optional().describe("Relative to the run's directory."),
	line: z.number().int().positive().optional().describe("Of index.jsonl."),
	grader: z.string().optional().describe("For a part of a composite after the names of its composites."),
	field: z.string().optional().describe("Which value, spelled as in the records."),
	recorded: z.unknown().optional().describe("Null if nothing is recorded."),
	recomputed: z.unknown().optional().describe("The expected value; for a fact that of the attempt's own file."),
	of: z.string().optional().describe("A file as in run.json, a repository, or a part of a fingerprint."),
	versions: z.array(versionUseSchema).optional(),
	message: z.string(),
});
/** `reason`: a sentence without a full stop. */
export type Difference = Omit<z.output<typeof differenceSchema>, "message"> & { readonly reason?: string | undefined };

/** Printed by `results verify --json`. */
export const verificationSchema = wireObject({
	runDir: z.string().describe("Absolute."),
	runId: z.string(),
	digest: z
		.string()
		.regex(/^[0-9a-f]{64}$/)
		.nullable()
		.describe("SHA-256 of run.sha256, which covers every file of the run; null if there is none."),
	signedBy: z.string().optional().describe("Who signed the digest, with --allowed-signers."),
	signature: z
		.enum(["signers_not_checked", "not_checked"])
		.optional()
		.describe("Without --allowed-signers: the signature's signer is not checked; or ssh-keygen is missing."),
	agrees: z.boolean().describe("Whether there is no difference."),
	tests: wireObject({
		planned: count().describe("Tests × targets."),
		finished: count().describe("Those with all attempts."),
	}),
	attempts: count(),
	graders: wireObject({
		reExecuted: count().describe("Graders that graded the recorded answers again."),
		notReExecuted: z
			.array(
				wireObject({
					type: z.string(),
					reason: z
						.enum(["not-reproducible", "masked", "timeout"])
						.describe("It uses a program or model; secrets were redacted from its input; it timed out now."),
					graders: z.number().int().positive(),
				}),
			)
			.describe("Graders whose recorded scores were kept."),
	}),
	differences: z.array(differenceSchema),
});
type Verification = z.output<typeof verificationSchema>;
export type RunVerification = Omit<Verification, "differences"> & { readonly differences: readonly Difference[] };

/** Separate from the schemas, so that importing the names is cheap. */
export const formatNames = [
	"eval",
	"targets",
	"benchmarks",
	"config",
	"manifest",
	"results",
	"compare-output",
] as const;
export type FormatName = (typeof formatNames)[number];
type SchemaName = FormatName | "verify-output";

/** Several fields share these parts; a schema defines each once, under its name. */
const shared: Readonly<Record<string, z.ZodType>> = {
	assertion: assertionEntrySchema,
	command: commandSchema,
	content: contentSchema,
	execution: executionSchema,
	expected_output: expectedOutputSchema,
	hook: hookSchema,
	hooks: hooksSchema,
	input: inputSchema,
	message: messageSchema,
	repository: repoSchema,
	test: testEntrySchema,
	workspace: workspaceFieldSchema,
};
for (const [id, schema] of Object.entries(shared)) z.globalRegistry.add(schema, { ...schema.meta(), id });

const titles: Readonly<Record<SchemaName, string>> = {
	eval: "AgentV eval file",
	targets: "AgentV targets.yaml",
	benchmarks: "AgentV benchmarks.yaml",
	config: "AgentV .agentv/config.yaml",
	manifest: "AgentV manifest.json of a bundle",
	results: "AgentV index.jsonl: one row",
	"compare-output": "Output of `agentv results compare --json`",
	"verify-output": "Output of `agentv results verify --json`",
};

/** Generated from the format's zod schema; describes files as written. */
export function jsonSchemaOf(format: SchemaName): Record<string, unknown> {
	const { $schema, ...schema } = z.toJSONSchema(sources[format](), {
		...{ io: "input", unrepresentable: "any" },
		override: ({ jsonSchema }) => {
			// What commands print has no other keys; what users write may.
			if (format === "verify-output" && jsonSchema.properties) jsonSchema.additionalProperties = false;
		},
	});
	return { $schema, title: titles[format], ...(interpolated.has(format) ? allowReferences(schema) : schema) };
}

const interpolated: ReadonlySet<SchemaName> = new Set<SchemaName>(["eval", "targets", "benchmarks"]);

/** Allows a `${{ NAME }}` in place of a number or boolean, so that editors accept it. */
function allowReferences<Node>(node: Node): Node {
	if (Array.isArray(node)) return node.map(allowReferences) as Node;
	if (typeof node !== "object" || node === null) return node;
	const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, allowReferences(value)]));
	const { type, ...bounds } = copy as { type?: unknown };
	if (type !== "number" && type !== "integer" && type !== "boolean") return copy as Node;
	return {
		anyOf: [
			{ type, ...bounds },
			{ type: "string", pattern: wholeReference },
		],
	} as Node;
}

const wholeReference = "^\\s*\\$\\{\\{[^}]*\\}\\}\\s*$";

const sources: Readonly<Record<SchemaName, () => z.ZodType>> = {
	eval: () => evalFileSchema.and(z.object({ assertions: z.array(assertionEntrySchema).optional() })),
	// A target is delegated, or has its provider's settings; other providers' settings are not
	// checked here.
	targets: () => {
		const settings = Object.values(providers).map((provider) => provider.settings);
		return z.looseObject({ targets: z.array(z.union([...settings, targetEntrySchema])) });
	},
	benchmarks: () => registryFileSchema,
	config: () => configFileSchema,
	manifest: () => bundleManifestSchema,
	results: () => resultRowSchema,
	"compare-output": () => compareOutputSchema,
	"verify-output": () => verificationSchema,
};
