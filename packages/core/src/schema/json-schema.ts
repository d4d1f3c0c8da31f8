import { z } from "zod";
import { assertionEntrySchema } from "./assertion-entry.ts";
import { evalFileSchema } from "./eval-file.ts";
import { contentSchema, expectedOutputSchema, inputSchema, messageSchema } from "./message.ts";
import { commandSchema } from "./primitives.ts";
import { registryFileSchema } from "./registry-file.ts";
import { resultRowSchema } from "./result-row.ts";
import { providerSchemas, targetEntrySchema } from "./target-file.ts";
import { executionSchema, testEntrySchema } from "./test-entry.ts";
import { hookSchema, hooksSchema, repoSchema, workspaceFieldSchema } from "./workspace-entry.ts";

/** Parts that several fields share: each stands once in a schema, under its name. */
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

/** The formats that have a published JSON Schema. */
export const formatNames = ["eval", "targets", "benchmarks", "results"] as const;
export type FormatName = (typeof formatNames)[number];

const titles: Readonly<Record<FormatName, string>> = {
	eval: "AgentV eval file",
	targets: "AgentV targets.yaml",
	benchmarks: "AgentV benchmarks.yaml",
	results: "AgentV index.jsonl: one row",
};

/** The JSON Schema (2020-12) of a format as it is written in files, generated from the one zod schema. */
export function jsonSchemaOf(format: FormatName): Record<string, unknown> {
	const { $schema, ...schema } = z.toJSONSchema(sources[format](), { io: "input", unrepresentable: "any" });
	return { $schema, title: titles[format], ...(format === "results" ? schema : allowReferences(schema)) };
}

/** A number or boolean may be written as one `${{ NAME }}`: editors must not call that wrong. */
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
	// A target is delegated, or has the settings of its provider; other providers' settings are left to whoever runs them.
	targets: () => z.looseObject({ targets: z.array(z.union([...Object.values(providerSchemas), targetEntrySchema])) }),
	benchmarks: () => registryFileSchema,
	results: () => resultRowSchema,
};
