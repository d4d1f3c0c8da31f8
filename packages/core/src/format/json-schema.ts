import { z } from "zod";
import { assertionEntrySchema } from "../grading/graders/index.ts";
import { providers } from "../targets/providers/index.ts";
import { bundleManifestSchema } from "./bundle-manifest.ts";
import { commandSchema } from "./codec.ts";
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
import { configFileSchema, registryFileSchema, targetEntrySchema } from "./target-file.ts";
import { hookSchema, hooksSchema, repoSchema, workspaceFieldSchema } from "./workspace-entry.ts";

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

/** Parts that several fields share: each is defined once in a schema, under its name. */
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

const titles: Readonly<Record<FormatName, string>> = {
	eval: "AgentV eval file",
	targets: "AgentV targets.yaml",
	benchmarks: "AgentV benchmarks.yaml",
	config: "AgentV .agentv/config.yaml",
	manifest: "AgentV manifest.json of a bundle",
	results: "AgentV index.jsonl: one row",
	"compare-output": "Output of `agentv results compare --json`",
};

/** Describes files as written; generated from the format's zod schema. */
export function jsonSchemaOf(format: FormatName): Record<string, unknown> {
	const { $schema, ...schema } = z.toJSONSchema(sources[format](), { io: "input", unrepresentable: "any" });
	return { $schema, title: titles[format], ...(interpolated.has(format) ? allowReferences(schema) : schema) };
}

/** Formats that users write, with variables. */
const interpolated: ReadonlySet<FormatName> = new Set<FormatName>(["eval", "targets", "benchmarks"]);

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

const sources: Readonly<Record<FormatName, () => z.ZodType>> = {
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
};
