import { basename } from "node:path";
import type { EvalScope } from "../eval/discover-evals.ts";
import type { LoadedEval, TestCase } from "../eval/eval-types.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { child } from "../eval/source.ts";
import type { Place } from "../lib/errors.ts";
import { isRecord, relativeReference, type SuitePlace, toBundlePath } from "./layout.ts";
import { type RewriteInput, Rewriter } from "./rewriter.ts";

/** Bytes of JSON. Larger test data from other files goes to a separate file. */
export const largestInline = 256 * 1024;

export interface ComposeInput extends RewriteInput {
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
	/** The index of each new test in the source's list; undefined for tests from other files. */
	readonly origins: readonly (number | undefined)[];
	readonly testsKey: string;
	/** Bundle path → rows, for test data that is too large to inline. */
	readonly testFiles: ReadonlyMap<string, readonly unknown[]>;
}

/** Composes an eval file: tests inlined, references rewritten, targets selected. */
export function composeEval(input: ComposeInput): ComposedEval {
	const { raw, suite, tests, chosen } = input;
	const document = raw.document(suite.file);
	const written = isRecord(document) ? document : {};
	const testsKey = ["tests", "eval_cases", "evalcases"].find((key) => written[key] !== undefined) ?? "tests";
	const entries = new Map(Object.keys(written).map((key) => [key, { file: suite.file, path: [key] }] as const));
	const {
		[testsKey]: _tests,
		imports,
		...rest
	} = new Rewriter(input, suite.bundleDirectory).mapping(new Map([...entries].filter(([key]) => key !== testsKey)));
	const list = new TestList(input, testsKey);
	const suites = isRecord(imports) && imports.suites !== undefined ? { imports: { suites: imports.suites } } : {};
	const name = written.name === undefined ? stableName(input) : undefined;
	const targeted = chosen.length > 0 ? withTargets(rest, chosen) : rest;
	const ordered: Record<string, unknown> = name === undefined ? {} : { name };
	for (const key of Object.keys(written)) {
		if (key === testsKey) ordered[key] = list.items;
		else if (key === "imports") Object.assign(ordered, suites);
		else if (Object.hasOwn(targeted, key)) ordered[key] = targeted[key];
	}
	for (const [key, value] of Object.entries(targeted)) if (!Object.hasOwn(ordered, key)) ordered[key] = value;
	if (!Object.hasOwn(ordered, testsKey) && tests.length > 0) ordered[testsKey] = list.items;
	return { value: ordered, origins: list.origins, testsKey, testFiles: list.files };
}

class TestList {
	readonly items: unknown[] = [];
	readonly origins: (number | undefined)[] = [];
	readonly files = new Map<string, readonly unknown[]>();
	readonly #input: ComposeInput;
	readonly #key: string;

	constructor(input: ComposeInput, key: string) {
		this.#input = input;
		this.#key = key;
		const { tests, suite } = input;
		const isInline = (test: TestCase) => this.#inlineIndex(test) !== undefined;
		const outside = tests.filter((test) => !isInline(test));
		const inlined = outside.map((test) => testValue(input, test, suite.bundleDirectory));
		const size = inlined.reduce((sum: number, value) => sum + Buffer.byteLength(JSON.stringify(value)), 0);
		if (size > largestInline) this.#withFiles();
		else for (const test of tests) this.#add(test);
	}

	#inlineIndex({ at }: TestCase): number | undefined {
		const [key, index] = at.path ?? [];
		const here = at.file === this.#input.suite.file && at.line === undefined && at.path?.length === 2;
		return here && key === this.#key && typeof index === "number" ? index : undefined;
	}

	#add(test: TestCase): void {
		this.items.push(testValue(this.#input, test, this.#input.suite.bundleDirectory));
		this.origins.push(this.#inlineIndex(test));
	}

	/** Moves each run of tests from other files to one file, so that the order stays. */
	#withFiles(): void {
		const { tests, suite, freePath } = this.#input;
		const directory = toBundlePath(suite.bundleDirectory, "data");
		let rows: unknown[] | undefined;
		for (const test of tests) {
			if (this.#inlineIndex(test) !== undefined) {
				rows = undefined;
				this.#add(test);
				continue;
			}
			if (!rows) {
				rows = [];
				const path = freePath(toBundlePath(directory, "tests.jsonl"));
				this.files.set(path, rows);
				this.items.push(relativeReference(suite.bundleDirectory, path));
				this.origins.push(undefined);
			}
			rows.push(testValue(this.#input, test, directory));
		}
	}
}

/** Returns a test for a bundle file in `directory`. */
function testValue(input: ComposeInput, test: TestCase, directory: string): Record<string, unknown> {
	const rewritten = new Rewriter(input, directory).value(test.at);
	const value: Record<string, unknown> = isRecord(rewritten) ? { ...rewritten } : {};
	if (typeof value.id !== "string") {
		// An id that YAML parses as a number keeps its spelling; a case directory's name is its id.
		const { id: _id, ...rest } = value;
		return finishTest(input, test, directory, { id: test.id, ...rest });
	}
	return finishTest(input, test, directory, value);
}

function finishTest(
	{ chosen, places, loaded }: ComposeInput,
	test: TestCase,
	directory: string,
	value: Record<string, unknown>,
): Record<string, unknown> {
	if (chosen.length > 0) {
		delete value.target;
		if (isRecord(value.execution)) value.execution = without(value.execution, ["target", "targets"]);
	}
	const { workspace } = test;
	const template = workspace?.template;
	// A case directory's `workspace/` is its implicit template.
	const implied = /^case\.ya?ml$/.test(basename(test.at.file)) && template?.base === test.base;
	const own = isRecord(value.workspace) ? value.workspace : {};
	if (!workspace || !template || !implied || own.template !== undefined || typeof value.workspace === "string")
		return value;
	const place = places.inArea("template", `${template.base}/workspace`);
	if (place === undefined || loaded.tests.length === 0) return value;
	value.workspace = { ...own, template: relativeReference(directory, place), isolation: workspace.isolation };
	return value;
}

function withTargets(written: Record<string, unknown>, chosen: readonly string[]): Record<string, unknown> {
	const rest = without(written, ["target", "targets"]);
	const execution = isRecord(rest.execution) ? without(rest.execution, ["target", "targets"]) : undefined;
	const others = execution === undefined ? rest : { ...rest, execution };
	return chosen.length === 1 ? { ...others, target: chosen[0] } : { ...others, targets: chosen };
}

function without(value: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
	return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** Returns undefined for a name taken from a directory, which can change. */
function stableName({ suite, tests, loaded }: ComposeInput): string | undefined {
	const name = suite.file === loaded.file ? loaded.name : tests[0]?.suite.name;
	const stem = basename(suite.file).replace(/\.(ya?ml|jsonl?)$/i, "");
	if (!/^(evals?|.*\.eval)$/i.test(stem) || /^.+\.eval$/i.test(stem)) return name;
	return isTopDirectory(loaded.scope, suite) ? undefined : name;
}

function isTopDirectory(scope: EvalScope, { directory }: SuitePlace): boolean {
	return directory === scope.root || scope.rootKind !== "repository";
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
