import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { graders } from "../grading/graders/index.ts";
import { providers } from "../targets/providers/index.ts";
import { factsOfField } from "./codec.ts";
import { evalFileSchema, rubricCriterionSchema, testEntrySchema } from "./eval-file.ts";
import { inspectFields } from "./inspect-fields.ts";
import { hookSchema, repoSchema, workspaceSchema } from "./target-file.ts";

const criterion = rubricCriterionSchema.options[1];
const formats: Readonly<Record<string, z.ZodType>> = {
	eval: evalFileSchema,
	test: testEntrySchema,
	criterion,
	hook: hookSchema,
	repository: repoSchema,
	workspace: workspaceSchema,
	...Object.fromEntries(Object.values(graders).map(({ type, schema }) => [type, schema])),
	...Object.fromEntries(Object.values(providers).map(({ name, settings }) => [name, settings])),
};

/** Returns the fields of a wire object. */
function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
	const {
		shape,
		in: inner,
		innerType,
	} = schema.def as {
		shape?: Readonly<Record<string, z.ZodType>>;
		in?: z.ZodType;
		innerType?: z.ZodType;
	};
	const next = inner ?? innerType;
	return shape ?? (next ? shapeOf(next) : {});
}

const pairs = Object.entries(formats).flatMap(([format, schema]) =>
	Object.entries(shapeOf(schema)).flatMap(([key, field]): [string, string, string, z.ZodType, object][] => {
		const { newer } = factsOfField(field);
		const known = shapeOf(schema);
		const own: [string, string, string, z.ZodType, object][] =
			newer !== undefined && newer !== key && known[newer]
				? [[format, newer, key, schema, { [newer]: 1, [key]: 2 }]]
				: [];
		const inside = Object.entries(shapeOf(field)).flatMap(([name, inner]): typeof own => {
			const { outer } = factsOfField(inner);
			return outer === undefined || !known[outer]
				? []
				: [[format, outer, `${key}.${name}`, schema, { [outer]: 1, [key]: { [name]: 2 } }]];
		});
		return [...own, ...inside];
	}),
);

describe("fields with an older spelling", () => {
	test("exist in all formats", () => {
		expect(pairs.length).toBeGreaterThan(40);
		const keys = new Set(pairs.map(([format, newer, key]) => `${format} ${newer} ${key}`));
		for (const pair of ["eval tests evalcases", "test criteria expected_outcome", "repository repo source.path"])
			expect(keys).toContain(pair);
	});

	test.each(pairs)("%s: %s and %s conflict if both are set", (_, newer, key, schema, value) => {
		expect(inspectFields(schema, value).filter(({ kind }) => kind === "conflict")).toEqual([
			{ kind: "conflict", path: key.split("."), keys: [newer, key] },
		]);
		for (const one of [newer, key]) {
			const [first = "", second] = one.split(".");
			const alone = { [first]: second === undefined ? 1 : { [second]: 1 } };
			expect(inspectFields(schema, alone).filter(({ kind }) => kind === "conflict")).toEqual([]);
		}
	});

	test("name a key that their format has", () => {
		for (const [format, schema] of Object.entries(formats))
			for (const [key, field] of Object.entries(shapeOf(schema))) {
				const { newer } = factsOfField(field);
				if (field.meta()?.["instead"] !== undefined)
					expect([format, key, newer !== undefined]).toEqual([format, key, true]);
				if (newer !== undefined)
					expect([format, key, Object.hasOwn(shapeOf(schema), newer)]).toEqual([format, key, true]);
			}
	});
});
