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
import { resultRowSchema } from "./run-file.ts";
import { compareOutputSchema, verificationSchema } from "./run-reports.ts";
import { configFileSchema, registryFileSchema, targetEntrySchema } from "./target-file.ts";
import { hookSchema, hooksSchema, repoSchema, workspaceFieldSchema } from "./workspace-entry.ts";

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
