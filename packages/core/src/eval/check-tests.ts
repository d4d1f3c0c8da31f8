import { basename } from "node:path";
import { type Diagnostic, type DocumentPath, finding, type Place } from "../lib/errors.ts";
import { findTemplateName, lookUp, type TemplateName, templateNames } from "../lib/interpolate.ts";
import { nearestName, slugify } from "../lib/text.ts";
import { compute, computingLimitMs } from "../machine/computing-process.ts";
import { type Assertion, type BuiltInAssertion, gradersOf, type LoadedEval, type TestCase } from "./eval-types.ts";
import {
	badRegex,
	badSchema,
	conflictingFields,
	dependsOn,
	duplicateId,
	proseName,
	schemaShape,
	unknownName,
	unknownSetting,
	unsupportedField,
} from "./load-findings.ts";
import type { Loading } from "./loading.ts";
import { child, type Part, placeOf, type Source, type Vars } from "./source.ts";

/** @returns whether the grader can be used */
export function checkAssertion(assertion: BuiltInAssertion, part: Part, loading: Loading): boolean {
	checkMinScore(assertion, part, loading);
	switch (assertion.type) {
		case "regex":
			return checkRegex(assertion.settings, part, loading);
		case "llm-grader":
			checkConfig(assertion, part, loading);
			return true;
		case "tool-trajectory":
			return checkTrajectory(assertion.settings, part, loading);
		case "token-usage":
			warnOfNoBounds(part, ["max_total", "max_input", "max_output"], loading);
			return true;
		case "execution-metrics":
			return checkMetrics(part, loading);
		default:
			return true;
	}
}

/** A number under `required` is a deprecated spelling of `min_score`. */
function checkMinScore({ settings }: BuiltInAssertion, part: Part, loading: Loading): void {
	if (typeof settings.required !== "number" || settings.minScore === undefined) return;
	const data = { keys: ["min_score", "required"] } as const;
	loading.report(finding(conflictingFields, data, placeOf(part, ["required"], "key")));
}

function checkRegex(
	{ value, flags }: { readonly value: string; readonly flags?: string | undefined },
	part: Part,
	loading: Loading,
): boolean {
	try {
		new RegExp(value, flags);
		return true;
	} catch (error) {
		const reason = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, "") : String(error);
		const key = flags !== undefined && /^Invalid flags/i.test(reason) ? "flags" : "value";
		loading.report(finding(badRegex, { pattern: value, reason }, placeOf(part, [key])));
		return false;
	}
}

type Settings<Type extends BuiltInAssertion["type"]> = Extract<BuiltInAssertion, { type: Type }>["settings"];

function checkConfig({ settings }: Extract<BuiltInAssertion, { type: "llm-grader" }>, part: Part, loading: Loading) {
	if (settings.config === undefined || typeof settings.prompt === "object") return;
	const hint = "only a prompt that a program prints (`prompt: {command}`) gets a `config`";
	loading.report(finding(unsupportedField, { key: "config", hint }, placeOf(part, ["config"], "key")));
}

function checkTrajectory(settings: Settings<"tool-trajectory">, part: Part, loading: Loading): boolean {
	const { mode, expected, minimums } = settings;
	const counts = Object.keys(minimums ?? {}).length;
	if (counts > 0 && (mode === "exact" || mode === "subset")) {
		const hint = "use `any_order`, `in_order` or `superset`, or a separate grader for the counts";
		const at = placeOf(part, ["minimums"], "key");
		loading.report(finding(unsupportedField, { key: `minimums with mode ${mode}`, hint }, at));
		return false;
	}
	if (counts > 0 || (expected ?? []).length > 0 || mode === "exact") return true;
	loading.shape(part.at, "tool-trajectory", "needs `expected` or `minimums`: otherwise every answer passes");
	return false;
}

const metrics = ["max_tool_calls", "max_llm_calls", "max_tokens", "max_cost_usd", "max_duration_ms"];

function checkMetrics(part: Part, loading: Loading): boolean {
	const fields = part.value as Readonly<Record<string, unknown>>;
	if (fields.exploration_tolerance !== undefined && fields.target_exploration_ratio === undefined) {
		const at = placeOf(part, ["exploration_tolerance"], "key");
		const hint = "add the `target_exploration_ratio` that it modifies";
		loading.report(finding(unsupportedField, { key: "exploration_tolerance", hint }, at));
		return false;
	}
	warnOfNoBounds(part, [...metrics, "target_exploration_ratio"], loading);
	return true;
}

/** A grader without a bound is never graded. */
function warnOfNoBounds(part: Part, keys: readonly string[], loading: Loading): void {
	const fields = part.value as Readonly<Record<string, unknown>>;
	if (keys.some((key) => fields[key] !== undefined)) return;
	const message = `needs one of ${keys.map((key) => `\`${key}\``).join(", ")}, otherwise it is not graded`;
	loading.report({ ...finding(schemaShape, { field: String(fields.type), message }, part.at), severity: "warning" });
}

type Composite = Extract<BuiltInAssertion, { type: "composite" }>;

const aggregatorKeys: Readonly<Record<string, readonly string[]>> = {
	"weighted-average": ["weights"],
	threshold: ["threshold"],
	"code-grader": ["command", "path", "cwd"],
	"llm-grader": ["prompt", "target"],
};

export function checkAggregator(
	{ settings }: Composite,
	parts: readonly Assertion[],
	part: Part,
	loading: Loading,
): boolean {
	const { aggregator } = settings;
	const type = aggregator.type.replaceAll("_", "-");
	const known = aggregatorKeys[type] ?? [];
	const written = (part.value as { aggregator: Readonly<Record<string, unknown>> }).aggregator;
	const others = new Set(Object.values(aggregatorKeys).flat());
	for (const key of Object.keys(written)) {
		if (!others.has(key) || known.includes(key)) continue;
		const hint = `remove it: an aggregator of type ${aggregator.type} has no such setting`;
		loading.report(finding(unsupportedField, { key, hint }, placeOf(part, ["aggregator", key], "key")));
	}
	if (type === "code-grader" && aggregator.command === undefined && aggregator.path === undefined) {
		loading.shape(placeOf(part, ["aggregator"]), "aggregator.command", "is required (text or a list of words)");
		return false;
	}
	const names = parts.map(({ name }) => name);
	for (const key of Object.keys(aggregator.weights ?? {})) {
		if (names.includes(key)) continue;
		const data = { key, nearest: nearestName(key, names) };
		loading.report(finding(unknownSetting, data, placeOf(part, ["aggregator", "weights", key], "key")));
	}
	if (type === "code-grader" || aggregator.weights !== undefined) reportSharedNames(parts, loading);
	return true;
}

/** The aggregator identifies parts by their names. */
function reportSharedNames(parts: readonly Assertion[], loading: Loading): void {
	const seen = new Set<string>();
	for (const { name, at } of parts) {
		if (seen.has(name))
			loading.shape(
				at,
				"name",
				`${JSON.stringify(name)} is the name of two parts, which the aggregator could not distinguish`,
			);
		seen.add(name);
	}
}

/** These are filled in when a test runs; a path with one of them is not checked. */
const runTimeNames: ReadonlySet<string> = new Set(["workspace_path", "test_id", "eval_run_id"]);

/** Every `{{ name }}` in these fields must be one of the test's `vars`. */
const filledFields = ["input", "expected_output", "criteria", "expected_outcome"] as const;

export function checkTestNames(test: Part, vars: Vars, loading: Loading): void {
	const fields = test.value as Readonly<Record<string, unknown>>;
	checkFields(fields, (key) => child(test, key), vars, loading);
	if (!Array.isArray(fields.turns)) return;
	for (const [index, turn] of fields.turns.entries())
		if (typeof turn === "object" && turn !== null)
			checkFields(turn, (key) => child(test, "turns", index, key), vars, loading);
}

function checkFields(
	fields: Readonly<Record<string, unknown>>,
	partOf: (key: string) => Part,
	vars: Vars,
	loading: Loading,
): void {
	for (const key of filledFields) if (hasBraces(fields[key])) checkNames(partOf(key), vars, loading);
}

function hasBraces(value: unknown): boolean {
	if (typeof value === "string") return value.includes("{{");
	if (typeof value !== "object" || value === null) return false;
	return (Array.isArray(value) ? value : Object.values(value)).some(hasBraces);
}

export function checkNames({ value, at }: Part, vars: Vars, loading: Loading): void {
	if (value === undefined) return;
	const path: (string | number)[] = [];
	const visit = (item: unknown, isPath: boolean): void => {
		if (typeof item === "string") {
			if (!item.includes("{{")) return;
			const place = { ...at, path: [...(at.path ?? []), ...path] };
			checkText(item, isPath, vars, (found) => nameAt(found, place, loading), loading);
		} else if (typeof item === "object" && item !== null) {
			const { type } = item as { readonly type?: unknown };
			const isFile = type === "file" || type === "image";
			for (const [key, inner] of Object.entries(item)) {
				path.push(Array.isArray(item) ? Number(key) : key);
				visit(inner, isFile && key === "value");
				path.pop();
			}
		}
	};
	visit(value, false);
}

export function checkNamesOfFile(text: string, file: string, vars: Vars, loading: Loading): void {
	checkText(text, false, vars, ({ range }) => ({ file, range }), loading);
}

/** Unknown names that are reported per text; more would not help. */
const maxUnknown = 50;

function checkText(
	text: string,
	isPath: boolean,
	vars: Vars,
	placeOfName: (found: TemplateName) => Place,
	loading: Loading,
): void {
	let left = maxUnknown;
	for (const templateName of templateNames(text)) {
		const { name } = templateName;
		if (vars.text(name) !== undefined || (isPath && runTimeNames.has(name))) continue;
		if (left-- === 0) return;
		const at = placeOfName(templateName);
		if (!vars.isGiven) loading.report(finding(proseName, { name }, at));
		else {
			const known = vars.names();
			loading.report(finding(unknownName, { name, known, nearest: nearestName(name, known) }, at));
		}
	}
}

/** Returns the location of the whole text if a variable contributed the name. */
export function nameAt({ name, nth }: TemplateName, place: Place, loading: Loading): Place {
	const source = loading.sources.get(place.file);
	const range = source?.locate(place);
	if (!source || !range) return place;
	const start = range.start.offset;
	const match = findTemplateName(source.text.slice(start, range.end.offset), name, nth);
	return match ? { ...place, range: [start + match[0], start + match[1]] } : place;
}

export function checkTests(tests: readonly TestCase[], loading: Loading): void {
	const byId = new Map<string, TestCase>();
	for (const test of tests) {
		const first = byId.get(test.id);
		if (first && first.at !== test.at) {
			loading.report(
				finding(
					duplicateId,
					{ id: test.id, first: loading.describe(first.at) },
					{ ...test.at, path: [...(test.at.path ?? []), "id"] },
				),
			);
		} else byId.set(test.id, test);
	}
	for (const test of tests) {
		for (const id of test.dependsOn) {
			if (byId.has(id) || loading.failedTests.has(id)) continue;
			loading.report(
				finding(
					dependsOn,
					{ id: test.id, unknown: id, nearest: nearestName(id, [...byId.keys()]) },
					dependencyPlace(test),
				),
			);
		}
	}
	reportCircles(byId, loading);
}

function dependencyPlace(test: TestCase) {
	return { ...test.at, path: [...(test.at.path ?? []), "depends_on"] };
}

function reportCircles(byId: ReadonlyMap<string, TestCase>, loading: Loading): void {
	const done = new Set<string>();
	for (const start of byId.keys()) {
		const trail: string[] = [];
		const stack: { id: string; next: number }[] = [{ id: start, next: 0 }];
		while (stack.length > 0) {
			const top = stack[stack.length - 1] as { id: string; next: number };
			if (top.next === 0) trail.push(top.id);
			const dependency = done.has(top.id) ? undefined : byId.get(top.id)?.dependsOn[top.next++];
			if (dependency === undefined) {
				done.add(top.id);
				trail.pop();
				stack.pop();
			} else if (trail.includes(dependency)) {
				const cycle = [...trail.slice(trail.indexOf(dependency)), dependency];
				const test = byId.get(dependency);
				if (test) loading.report(finding(dependsOn, { id: dependency, cycle }, dependencyPlace(test)));
			} else if (!done.has(dependency)) stack.push({ id: dependency, next: 0 });
		}
	}
}

/** Separate from loading, which is synchronous: the validator runs in another process. */
export async function checkJsonSchemas({ tests }: Pick<LoadedEval, "tests">): Promise<Diagnostic[]> {
	const diagnostics: Diagnostic[] = [];
	const problems = new Map<string, string | undefined>();
	for (const assertion of gradersOf(tests)) {
		if (assertion.type !== "is-json" || assertion.settings.schema === undefined) continue;
		const key = JSON.stringify(assertion.settings.schema);
		if (!problems.has(key)) problems.set(key, await problemOf(assertion.settings.schema));
		const reason = problems.get(key);
		const { at } = assertion;
		if (reason !== undefined)
			diagnostics.push(finding(badSchema, { reason }, { ...at, path: [...(at.path ?? []), "schema"] }));
	}
	return diagnostics;
}

/** Supports draft 7, and 2019-09 and 2020-12 by `$schema`. */
async function problemOf(schema: Readonly<Record<string, unknown>> | boolean): Promise<string | undefined> {
	const outcome = await compute({ kind: "schema", schema });
	if (outcome.kind === "schema") return undefined;
	if (outcome.kind === "timeout") return `compiling it took longer than ${computingLimitMs / 1000} s`;
	return outcome.message.replace(/^schema is invalid: /, "");
}

/** Agent Skills' own format is `evals.json` with `{skill_name, evals: […]}`. */
export function isAgentSkillsFile(file: string, value: unknown): boolean {
	return (
		basename(file) === "evals.json" &&
		typeof value === "object" &&
		value !== null &&
		Array.isArray((value as { evals?: unknown }).evals)
	);
}

interface SkillEval {
	readonly id?: unknown;
	readonly prompt?: unknown;
	readonly expected_output?: unknown;
	readonly files?: unknown;
	readonly assertions?: unknown;
}

/** Returns the document with AgentV's field names. */
export function agentSkillsEnvelope(part: Part): Part {
	const { skill_name: skill, evals } = part.value as { skill_name?: unknown; evals: SkillEval[] };
	const tests = evals.map((entry) => {
		if (typeof entry !== "object" || entry === null) return entry;
		const { id, prompt, expected_output, files, assertions } = entry;
		return {
			...(id === undefined ? {} : { id }),
			...(prompt === undefined ? {} : { input: prompt }),
			...(expected_output === undefined ? {} : { expected_output }),
			...(files === undefined ? {} : { input_files: files }),
			...(assertions === undefined ? {} : { assertions }),
		};
	});
	const name = typeof skill === "string" ? slugify(skill) : "";
	return {
		...part,
		value: { ...(name ? { name } : {}), tests },
		written: (path) => part.written(asWritten(path)),
		unfilled: (path) => part.unfilled(asWritten(path)),
	};
}

/** Returns a source whose locations accept AgentV's field names. */
export function agentSkillsSource(source: Source): Source {
	return {
		...source,
		locate: (place) => source.locate(place.path ? { ...place, path: asWritten(place.path) } : place),
	};
}

const renamed: Readonly<Record<string, string>> = { tests: "evals", input: "prompt", input_files: "files" };

function asWritten([first, index, field, ...rest]: DocumentPath): DocumentPath {
	const path = [first, index, field].filter((key) => key !== undefined);
	return [...path.map((key) => (typeof key === "string" ? (lookUp(renamed, key) ?? key) : key)), ...rest];
}
