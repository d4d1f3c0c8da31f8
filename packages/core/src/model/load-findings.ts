import type { FindingKind } from "../base/diagnostic.ts";
import type { Reach } from "./eval-scope.ts";

/** What loading itself may find, each stated once. Validation publishes these under the same ids. */

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

/** The same in a grader, where a field without effect changes what passes. */
export const unknownSetting: FindingKind<{ key: string; nearest?: string | undefined }> = {
	...unknownField,
	severity: error,
	hint: ({ nearest }) =>
		nearest ? `did you mean ${quote(nearest)}?` : "remove it; keys that begin with x- are free for your own notes",
};

/** Both keys as paths from the mapping that holds them. */
export const conflictingFields: FindingKind<{ keys: readonly [string, string] }> = {
	rule: "schema.conflict",
	severity: error,
	message: ({ keys: [first, second] }) => `${quote(first)} and ${quote(second)} are two spellings of one field`,
	hint: ({ keys: [first, second] }) => `write ${quote(first)} only, with all that ${quote(second)} says`,
};

export const unsupportedField: FindingKind<{ key: string; hint: string }> = {
	rule: "schema.unsupported",
	severity: error,
	message: ({ key }) => `${quote(key)} can't be honoured`,
	hint: ({ hint }) => hint,
};

export const olderField: FindingKind<{ key: string; instead: string }> = {
	rule: "schema.deprecated",
	severity: "warning",
	message: ({ key, instead }) => `${quote(key)} is an older spelling of ${instead}`,
	hint: ({ instead }) => `write ${instead}; \`agentv eval validate --migrate\` does`,
};

/** `lookedIn` is as seen from the eval. */
export const pathMissing: FindingKind<{ raw: string; kind: string; lookedIn: string }> = {
	rule: "path.missing",
	severity: error,
	message: ({ raw, kind, lookedIn }) =>
		`${kind} ${quote(raw)} does not exist (looked in ${lookedIn === "." ? "the eval's directory" : lookedIn})`,
	hint: () => "paths are relative to the file they are written in",
};

/** `boundary` is what `rootNames` calls the root; `real` is the path with all links resolved. */
export const outsideRoot: FindingKind<{
	raw: string;
	kind: string;
	boundary: string;
	real: string;
	option: Reach["option"] | undefined;
}> = {
	rule: "path.outside-repo",
	severity: error,
	message: ({ raw, kind, boundary }) => `${kind} ${quote(raw)} leaves ${boundary}`,
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

/** A file that is there, and cannot be read as text. */
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
				? "add `input`, or a PROMPT.md beside the eval"
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
	circle?: readonly string[];
	unknown?: string;
	nearest?: string | undefined;
}> = {
	rule: "tests.depends-on",
	severity: error,
	message: ({ id, circle, unknown }) =>
		circle
			? `tests depend on each other in a circle: ${circle.join(" → ")}`
			: `test ${quote(id)} depends on ${quote(unknown ?? "")}, which is no test of this eval`,
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
	message: ({ reason }) => `the regular expression cannot be read: ${reason}`,
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
		`assertion include ${quote(include)} goes deeper than 3 levels: ${chain.join(" → ")}`,
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
		`target ${quote(name)} is not defined (looked in ${files.length > 0 ? files.join(", ") : "targets.yaml and .agentv/targets.yaml of each directory up to the root: there is none"})`,
	hint: ({ nearest, known }) =>
		nearest
			? `did you mean ${quote(nearest)}? Known targets: ${known.join(", ")}`
			: known.length > 0
				? `known targets: ${known.join(", ")}`
				: "define it in a targets.yaml beside the eval",
};

export const targetCircular: FindingKind<{ circle: readonly string[] }> = {
	rule: "targets.circular",
	severity: error,
	message: ({ circle }) => `use_target goes round in a circle: ${circle.join(" → ")}`,
	hint: () => "let one of them name a provider",
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
	message: ({ name }) => `target ${quote(name)} asks for provider_batching, which is not supported`,
	hint: () => "let the command answer one prompt at a time",
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
	hint: ({ name }) => `set ${name}, put it into a .env file beside the eval, or write \${{ ${name}:-default }}`,
};

const braced = (name: string) => `{{ ${name} }}`;

/** A `{{ name }}` that none of the test's `vars` fills. */
export const unknownName: FindingKind<{ name: string; known: readonly string[]; nearest?: string | undefined }> = {
	rule: "vars.unknown",
	severity: error,
	message: ({ name, known }) =>
		`${braced(name)} is not among the test's vars${known.length > 0 ? ` (${known.slice(0, 20).join(", ")})` : ", which are empty"}`,
	hint: ({ name, nearest }) =>
		nearest
			? `did you mean ${braced(nearest)}?`
			: `add it to \`vars\`, or write {{${braced(name)}}} for the text itself`,
};

export const proseName: FindingKind<{ name: string }> = {
	rule: "vars.unknown",
	severity: "warning",
	message: ({ name }) => `${braced(name)} is kept as it is: the test has no \`vars\``,
	hint: ({ name }) => `give the test \`vars\`, or write {{${braced(name)}}} for the text itself`,
};

/** A variable of a judge's prompt that nothing fills. */
export const promptName: FindingKind<{ name: string; known: readonly string[]; nearest?: string | undefined }> = {
	rule: "assertions.prompt-variable",
	severity: error,
	message: ({ name }) => `the prompt uses ${braced(name)}, which is not a variable`,
	hint: ({ nearest, known }) =>
		nearest ? `did you mean ${braced(nearest)}?` : `variables: ${known.slice(0, 30).join(", ")}`,
};

/** A prompt that shows the judge everything but what is graded. */
export const promptBlind: FindingKind<{ wanted: "answer" | "results"; names: readonly string[] }> = {
	rule: "assertions.prompt-variable",
	severity: error,
	message: ({ wanted }) =>
		wanted === "answer"
			? "the prompt uses variables, but none that holds the answer"
			: "the aggregator's prompt uses variables, but none that holds the graders' results",
	hint: ({ names }) => `add ${names.map(braced).join(", ")}${names.length > 1 ? ", or one of them" : ""}`,
};

export const badSchema: FindingKind<{ reason: string }> = {
	rule: "assertions.json-schema",
	severity: error,
	message: ({ reason }) => `the JSON Schema can't be used: ${reason}`,
};

/** The grader will not judge: what it compares with may come from elsewhere. */
export const noReference: FindingKind<{ path: string }> = {
	rule: "assertions.field-path",
	severity: "warning",
	message: ({ path }) => `the field ${quote(path)} is compared with no \`expected_output\` that is JSON`,
	hint: () => "give the test an `expected_output` that is JSON; without, it is not judged",
};

export const absentField: FindingKind<{ path: string; nearest?: string | undefined }> = {
	rule: "assertions.field-path",
	severity: error,
	message: ({ path }) => `no \`expected_output\` that this is compared with has the field ${quote(path)}`,
	hint: ({ nearest }) =>
		nearest ? `did you mean ${quote(nearest)}?` : 'name a field of the reference; a key that holds a dot is ["a.b"]',
};
