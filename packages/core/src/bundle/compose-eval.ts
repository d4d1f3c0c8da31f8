import { basename } from "node:path";
import type { LoadedEval, TestCase } from "../eval/eval-types.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { child } from "../eval/source.ts";
import type { Place } from "../lib/errors.ts";
import { isRecord, relativeReference, type SuitePlace, toBundlePath } from "./layout.ts";
import { type RewriteInput, Rewriter } from "./rewriter.ts";

/** Bytes of JSON. Larger test data from other files goes to a separate file. */
const largestInline = 256 * 1024;

interface ComposeInput {
	readonly rewrite: RewriteInput;
	readonly loaded: LoadedEval;
	readonly suite: SuitePlace;
	readonly tests: readonly TestCase[];
	/** Names from `--target`, which the eval then runs against. */
	readonly chosen: readonly string[];
	/** Returns an unused bundle path. */
	readonly freePath: (wanted: string) => string;
}

/** An eval file for the bundle, as plain values. */
export interface ComposedEval {
	readonly value: Readonly<Record<string, unknown>>;
	readonly testsKey: string;
	/** The index of each new test in the source's list; undefined for tests from other files. */
	readonly origins: readonly (number | undefined)[];
	/** Bundle path → rows, for test data that is too large to inline. */
	readonly testFiles: ReadonlyMap<string, readonly unknown[]>;
}

/** Composes an eval file: tests inlined, references rewritten, targets selected. */
export function composeEval(input: ComposeInput): ComposedEval {
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

/** Too many tests from other files are moved to files, one for each run of them: the order stays. */
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
	const isTooLarge = tests.reduce((sum, test) => sum + sizeOf(test), 0) > largestInline;
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

/** Returns a test for a bundle file in `directory`. */
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

/** Flattens the chain under the eval's name, with `${{ VAR }}` kept and paths rewritten. */
export function flattenTarget(target: ResolvedTarget, rewriter: Rewriter): Record<string, unknown> {
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
