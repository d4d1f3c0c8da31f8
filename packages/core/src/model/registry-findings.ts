import type { FindingKind } from "../base/diagnostic.ts";

/** What reading the registry may find, each stated once. */

const quote = (text: string) => JSON.stringify(text);

export const registryShape: FindingKind<{ field: string; message: string }> = {
	rule: "registry.shape",
	severity: "error",
	message: ({ field, message }) => `${field}: ${message}`,
};

export const registryDuplicate: FindingKind<{ id: string }> = {
	rule: "registry.duplicate-id",
	severity: "error",
	message: ({ id }) => `the id ${quote(id)} is used by an entry further up; this one is left out`,
	hint: () => "ids are unique",
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
