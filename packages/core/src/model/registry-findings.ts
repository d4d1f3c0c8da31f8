import type { FindingKind } from "../base/diagnostic.ts";

/** Findings of reading the registry. */

const quote = (text: string) => JSON.stringify(text);

export const registryShape: FindingKind<{ field: string; message: string }> = {
	rule: "registry.shape",
	severity: "error",
	message: ({ field, message }) => `${field}: ${message}`,
};

export const registryDuplicate: FindingKind<{ id: string }> = {
	rule: "registry.duplicate-id",
	severity: "error",
	message: ({ id }) => `the id ${quote(id)} is already used by an earlier entry; this one is ignored`,
	hint: () => "ids must be unique",
};

export const registryVariable: FindingKind<{ id: string; field: string; name: string }> = {
	rule: "env.unset",
	severity: "error",
	message: ({ id, field, name }) => `${field} of ${quote(id)}: variable ${name} is not set and has no default`,
	hint: ({ name }) => `set ${name}, or write \${{ ${name}:-default }}`,
};

export const registrySource: FindingKind<{ id: string; reason: string; hint?: string | undefined }> = {
	rule: "registry.source",
	severity: "error",
	message: ({ id, reason }) => `source of ${quote(id)}: ${reason}`,
	hint: ({ hint }) => hint,
};
