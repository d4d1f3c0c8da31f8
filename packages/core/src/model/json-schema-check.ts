import { type Diagnostic, finding } from "../base/diagnostic.ts";
import { compute, computingLimitMs } from "../io/process/computing-process.ts";
import { type LoadedEval, withParts, withTurns } from "./eval-types.ts";
import { badSchema } from "./load-findings.ts";

/**
 * Returns what is wrong with the JSON Schemas of an eval's graders. Separate from loading, which is
 * synchronous: the validator runs in another process.
 */
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

/** Supports draft 7, and 2019-09 and 2020-12 by `$schema`. */
async function problemOf(schema: Readonly<Record<string, unknown>> | boolean): Promise<string | undefined> {
	const outcome = await compute({ kind: "schema", schema });
	if (outcome.kind === "schema") return undefined;
	if (outcome.kind === "timeout") return `compiling it took longer than ${computingLimitMs / 1000} s`;
	return outcome.message.replace(/^schema is invalid: /, "");
}
