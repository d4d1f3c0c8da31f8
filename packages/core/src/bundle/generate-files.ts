import { basename } from "node:path";
import type { LoadedEval, TestCase } from "../eval/eval-types.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { child, placeBelow } from "../eval/source.ts";
import type { BundleVariable } from "../format/bundle-manifest.ts";
import type { Place } from "../lib/errors.ts";
import { type ReferenceToken, scanReferences } from "../lib/interpolate.ts";
import { createRedactor, redactText, secretsOf } from "../lib/redact.ts";
import { isSecretField, isSecretName, redactAddress } from "../lib/secret-shapes.ts";
import type { Environment } from "../machine/environment.ts";
import { freeName, isRecord, placeKey, relativeReference, type SuitePlace, toBundlePath } from "./layout.ts";
import type { RawValues, TargetSelection } from "./load-source.ts";
import { patchYaml, printJson, printYaml, WrittenNumber } from "./print-yaml.ts";
import { type RewriteInput, Rewriter } from "./rewriter.ts";

interface GenerateInput {
	readonly loaded: LoadedEval;
	readonly selection: TargetSelection;
	readonly chosen: readonly string[];
	readonly rewrite: RewriteInput;
	readonly isCopied: (path: string) => boolean;
	/** Its values become defaults, for `--capture-env`. */
	readonly env: Environment | undefined;
}

interface GeneratedFiles {
	readonly texts: ReadonlyMap<string, string>;
	readonly variables: BundleVariable[];
}

export function generateFiles(input: GenerateInput): GeneratedFiles {
	const { loaded, selection, chosen, rewrite, isCopied, env } = input;
	const values = new Map<string, unknown>();
	const suites = new Map<string, { suite: SuitePlace; composed: ComposedEval }>();
	const rows = new Set<string>();
	const freePath = (wanted: string) => {
		const path = freeName(wanted, (taken) => rows.has(taken) || values.has(taken) || isCopied(taken));
		rows.add(path);
		return path;
	};
	for (const suite of rewrite.suites.values()) {
		const tests = loaded.tests.filter((test) => test.suite.file === suite.file);
		const composed = composeEval({ rewrite, loaded, suite, tests, chosen, freePath });
		suites.set(suite.bundleFile, { suite, composed });
		values.set(suite.bundleFile, composed.value);
		for (const [path, list] of composed.testFiles) values.set(path, list);
	}
	if (selection.named.size > 0) {
		const rewriter = new Rewriter(rewrite, "");
		values.set("targets.yaml", {
			targets: [...selection.named.values()].map((target) => flattenTarget(target, rewriter)),
		});
	}
	const uses = usesOf(values);
	const captured = env ? capturedVariables(uses, env) : {};
	const texts = [...values].map(([path, value]): [string, string] => {
		const filled = env ? withDefaults(value, captured) : value;
		if (Array.isArray(filled) && rows.has(path)) return [path, filled.map((row) => `${printJson(row)}\n`).join("")];
		const { suite, composed } = suites.get(path) ?? {};
		return [path, suite && composed ? printEval(suite, composed, filled, input) : printYaml(filled)];
	});
	const names = [...uses].sort(([a], [b]) => (a < b ? -1 : 1));
	const variables = names.map(([name, { usedIn, required }]) => {
		const isCaptured = captured[name] !== undefined;
		return { name, usedIn: [...usedIn].sort(), captured: isCaptured, required: required && !isCaptured };
	});
	return { texts: new Map(texts), variables };
}

function printEval(
	suite: SuitePlace,
	{ testsKey, origins }: ComposedEval,
	value: unknown,
	{ loaded, rewrite }: GenerateInput,
): string {
	const source = loaded.sources.get(suite.file);
	const before = rewrite.raw.document(suite.file);
	if (!source?.document || source.document.value !== before) return printYaml(value);
	return patchYaml(source.text, before, value, { [testsKey]: origins });
}

/** Yields names by `placeKey`: a target selected by a variable stays the current one. */
export function* chosenNames({ choices }: TargetSelection, raw: RawValues): Generator<[string, string]> {
	const settle = function* (at: Place, name: unknown): Generator<[string, string]> {
		const written = raw.at(at);
		if (typeof written === "string" && written.includes("${{") && typeof name === "string") yield [placeKey(at), name];
	};
	for (const choice of choices) {
		if (!("inline" in choice)) yield* settle(choice.at, choice.name);
		else for (const key of ["extends", "use_target"]) yield* settle(placeBelow(choice.at, key), choice.inline[key]);
	}
}

interface VariableUse {
	readonly usedIn: Set<string>;
	required: boolean;
	/** Under `api_key`, a header, or the user part of a URL. */
	isSecret: boolean;
}

function usesOf(files: ReadonlyMap<string, unknown>): ReadonlyMap<string, VariableUse> {
	const uses = new Map<string, VariableUse>();
	const collect = (file: string, value: unknown, isSecret: boolean): void => {
		if (typeof value === "string") {
			for (const { name, defaultText, shows } of variablesIn(value)) {
				const use = uses.get(name) ?? { usedIn: new Set(), required: false, isSecret: false };
				use.usedIn.add(file);
				use.required ||= defaultText === undefined;
				use.isSecret ||= isSecret || isSecretName(name) || !shows;
				uses.set(name, use);
			}
		} else if (Array.isArray(value)) for (const item of value) collect(file, item, isSecret);
		else if (isRecord(value))
			for (const [key, item] of Object.entries(value)) collect(file, item, isSecret || isSecretField(key));
	};
	for (const [file, value] of files) collect(file, value, false);
	return uses;
}

type VariableToken = Extract<ReferenceToken, { kind: "reference" }>;

function referencesIn(text: string): VariableToken[] {
	return text.includes("${{") ? scanReferences(text).filter((token) => token.kind === "reference") : [];
}

/** `undefined` keeps a reference as written. */
function replaceReferences(text: string, replace: (token: VariableToken, index: number) => string | undefined): string {
	let result = "";
	let done = 0;
	for (const [index, token] of referencesIn(text).entries()) {
		const [start, end] = token.range;
		result += text.slice(done, start) + (replace(token, index) ?? text.slice(start, end));
		done = end;
	}
	return result + text.slice(done);
}

function variablesIn(text: string): (VariableToken & { readonly shows: boolean })[] {
	const tokens = referencesIn(text);
	if (tokens.length === 0) return [];
	// A value that is redacted wherever a secret would be.
	const standIn = (index: number) => `Zq${index}x7Kd2Lm4Vt`;
	const shown = redactAddress(redactText(replaceReferences(text, (_, index) => standIn(index))));
	return tokens.map((token, index) => ({ ...token, shows: shown.includes(standIn(index)) }));
}

/** Excludes secrets, and values that a default can't represent. */
function capturedVariables(uses: ReadonlyMap<string, VariableUse>, env: Environment): Environment {
	const secret = [...uses].flatMap(([name, { isSecret }]) => (isSecret ? (env[name] ?? []) : []));
	const redact = createRedactor([...secretsOf(env), ...secret]);
	const isCapturable = (value: string) =>
		value !== "" && redact(value) === value && value === value.trim() && !/[\r\n]|\}\}/.test(value);
	return Object.fromEntries(
		[...uses].flatMap(([name, { isSecret }]) => {
			const value = Object.hasOwn(env, name) && !isSecret ? env[name] : undefined;
			return value !== undefined && isCapturable(value) ? [[name, value]] : [];
		}),
	);
}

function withDefaults(value: unknown, captured: Environment): unknown {
	if (typeof value === "string")
		return replaceReferences(value, ({ name }) => {
			const current = captured[name];
			return current === undefined ? undefined : `\${{ ${name}:-${current} }}`;
		});
	if (Array.isArray(value)) return value.map((item) => withDefaults(item, captured));
	if (!isRecord(value) || value instanceof WrittenNumber) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withDefaults(item, captured)]));
}

/** Bytes of JSON; larger test data from other files stays in a separate file. */
const maxInline = 256 * 1024;

interface ComposeInput {
	readonly rewrite: RewriteInput;
	readonly loaded: LoadedEval;
	readonly suite: SuitePlace;
	readonly tests: readonly TestCase[];
	/** From `--target`; the eval then runs against these. */
	readonly chosen: readonly string[];
	readonly freePath: (wanted: string) => string;
}

interface ComposedEval {
	readonly value: Readonly<Record<string, unknown>>;
	readonly testsKey: string;
	/** For each new test its index in the source; undefined for tests from other files. */
	readonly origins: readonly (number | undefined)[];
	/** Rows by bundle path, for test data that is too large to inline. */
	readonly testFiles: ReadonlyMap<string, readonly unknown[]>;
}

function composeEval(input: ComposeInput): ComposedEval {
	const { rewrite, suite, tests, chosen } = input;
	const document = rewrite.raw.document(suite.file);
	const written = isRecord(document) ? document : {};
	const testsKey = ["tests", "eval_cases", "evalcases"].find((key) => written[key] !== undefined) ?? "tests";
	const keys = Object.keys(written).filter((key) => key !== testsKey);
	const entries = new Map(keys.map((key) => [key, { file: suite.file, path: [key] }]));
	const { imports, ...rest } = new Rewriter(rewrite, suite.bundleDirectory).mapping(entries);
	const { items, origins, testFiles } = composeTests(input, testsKey);
	const targeted = chosen.length > 0 ? withTargets(rest, chosen) : rest;
	const name = written.name === undefined ? stableName(input) : undefined;
	const value: Record<string, unknown> = name === undefined ? {} : { name };
	for (const key of Object.keys(written)) {
		if (key === testsKey) value[key] = items;
		else if (key === "imports") {
			if (isRecord(imports) && imports.suites !== undefined) value.imports = { suites: imports.suites };
		} else if (Object.hasOwn(targeted, key)) value[key] = targeted[key];
	}
	for (const [key, item] of Object.entries(targeted)) if (!Object.hasOwn(value, key)) value[key] = item;
	if (!Object.hasOwn(value, testsKey) && tests.length > 0) value[testsKey] = items;
	return { value, testsKey, origins, testFiles };
}

/** Moves too many tests to files, one for each sequence of them, so that the order stays. */
function composeTests(input: ComposeInput, testsKey: string) {
	const { tests, suite, freePath } = input;
	const dataDirectory = toBundlePath(suite.bundleDirectory, "data");
	const originOf = ({ at }: TestCase): number | undefined => {
		const [key, index] = at.path ?? [];
		const isHere = at.file === suite.file && at.line === undefined && at.path?.length === 2;
		return isHere && key === testsKey && typeof index === "number" ? index : undefined;
	};
	const sizeOf = (test: TestCase) =>
		originOf(test) === undefined ? Buffer.byteLength(JSON.stringify(testValue(input, test, suite.bundleDirectory))) : 0;
	const isTooLarge = tests.reduce((sum, test) => sum + sizeOf(test), 0) > maxInline;
	const items: unknown[] = [];
	const origins: (number | undefined)[] = [];
	const testFiles = new Map<string, unknown[]>();
	let rows: unknown[] | undefined;
	for (const test of tests) {
		const origin = originOf(test);
		if (origin !== undefined || !isTooLarge) {
			rows = undefined;
			items.push(testValue(input, test, suite.bundleDirectory));
			origins.push(origin);
			continue;
		}
		if (!rows) {
			rows = [];
			const path = freePath(toBundlePath(dataDirectory, "tests.jsonl"));
			testFiles.set(path, rows);
			items.push(relativeReference(suite.bundleDirectory, path));
			origins.push(undefined);
		}
		rows.push(testValue(input, test, dataDirectory));
	}
	return { items, origins, testFiles };
}

function testValue(
	{ rewrite, chosen }: ComposeInput,
	test: TestCase,
	directory: string,
): Readonly<Record<string, unknown>> {
	const rewritten = new Rewriter(rewrite, directory).value(test.at);
	const value: Record<string, unknown> = isRecord(rewritten) ? { ...rewritten } : {};
	if (chosen.length > 0) {
		delete value.target;
		if (isRecord(value.execution)) value.execution = without(value.execution, ["target", "targets"]);
	}
	// A case directory's `workspace/` is its implicit template.
	const template = /^case\.ya?ml$/.test(basename(test.at.file)) ? test.workspace?.template : undefined;
	const own = isRecord(value.workspace) ? value.workspace : {};
	if (
		test.workspace &&
		template?.base === test.base &&
		own.template === undefined &&
		typeof value.workspace !== "string"
	) {
		const place = rewrite.places.inArea("template", `${template.base}/workspace`);
		const { isolation } = test.workspace;
		if (place !== undefined) value.workspace = { ...own, template: relativeReference(directory, place), isolation };
	}
	// An id that YAML parses as a number keeps its spelling; a case directory's name is its id.
	return typeof value.id === "string" ? value : { id: test.id, ...without(value, ["id"]) };
}

function withTargets(written: Record<string, unknown>, chosen: readonly string[]): Record<string, unknown> {
	const rest = without(written, ["target", "targets"]);
	if (isRecord(rest.execution)) rest.execution = without(rest.execution, ["target", "targets"]);
	return chosen.length === 1 ? { ...rest, target: chosen[0] } : { ...rest, targets: chosen };
}

function without(value: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
	return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** Returns undefined for a name taken from a directory, which can change. */
function stableName({ suite, tests, loaded }: ComposeInput): string | undefined {
	const name = suite.file === loaded.file ? loaded.name : tests[0]?.suite.name;
	const isNamedByDirectory = /^(evals?|\.eval)$/i.test(basename(suite.file).replace(/\.(ya?ml|jsonl?)$/i, ""));
	const { root, rootKind } = loaded.scope;
	return isNamedByDirectory && (suite.directory === root || rootKind !== "repository") ? undefined : name;
}

/** Flattens the chain under the eval's name; keeps `${{ VAR }}` and rewrites paths. */
function flattenTarget(target: ResolvedTarget, rewriter: Rewriter): Record<string, unknown> {
	const places = new Map<string, Place>();
	for (const [key, { part }] of target.origin) places.set(key, child(part, key).at);
	const { provider, ...settings } = rewriter.mapping(places);
	const judge = settings.grader_target === undefined ? "judge_target" : "grader_target";
	const flat: Record<string, unknown> = { name: target.name, provider: provider ?? target.provider, ...settings };
	// Names selected by variables become fixed, like the chain.
	if (target.graderTarget !== undefined && flat[judge] !== undefined) flat[judge] = target.graderTarget;
	if (target.settings.fallbackTargets) flat.fallback_targets = [...target.settings.fallbackTargets];
	return flat;
}
