import { dirname, join } from "node:path";
import { finding, type Place } from "../base/diagnostic.ts";
import { nearestName } from "../base/nearest.ts";
import { exactData } from "../base/written-json.ts";
import {
	type AssertionType,
	assertionSchemas,
	assertionTemplateSchema,
	customAssertionSchema,
	includeSchema,
	type RubricCriterion,
} from "../schema/assertion-entry.ts";
import { builtInType, customKeys, restOf, wireKeys } from "./assertion-type.ts";
import { checkAggregator, checkAssertion } from "./check-assertion.ts";
import { customGraderNames, findCustomGrader, programEndings } from "./custom-grader.ts";
import { withParents } from "./eval-scope.ts";
import type { Assertion, BuiltInAssertion } from "./eval-types.ts";
import { includeDepth, olderField, unknownAssertion } from "./load-findings.ts";
import type { Loading } from "./loading.ts";
import type { PathText } from "./path-text.ts";
import { commandOf } from "./read-command.ts";
import { configOf, readCodeGrader, timeoutOf } from "./read-program.ts";
import { promptOf } from "./read-prompt.ts";
import { readShape } from "./read-shape.ts";
import { child, type Part, placeOf } from "./source.ts";
import { noVars, withVarsInGraders } from "./template-vars.ts";

/** The plain strings of a list form one `rubrics` grader with their number as weight. */
export function readAssertions(
	part: Part,
	base: string,
	loading: Loading,
	includes: readonly PathText[] = [],
): Assertion[] {
	if (part.value === undefined || part.value === null) return [];
	if (!Array.isArray(part.value)) {
		loading.shape(part.at, "assertions", "expected a list");
		return [];
	}
	const criteria: { text: string; index: number }[] = [];
	const result: Assertion[] = [];
	for (const [index, entry] of part.value.entries()) {
		if (typeof entry === "string" && entry.trim() !== "") criteria.push({ text: entry, index });
		else result.push(...readAssertion(child(part, index), base, loading, includes));
	}
	const first = criteria[0];
	if (!first) return result;
	const texts = criteria.map(({ text }) => text);
	return [...result, rubricsOf(texts, placeOf(part, [first.index]), base, includes)];
}

/** Reads the `rubrics` of a test. */
export function readRubrics(criteria: readonly RubricCriterion[], part: Part, base: string): Assertion[] {
	return [{ ...rubricsOf(criteria, part.at, base, []), weight: 1 }];
}

function rubricsOf(
	criteria: readonly RubricCriterion[],
	at: Place,
	base: string,
	includes: readonly PathText[],
): BuiltInAssertion {
	return {
		type: "rubrics",
		settings: { type: "rubrics", criteria: [...criteria] },
		name: "rubrics",
		weight: criteria.length,
		required: false,
		negate: false,
		at,
		base,
		rest: {},
		...includedBy(includes),
	};
}

function includedBy(includes: readonly PathText[]): { includedBy?: PathText } {
	const outermost = includes[0];
	return outermost ? { includedBy: outermost } : {};
}

function readAssertion(part: Part, base: string, loading: Loading, includes: readonly PathText[]): Assertion[] {
	const entry = part.value;
	if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
		loading.shape(part.at, "assertion", "expected a mapping with a `type`, a rubric criterion, or {include: …}");
		return [];
	}
	const fields = entry as Record<string, unknown>;
	if (typeof fields.include === "string" && fields.type === undefined) {
		readShape(includeSchema, part, loading);
		return readInclude(fields.include, part, base, loading, includes);
	}
	if (typeof fields.type !== "string") {
		loading.shape(part.at, "type", `is required (text), one of ${Object.keys(assertionSchemas).join(", ")}`);
		return [];
	}
	const type = builtInType(fields.type);
	if (type === undefined) return readCustom(fields.type, part, base, loading, includes);
	if (fields.type !== type)
		loading.report(finding(olderField, { key: fields.type, instead: type }, placeOf(part, ["type"])));
	const assertion = readBuiltIn(type, part, base, loading, includes);
	return assertion ? [assertion] : [];
}

interface Common {
	readonly name?: string | undefined;
	readonly weight?: number | undefined;
	readonly required?: boolean | number | undefined;
	readonly minScore?: number | undefined;
	readonly negate?: boolean | undefined;
}

function commonOf(
	settings: Common,
	type: string,
	part: Part,
	base: string,
	known: ReadonlySet<string>,
	includes: readonly PathText[],
) {
	const entry = part.value as Record<string, unknown>;
	const minScore = typeof settings.required === "number" ? settings.required : settings.minScore;
	return {
		name: settings.name ?? type,
		weight: settings.weight ?? 1,
		required: settings.required !== undefined && settings.required !== false,
		negate: settings.negate ?? false,
		at: part.at,
		base,
		rest: exactData(restOf(entry, known), part.written),
		...(minScore === undefined ? {} : { minScore }),
		...includedBy(includes),
	};
}

function readBuiltIn(
	type: AssertionType,
	part: Part,
	base: string,
	loading: Loading,
	includes: readonly PathText[],
): Assertion | undefined {
	// A code-grader's additional keys are its program's `config`, not unknown fields.
	const quiet =
		type === "code-grader"
			? {
					report: (found: Parameters<Loading["report"]>[0]) =>
						found.rule === "schema.unknown-field" || loading.report(found),
				}
			: loading;
	const settings = readShape(assertionSchemas[type], part, quiet as Loading);
	if (!settings) return undefined;
	const common = commonOf(settings, type, part, base, wireKeys(type), includes);
	const assertion = { ...common, type, settings } as BuiltInAssertion;
	if (!checkAssertion(assertion, part, loading)) return undefined;
	switch (assertion.type) {
		case "code-grader":
			return readCodeGrader(assertion, part, base, loading);
		case "llm-grader":
			return { ...assertion, ...promptOf(assertion.settings.prompt, part, base, "grader", loading) };
		case "composite":
			return readComposite(assertion, part, base, loading, includes);
		default:
			return assertion;
	}
}

type Composite = Extract<BuiltInAssertion, { type: "composite" }>;

function readComposite(
	assertion: Composite,
	part: Part,
	base: string,
	loading: Loading,
	includes: readonly PathText[],
): Composite | undefined {
	const key = assertion.settings.assertions ? "assertions" : "evaluators";
	const parts = readAssertions(child(part, key), base, loading, includes);
	if (parts.length === 0) {
		if ((assertion.settings[key] ?? []).length === 0)
			loading.shape(part.at, "assertions", "a composite needs at least one assertion");
		return undefined;
	}
	if (!checkAggregator(assertion, parts, part, loading)) return undefined;
	const aggregator = assertion.settings.aggregator;
	const commandKey = aggregator.command === undefined ? "path" : "command";
	const text = aggregator.command ?? aggregator.path;
	if (text === undefined)
		return {
			...assertion,
			parts,
			...promptOf(aggregator.prompt, child(part, "aggregator"), base, "aggregator", loading),
		};
	return { ...assertion, parts, command: commandOf(text, child(part, "aggregator"), commandKey, aggregator.cwd, base) };
}

function readCustom(
	type: string,
	part: Part,
	base: string,
	loading: Loading,
	includes: readonly PathText[],
): Assertion[] {
	const program = /^[\w.-]+$/.test(type) ? findCustomGrader(type, loading.scope, loading.view) : undefined;
	if (!program) {
		const known = [...Object.keys(assertionSchemas), ...customGraderNames(loading.scope, loading.view)];
		loading.report(
			finding(
				unknownAssertion,
				{
					type,
					nearest: nearestName(type, known),
					known,
					lookedFor: `.agentv/graders/${type}.{${programEndings.join(",")}}`,
				},
				placeOf(part, ["type"]),
			),
		);
		return [];
	}
	const quiet = {
		report: (found: Parameters<Loading["report"]>[0]) => found.rule === "schema.unknown-field" || loading.report(found),
	};
	const settings = readShape(customAssertionSchema, part, quiet as Loading);
	if (!settings) return [];
	const common = commonOf(settings, type, part, base, customKeys, includes);
	return [
		{
			...common,
			type: "custom",
			customType: type,
			program,
			...(settings.cwd === undefined ? {} : { cwd: { raw: settings.cwd, at: placeOf(part, ["cwd"]), base } }),
			settings: {
				...configOf(settings, part),
				...timeoutOf(settings),
			},
		},
	];
}

const deepestInclude = 3;

function readInclude(
	include: string,
	part: Part,
	base: string,
	loading: Loading,
	includes: readonly PathText[],
): Assertion[] {
	const at = placeOf(part, ["include"]);
	const path = templatePath(include, at, base, loading);
	if (includes.length >= deepestInclude) {
		loading.report(finding(includeDepth, { include, chain: [...includes, path].map((step) => step.raw) }, at));
		return [];
	}
	const opened = loading.open(path, "include", "assertion include");
	if (!opened) return [];
	const { parts, file } = opened.source;
	const list = parts[0] && templateList(parts[0], loading);
	if (list === "refused") return [];
	if (!Array.isArray(list?.value) || list.value.length === 0) {
		loading.shape(list?.at ?? { file }, "assertions", "a file of shared assertions needs at least one");
		return [];
	}
	const filled = withVarsInGraders(list, part.vars ?? noVars);
	return readAssertions(filled, dirname(opened.resolved), loading, [...includes, path]);
}

/** Returns the whole file, or the list under one of the names of `assertions`. */
function templateList(root: Part, loading: Loading): Part | "refused" {
	if (root.value === undefined || root.value === null || Array.isArray(root.value)) return root;
	const template = readShape(assertionTemplateSchema, root, loading);
	if (!template) return "refused";
	const key = (["assertions", "assert", "evaluators"] as const).find((name) => template[name] !== undefined);
	return key === undefined ? root : child(root, key);
}

/** A bare name means the nearest `.agentv/templates/NAME.yaml`; anything else is a path. */
function templatePath(include: string, at: PathText["at"], base: string, { scope, view }: Loading): PathText {
	if (/[./\\]/.test(include)) return { raw: include, at, base };
	for (const directory of withParents(scope.directory, scope.root)) {
		for (const ending of ["yaml", "yml"]) {
			const raw = join(".agentv", "templates", `${include}.${ending}`);
			if (view.kind(join(directory, raw)) === "file") return { raw, at, base: directory };
		}
	}
	return { raw: join(".agentv", "templates", `${include}.yaml`), at, base: scope.directory };
}
