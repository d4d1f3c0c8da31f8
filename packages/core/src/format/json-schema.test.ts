import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { formatNames, jsonSchemaOf } from "./json-schema.ts";

const root = join(import.meta.dirname, "../../../..");

describe.each([...formatNames, "verify-output"] as const)("the JSON Schema of %s", (format) => {
	const file = join(root, "docs/schemas", `${format}.schema.json`);

	test("matches the checked-in file", () => {
		const text = `${JSON.stringify(jsonSchemaOf(format), null, 2)}\n`;
		// AGENTV_UPDATE=1 updates it after a format change.
		if (process.env.AGENTV_UPDATE) writeFileSync(file, text);
		expect(readFileSync(file, "utf8")).toBe(text);
	});

	test("is a schema that validators accept", () => {
		expect(() => new Ajv2020({ strict: false }).compile(jsonSchemaOf(format))).not.toThrow();
	});
});

describe("the JSON Schema of an eval", () => {
	const validate = new Ajv2020({ strict: false }).compile(jsonSchemaOf("eval"));

	test("accepts the example", () => {
		const example = parse(readFileSync(join(root, "examples/quickstart/evals/quickstart.eval.yaml"), "utf8"));
		expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
	});

	test("accepts a variable in place of a number", () => {
		expect(validate({ tests: [], threshold: "${{ THRESHOLD:-0.8 }}" })).toBe(true);
	});

	test("refuses a threshold that is text, and a test without an id", () => {
		expect(validate({ tests: [], threshold: "high" })).toBe(false);
		expect(validate({ tests: [{ input: "Hello" }] })).toBe(false);
	});
});
