import { type ReferenceToken, scanReferences } from "../base/scan-references.ts";
import type { Environment } from "../io/environment.ts";
import type { BundleVariable } from "../schema/bundle-manifest.ts";
import { isRecord } from "./raw-values.ts";

/** The variables that the files of a bundle name: where, and whether it runs without them. */
export function bundleVariables(
	files: ReadonlyMap<string, unknown>,
	captured: Environment | undefined,
): BundleVariable[] {
	const found = new Map<string, { usedIn: Set<string>; required: boolean }>();
	for (const [file, value] of files) {
		for (const token of references(value)) {
			const entry = found.get(token.name) ?? { usedIn: new Set(), required: false };
			entry.usedIn.add(file);
			entry.required ||= token.defaultText === undefined;
			found.set(token.name, entry);
		}
	}
	return [...found]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([name, { usedIn, required }]) => ({
			name,
			usedIn: [...usedIn].sort(),
			captured: captured?.[name] !== undefined,
			required,
		}));
}

function* references(value: unknown): Generator<Extract<ReferenceToken, { kind: "reference" }>> {
	if (typeof value === "string") {
		if (value.includes("${{")) for (const token of scanReferences(value)) if (token.kind === "reference") yield token;
	} else if (Array.isArray(value)) for (const item of value) yield* references(item);
	else if (isRecord(value)) for (const item of Object.values(value)) yield* references(item);
}
