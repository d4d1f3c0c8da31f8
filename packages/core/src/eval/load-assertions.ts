import { basename, dirname, join } from "node:path";
import {
	assertionTemplateSchema,
	customAssertionSchema,
	includeSchema,
	type RubricCriterion,
} from "../format/eval-file.ts";
import { type AssertionType, builtInType, graders } from "../grading/graders/index.ts";
import { finding, type Place } from "../lib/errors.ts";
import { exactData, readJson, withoutFence } from "../lib/json.ts";
import { nearestName } from "../lib/text.ts";
import { hasPath } from "../lib/yaml-document.ts";
import { checkAggregator, checkAssertion } from "./check-tests.ts";
import { type EvalScope, withParents } from "./discover-evals.ts";
import type { Assertion, BuiltInAssertion, Message, Turn } from "./eval-types.ts";
import { absentField, includeDepth, noReference, olderField, unknownAssertion } from "./load-findings.ts";
import { customKeys, messageText, noVars, promptOf, restOf, wireKeys, withVarsInGraders } from "./load-messages.ts";
import { commandOf, configOf, readCodeGrader, timeoutOf } from "./load-workspace.ts";
import type { ComparedField, Loading } from "./loading.ts";
import { type LoadLog, type PathText, readShape } from "./read-shape.ts";
import { child, type DiskView, type Part, placeOf } from "./source.ts";

/** The plain strings of a list form one `rubrics` grader with their number as weight. */
export function readAssertions(part: Part, base: string, loading: Loading): Assertion[] {
	return new AssertionReader(base, loading, []).list(part);
}

export function readRubrics(criteria: readonly RubricCriterion[], part: Part, base: string): Assertion[] {
	return [{ ...rubricsOf(criteria, part.at, base), weight: 1 }];
}

function rubricsOf(criteria: readonly RubricCriterion[], at: Place, base: string): BuiltInAssertion {
	const settings = { type: "rubrics", criteria: [...criteria] };
	const common = { name: "rubrics", weight: criteria.length, required: false, negate: false, rest: {} };
	return { ...common, type: "rubrics", settings, at, base };
}

interface Common {
	readonly name?: string | undefined;
	readonly weight?: number | undefined;
	readonly required?: boolean | number | undefined;
	readonly minScore?: number | undefined;
	readonly negate?: boolean | undefined;
}

type Composite = Extract<BuiltInAssertion, { type: "composite" }>;
type LlmGrader = Extract<BuiltInAssertion, { type: "llm-grader" }>;
type CodeGrader = Extract<BuiltInAssertion, { type: "code-grader" }>;

const deepestInclude = 3;

class AssertionReader {
	readonly #base: string;
	readonly #loading: Loading;
	readonly #includes: readonly PathText[];

	constructor(base: string, loading: Loading, includes: readonly PathText[]) {
		this.#base = base;
		this.#loading = loading;
		this.#includes = includes;
	}

	list(part: Part): Assertion[] {
		if (part.value === undefined || part.value === null) return [];
		if (!Array.isArray(part.value)) {
			this.#loading.shape(part.at, "assertions", "expected a list");
			return [];
		}
		const criteria: { text: string; index: number }[] = [];
		const result: Assertion[] = [];
		for (const [index, entry] of part.value.entries()) {
			if (typeof entry === "string" && entry.trim() !== "") criteria.push({ text: entry, index });
			else result.push(...this.#entry(child(part, index)));
		}
		const first = criteria[0];
		if (!first) return result;
		const rubrics = rubricsOf(
			criteria.map(({ text }) => text),
			placeOf(part, [first.index]),
			this.#base,
		);
		return [...result, { ...rubrics, includedBy: this.#includes[0] }];
	}

	#entry(part: Part): Assertion[] {
		const loading = this.#loading;
		const entry = part.value;
		if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
			loading.shape(part.at, "assertion", "expected a mapping with a `type`, a rubric criterion, or {include: …}");
			return [];
		}
		const fields = entry as Record<string, unknown>;
		if (typeof fields.include === "string" && fields.type === undefined) {
			readShape(includeSchema, part, loading);
			return this.#include(fields.include, part);
		}
		if (typeof fields.type !== "string") {
			loading.shape(part.at, "type", `is required (text), one of ${Object.keys(graders).join(", ")}`);
			return [];
		}
		const type = builtInType(fields.type);
		if (type === undefined) return this.#custom(fields.type, part);
		if (fields.type !== type)
			loading.report(finding(olderField, { key: fields.type, instead: type }, placeOf(part, ["type"])));
		const assertion = this.#builtIn(type, part);
		return assertion ? [assertion] : [];
	}

	#common(settings: Common, type: string, part: Part, known: ReadonlySet<string>) {
		const entry = part.value as Record<string, unknown>;
		const minScore = typeof settings.required === "number" ? settings.required : settings.minScore;
		return {
			name: settings.name ?? type,
			weight: settings.weight ?? 1,
			required: settings.required !== undefined && settings.required !== false,
			negate: settings.negate ?? false,
			at: part.at,
			base: this.#base,
			rest: exactData(restOf(entry, known), part.written),
			minScore,
			includedBy: this.#includes[0],
		};
	}

	#builtIn(type: AssertionType, part: Part): Assertion | undefined {
		const loading = this.#loading;
		const { schema, takesConfig, holds } = graders[type];
		const settings = readShape(schema, part, takesConfig ? withMoreKeys(loading) : loading);
		if (!settings) return undefined;
		const assertion = { ...this.#common(settings, type, part, wireKeys(type)), type, settings } as BuiltInAssertion;
		if (!checkAssertion(assertion, part, loading)) return undefined;
		switch (holds) {
			case "command":
				return readCodeGrader(assertion as CodeGrader, part, this.#base, loading);
			case "prompt":
				return this.#llmGrader(assertion as LlmGrader, part);
			case "assertions":
				return this.#composite(assertion as Composite, part);
			case undefined:
				return assertion;
		}
	}

	#llmGrader(assertion: LlmGrader, part: Part): LlmGrader {
		const { prompt } = assertion.settings;
		const read = promptOf(prompt, part, this.#base, "grader", this.#loading);
		return { ...assertion, ...read, settings: { ...assertion.settings, prompt: read.promptFile ? undefined : prompt } };
	}

	#composite(assertion: Composite, part: Part): Composite | undefined {
		const loading = this.#loading;
		const key = assertion.settings.assertions ? "assertions" : "evaluators";
		const parts = this.list(child(part, key));
		if (parts.length === 0) {
			if ((assertion.settings[key] ?? []).length === 0)
				loading.shape(part.at, "assertions", "a composite needs at least one assertion");
			return undefined;
		}
		if (!checkAggregator(assertion, parts, part, loading)) return undefined;
		const { assertions: _, evaluators: __, aggregator, ...settings } = assertion.settings;
		const { command = aggregator.path, path: ___, cwd, prompt, ...rest } = aggregator;
		const at = child(part, "aggregator");
		const read =
			command === undefined
				? promptOf(prompt, at, this.#base, "aggregator", loading)
				: { command: commandOf("grader", command, at, aggregator.command ? "command" : "path", cwd, this.#base) };
		return {
			...assertion,
			settings: { ...settings, aggregator: { ...rest, prompt: "promptFile" in read ? undefined : prompt } },
			parts,
			...read,
		};
	}

	#custom(type: string, part: Part): Assertion[] {
		const { scope, view } = this.#loading;
		const program = /^[\w.-]+$/.test(type) ? findCustomGrader(type, scope, view) : undefined;
		if (!program) {
			const known = [...Object.keys(graders), ...customGraderNames(scope, view)];
			const lookedFor = `.agentv/graders/${type}.{${programEndings.join(",")}}`;
			const data = { type, nearest: nearestName(type, known), known, lookedFor };
			this.#loading.report(finding(unknownAssertion, data, placeOf(part, ["type"])));
			return [];
		}
		const settings = readShape(customAssertionSchema, part, withMoreKeys(this.#loading));
		if (!settings) return [];
		const { cwd } = settings;
		return [
			{
				...this.#common(settings, type, part, customKeys),
				type: "custom",
				customType: type,
				program,
				cwd:
					cwd === undefined
						? undefined
						: { kind: "working-directory", raw: cwd, at: placeOf(part, ["cwd"]), base: this.#base },
				settings: { ...configOf(settings, part), ...timeoutOf(settings) },
			},
		];
	}

	#include(include: string, part: Part): Assertion[] {
		const loading = this.#loading;
		const at = placeOf(part, ["include"]);
		const path = templatePath(include, at, this.#base, loading);
		const chain = [...this.#includes, path];
		if (this.#includes.length >= deepestInclude) {
			loading.report(finding(includeDepth, { include, chain: chain.map((step) => step.raw) }, at));
			return [];
		}
		const opened = loading.open(path);
		if (!opened) return [];
		const { parts, file } = opened.source;
		const list = parts[0] && templateList(parts[0], loading);
		if (list === "refused") return [];
		if (!Array.isArray(list?.value) || list.value.length === 0) {
			loading.shape(list?.at ?? { file }, "assertions", "a file of shared assertions needs at least one");
			return [];
		}
		const filled = withVarsInGraders(list, part.vars ?? noVars);
		return new AssertionReader(dirname(opened.resolved), loading, chain).list(filled);
	}
}

/** Additional keys are a program's `config` instead of unknown fields. */
function withMoreKeys(loading: Loading): LoadLog {
	return { report: (found) => void (found.rule === "schema.unknown-field" || loading.report(found)) };
}

function templateList(root: Part, loading: Loading): Part | "refused" {
	if (root.value === undefined || root.value === null || Array.isArray(root.value)) return root;
	const template = readShape(assertionTemplateSchema, root, loading);
	if (!template) return "refused";
	const key = (["assertions", "assert", "evaluators"] as const).find((name) => template[name] !== undefined);
	return key === undefined ? root : child(root, key);
}

/** A bare name means the nearest `.agentv/templates/NAME.yaml`; anything else is a path. */
function templatePath(include: string, at: PathText["at"], base: string, { scope, view }: Loading): PathText {
	if (/[./\\]/.test(include)) return { kind: "include", raw: include, at, base };
	for (const directory of withParents(scope.directory, scope.root)) {
		for (const ending of ["yaml", "yml"]) {
			const raw = join(".agentv", "templates", `${include}.${ending}`);
			if (view.kind(join(directory, raw)) === "file") return { kind: "include", raw, at, base: directory };
		}
	}
	return { kind: "include", raw: join(".agentv", "templates", `${include}.yaml`), at, base: scope.directory };
}

export const programEndings = ["mjs", "js", "ts", "py", "sh"] as const;

const programFolders = [".agentv/graders", ".agentv/assertions"];

function findCustomGrader(type: string, scope: EvalScope, view: DiskView): string | undefined {
	for (const directory of withParents(scope.directory, scope.root)) {
		for (const folder of programFolders) {
			for (const ending of programEndings) {
				const path = join(directory, folder, `${type}.${ending}`);
				if (view.kind(path) === "file") return path;
			}
		}
	}
	return undefined;
}

function customGraderNames(scope: EvalScope, view: DiskView): string[] {
	return [...withParents(scope.directory, scope.root)].flatMap((directory) =>
		programFolders.flatMap((folder) =>
			view.list(join(directory, folder)).map((name) => basename(name).replace(/\.[^.]+$/, "")),
		),
	);
}

interface GradedTest {
	readonly assertions: readonly Assertion[];
	readonly expected: readonly Message[];
	readonly turns: readonly Turn[];
}

export function checkFields({ assertions, expected, turns }: GradedTest, loading: Loading): void {
	const last = expected.at(-1);
	noteFields(assertions, last && messageText(last), loading);
	for (const turn of turns) noteFields(turn.assertions, turn.expectedOutput, loading);
}

function noteFields(assertions: readonly Assertion[], expectedOutput: string | undefined, loading: Loading): void {
	for (const assertion of assertions) {
		if (assertion.parts) noteFields(assertion.parts, expectedOutput, loading);
		if (assertion.type !== "field-accuracy") continue;
		const reference = referenceOf(expectedOutput ?? "");
		for (const [index, { path }] of assertion.settings.fields.entries()) {
			const field = fieldAt(assertion, index, path, loading);
			if (reference === undefined) continue;
			field.references++;
			if (hasPath(reference, path)) field.isPresent = true;
			else if (field.known.size < maxKnown) for (const key of keysOf(reference, "")) field.known.add(key);
		}
	}
}

const maxKnown = 1000;

function fieldAt({ at }: Assertion, index: number, path: string, { comparedFields }: Loading): ComparedField {
	const place = { ...at, path: [...(at.path ?? []), "fields", index, "path"] };
	const key = [at.file, at.line ?? "", ...place.path, path].join("\0");
	const known = comparedFields.get(key);
	if (known) return known;
	const field: ComparedField = { path, at: place, isPresent: false, known: new Set(), references: 0 };
	comparedFields.set(key, field);
	return field;
}

/** Accepts a code fence, as the grader does. */
function referenceOf(text: string): unknown {
	const read = readJson(withoutFence(text));
	return "value" in read ? read.value : undefined;
}

function keysOf(value: unknown, prefix: string): string[] {
	if (typeof value !== "object" || value === null) return [];
	return Object.entries(value).flatMap(([key, item]) => {
		const step = /[.[\]\\]/.test(key) ? `[${JSON.stringify(key)}]` : Array.isArray(value) ? `[${key}]` : key;
		const path = prefix === "" || step.startsWith("[") ? `${prefix}${step}` : `${prefix}.${step}`;
		return [path, ...keysOf(item, path)];
	});
}

/** Reports each field that no reference has, because no comparison would include it. */
export function reportAbsentFields(loading: Loading): void {
	for (const { path, at, isPresent, known, references } of loading.comparedFields.values()) {
		if (isPresent) continue;
		if (references > 0) loading.report(finding(absentField, { path, nearest: nearestName(path, known) }, at));
		else loading.report(finding(noReference, { path }, at));
	}
	loading.comparedFields.clear();
}
