import type { FindingKind } from "../lib/errors.ts";
import type { Reach } from "./discover-evals.ts";

/** Findings of the loader. Validation publishes them under the same ids. */

const error = "error" as const;
const quote = (text: string) => JSON.stringify(text);
const field = (path: string) => (path === "" ? "the document" : path);

export const schemaShape: FindingKind<{ field: string; message: string }> = {
	rule: "schema.shape",
	severity: error,
	message: ({ field: name, message }) => `${field(name)}: ${message}`,
};

export const unknownField: FindingKind<{ key: string; nearest?: string | undefined }> = {
	rule: "schema.unknown-field",
	severity: "warning",
	message: ({ key }) => `unknown field ${quote(key)}`,
	hint: ({ nearest }) => (nearest ? `did you mean ${quote(nearest)}?` : undefined),
};

/** In graders an unknown field is an error, because it would change what passes. */
export const unknownSetting: FindingKind<{ key: string; nearest?: string | undefined }> = {
	...unknownField,
	severity: error,
	hint: ({ nearest }) =>
		nearest ? `did you mean ${quote(nearest)}?` : "remove it; keys with the prefix x- are reserved for your own notes",
};

/** Both keys as paths from the mapping that contains them. */
export const conflictingFields: FindingKind<{ keys: readonly [string, string] }> = {
	rule: "schema.conflict",
	severity: error,
	message: ({ keys: [first, second] }) => `${quote(first)} and ${quote(second)} are two spellings of one field`,
	hint: ({ keys: [first, second] }) => `use only ${quote(first)}, including everything from ${quote(second)}`,
};

export const unsupportedField: FindingKind<{ key: string; hint: string }> = {
	rule: "schema.unsupported",
	severity: error,
	message: ({ key }) => `${quote(key)} is not supported`,
	hint: ({ hint }) => hint,
};

export const olderField: FindingKind<{ key: string; instead: string }> = {
	rule: "schema.deprecated",
	severity: "warning",
	message: ({ key, instead }) => `${quote(key)} is a deprecated spelling of ${instead}`,
	hint: ({ instead }) => `use ${instead}; \`agentv eval validate --migrate\` rewrites it`,
};

export const pathMissing: FindingKind<{ raw: string; kind: string; lookedIn: string }> = {
	rule: "path.missing",
	severity: error,
	message: ({ raw, kind, lookedIn }) =>
		`${kind} ${quote(raw)} does not exist (looked in ${lookedIn === "." ? "the eval's directory" : lookedIn})`,
	hint: () => "paths are relative to the file that contains them",
};

/** `boundary` is the root's name from `rootNames`; `real` is the path with all links resolved. */
export const outsideRoot: FindingKind<{
	raw: string;
	kind: string;
	boundary: string;
	real: string;
	option: Reach["option"] | undefined;
}> = {
	rule: "path.outside-repo",
	severity: error,
	message: ({ raw, kind, boundary }) => `${kind} ${quote(raw)} is outside ${boundary}`,
	hint: ({ real, option }) =>
		option === undefined
			? "copy it next to the eval"
			: `copy it next to the eval, or allow it: ${option === "--allow-outside" ? `${option} ${quote(real)}` : option}`,
};

export const unreadable: FindingKind<{ file: string; reason: string }> = {
	rule: "path.missing",
	severity: error,
	message: ({ reason }) => reason,
};

export const notText: FindingKind<{ file: string; reason: string }> = {
	rule: "yaml.syntax",
	severity: error,
	message: ({ reason }) => reason,
};

export const testsEmpty: FindingKind<{ reason: string }> = {
	rule: "tests.empty",
	severity: error,
	message: ({ reason }) => reason,
	hint: () => "an eval needs at least one test under `tests`",
};

export const testIncomplete: FindingKind<{ id: string; missing: string }> = {
	rule: "tests.incomplete",
	severity: error,
	message: ({ id, missing }) => `${missing === "id" ? "a test" : `test ${quote(id)}`} has no ${missing}`,
	hint: ({ missing }) =>
		missing === "id"
			? "give every test an `id`"
			: missing === "input"
				? "add `input`, or a PROMPT.md next to the eval"
				: "add `criteria`, `expected_output` or `assertions`",
};

export const duplicateId: FindingKind<{ id: string; first: string }> = {
	rule: "tests.duplicate-id",
	severity: error,
	message: ({ id, first }) => `test id ${quote(id)} is already used at ${first}`,
	hint: () => "ids are unique within an eval",
};

export const dependsOn: FindingKind<{
	id: string;
	cycle?: readonly string[];
	unknown?: string;
	nearest?: string | undefined;
}> = {
	rule: "tests.depends-on",
	severity: error,
	message: ({ id, cycle, unknown }) =>
		cycle
			? `tests depend on each other in a cycle: ${cycle.join(" → ")}`
			: `test ${quote(id)} depends on ${quote(unknown ?? "")}, which is not a test of this eval`,
	hint: ({ nearest }) => (nearest ? `did you mean ${quote(nearest)}?` : undefined),
};

export const unknownAssertion: FindingKind<{
	type: string;
	nearest?: string | undefined;
	known: readonly string[];
	lookedFor: string;
}> = {
	rule: "assertions.unknown-type",
	severity: error,
	message: ({ type, lookedFor }) => `unknown assertion type ${quote(type)} (no ${lookedFor} either)`,
	hint: ({ nearest, known }) => (nearest ? `did you mean ${quote(nearest)}?` : `known types: ${known.join(", ")}`),
};

export const badRegex: FindingKind<{ pattern: string; reason: string }> = {
	rule: "assertions.regex",
	severity: error,
	message: ({ reason }) => `invalid regular expression: ${reason}`,
};

export const badWeight: FindingKind<{ field: string; message: string }> = {
	rule: "assertions.weight",
	severity: error,
	message: ({ field: name, message }) => `${name}: ${message}`,
};

export const includeDepth: FindingKind<{ include: string; chain: readonly string[] }> = {
	rule: "schema.shape",
	severity: error,
	message: ({ include, chain }) =>
		`assertion include ${quote(include)} is nested more than 3 levels deep: ${chain.join(" → ")}`,
};

export const targetUndefined: FindingKind<{
	name: string;
	known: readonly string[];
	files: readonly string[];
	nearest?: string | undefined;
}> = {
	rule: "targets.undefined",
	severity: error,
	message: ({ name, files }) =>
		`target ${quote(name)} is not defined (looked in ${files.length > 0 ? files.join(", ") : "targets.yaml and .agentv/targets.yaml of each directory up to the root, none of which exists"})`,
	hint: ({ nearest, known }) =>
		nearest
			? `did you mean ${quote(nearest)}? Known targets: ${known.join(", ")}`
			: known.length > 0
				? `known targets: ${known.join(", ")}`
				: "define it in a targets.yaml next to the eval",
};

export const targetCircular: FindingKind<{ cycle: readonly string[] }> = {
	rule: "targets.circular",
	severity: error,
	message: ({ cycle }) => `use_target forms a cycle: ${cycle.join(" → ")}`,
	hint: () => "set a provider in one of them",
};

export const targetInvalid: FindingKind<{ name: string; reason: string; hint?: string | undefined }> = {
	rule: "targets.undefined",
	severity: error,
	message: ({ name, reason }) => `target ${quote(name)} ${reason}`,
	hint: ({ hint }) => hint,
};

export const targetBatching: FindingKind<{ name: string }> = {
	rule: "targets.undefined",
	severity: "warning",
	message: ({ name }) => `target ${quote(name)} uses provider_batching, which is not supported`,
	hint: () => "make the command answer one prompt per call",
};

export const targetDuplicate: FindingKind<{ name: string; first: string }> = {
	rule: "schema.shape",
	severity: error,
	message: ({ name, first }) => `target ${quote(name)} is already defined in this directory, at ${first}`,
};

export const variableUnset: FindingKind<{ name: string }> = {
	rule: "env.unset",
	severity: error,
	message: ({ name }) => `variable ${name} is not set and has no default`,
	hint: ({ name }) => `set ${name}, add it to a .env file next to the eval, or write \${{ ${name}:-default }}`,
};

const braced = (name: string) => `{{ ${name} }}`;

export const unknownName: FindingKind<{ name: string; known: readonly string[]; nearest?: string | undefined }> = {
	rule: "vars.unknown",
	severity: error,
	message: ({ name, known }) =>
		`${braced(name)} is not one of the test's vars${known.length > 0 ? ` (${known.slice(0, 20).join(", ")})` : ", which are empty"}`,
	hint: ({ name, nearest }) =>
		nearest
			? `did you mean ${braced(nearest)}?`
			: `add it to \`vars\`, or write {{${braced(name)}}} for the literal text`,
};

export const proseName: FindingKind<{ name: string }> = {
	rule: "vars.unknown",
	severity: "warning",
	message: ({ name }) => `${braced(name)} is not replaced: the test has no \`vars\``,
	hint: ({ name }) => `add \`vars\` to the test, or write {{${braced(name)}}} for the literal text`,
};

export const promptName: FindingKind<{ name: string; known: readonly string[]; nearest?: string | undefined }> = {
	rule: "assertions.prompt-variable",
	severity: error,
	message: ({ name }) => `the prompt uses ${braced(name)}, which is not a variable`,
	hint: ({ nearest, known }) =>
		nearest ? `did you mean ${braced(nearest)}?` : `variables: ${known.slice(0, 30).join(", ")}`,
};

/** The prompt shows the model everything except what is graded. */
export const promptBlind: FindingKind<{ wanted: "answer" | "results"; names: readonly string[] }> = {
	rule: "assertions.prompt-variable",
	severity: error,
	message: ({ wanted }) =>
		wanted === "answer"
			? "the prompt uses variables, but none that contains the answer"
			: "the aggregator's prompt uses variables, but none that contains the graders' results",
	hint: ({ names }) => `add ${names.map(braced).join(", ")}${names.length > 1 ? ", or one of them" : ""}`,
};

export const badSchema: FindingKind<{ reason: string }> = {
	rule: "assertions.json-schema",
	severity: error,
	message: ({ reason }) => `invalid JSON Schema: ${reason}`,
};

/** The grader will not grade, unless its reference comes from elsewhere. */
export const noReference: FindingKind<{ path: string }> = {
	rule: "assertions.field-path",
	severity: "warning",
	message: ({ path }) => `no JSON \`expected_output\` to compare the field ${quote(path)} with`,
	hint: () => "add a JSON `expected_output` to the test; otherwise it is not graded",
};

export const absentField: FindingKind<{ path: string; nearest?: string | undefined }> = {
	rule: "assertions.field-path",
	severity: error,
	message: ({ path }) => `none of the compared \`expected_output\` values has the field ${quote(path)}`,
	hint: ({ nearest }) =>
		nearest ? `did you mean ${quote(nearest)}?` : 'use a field of the reference; write a key with a dot as ["a.b"]',
};
