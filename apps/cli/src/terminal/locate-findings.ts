import type { Diagnostic } from "@agentv/core";
import type { Context } from "../context.ts";
import type { Located } from "./diagnostic-text.ts";

/** Finds line and column of each finding, as far as its place tells them. */
export async function locateFindings(
	diagnostics: readonly Diagnostic[],
	_context: Context,
): Promise<readonly Located[]> {
	return diagnostics.map((diagnostic) => {
		const { line } = diagnostic.at;
		return { diagnostic, ...(line === undefined ? {} : { spot: { line, column: 1 } }) };
	});
}
