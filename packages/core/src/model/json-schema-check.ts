import { runInNewContext } from "node:vm";
import type { FuncKeywordDefinition, ValidateFunction } from "ajv";
import { canonicalJson } from "../base/canonical-json.ts";
import { type Diagnostic, finding } from "../base/diagnostic.ts";
import { type LoadedEval, withParts, withTurns } from "./eval-types.ts";
import { badSchema } from "./load-findings.ts";

type JsonSchema = Readonly<Record<string, unknown>> | boolean;

const patternLimitMs = 1000;

/**
 * Compiles a JSON Schema: draft 7, or 2019-09 and 2020-12 by its `$schema`. The validator is imported when it is first needed.
 * @throws Error if it is not a schema, names one that it does not hold, or has a pattern that can't be read
 */
export async function compileJsonSchema(schema: JsonSchema): Promise<ValidateFunction> {
	const draft = typeof schema === "object" && typeof schema.$schema === "string" ? schema.$schema : "";
	const options = { strict: false, allErrors: true, validateFormats: false, code: { regExp: limitedPattern } };
	const ajv = draft.includes("2020-12")
		? new (await import("ajv/dist/2020.js")).Ajv2020(options)
		: draft.includes("2019-09")
			? new (await import("ajv/dist/2019.js")).Ajv2019(options)
			: new (await import("ajv")).Ajv(options);
	// The validator's own compares each item with each other one.
	return ajv.removeKeyword("uniqueItems").addKeyword(uniqueItems).compile(schema);
}

const uniqueItems: FuncKeywordDefinition = {
	keyword: "uniqueItems",
	type: "array",
	schemaType: "boolean",
	error: { message: "must NOT have duplicate items" },
	validate: (isOn: boolean, items: readonly unknown[]) =>
		!isOn || new Set(items.map((item) => canonicalJson(item))).size === items.length,
};

/** A `pattern` of a schema, which may backtrack for ever just as any other: it is cut off after a second. */
function limitedPattern(pattern: string, flags: string): { test(text: string): boolean } {
	const compiled = new RegExp(pattern, flags);
	return {
		test: (text) =>
			runInNewContext("pattern.test(text)", { pattern: compiled, text }, { timeout: patternLimitMs }) as boolean,
	};
}
limitedPattern.code = "new RegExp";

/** Returns what is wrong with the JSON Schemas of an eval's graders. Loading is synchronous, and the validator is not. */
export async function checkJsonSchemas({ tests }: Pick<LoadedEval, "tests">): Promise<Diagnostic[]> {
	const found: Diagnostic[] = [];
	const problems = new Map<string, string | undefined>();
	const assertions = new Set(tests.flatMap((test) => withTurns(test.assertions, test)));
	for (const assertion of withParts(assertions)) {
		if (assertion.type !== "is-json" || assertion.settings.schema === undefined) continue;
		const key = JSON.stringify(assertion.settings.schema);
		if (!problems.has(key)) problems.set(key, await problemOf(assertion.settings.schema));
		const reason = problems.get(key);
		const { at } = assertion;
		if (reason !== undefined)
			found.push(finding(badSchema, { reason }, { ...at, path: [...(at.path ?? []), "schema"] }));
	}
	return found;
}

async function problemOf(schema: JsonSchema): Promise<string | undefined> {
	try {
		await compileJsonSchema(schema);
		return undefined;
	} catch (error) {
		return (error instanceof Error ? error.message : String(error)).replace(/^schema is invalid: /, "");
	}
}
