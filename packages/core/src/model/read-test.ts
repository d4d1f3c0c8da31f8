import { join, resolve } from "node:path";
import { finding } from "../base/diagnostic.ts";
import { type TestEntry, testEntrySchema } from "../schema/test-entry.ts";
import type {
	Assertion,
	ContentPiece,
	Message,
	Repeat,
	Suite,
	TargetChoice,
	TestCase,
	Turn,
	Workspace,
} from "./eval-types.ts";
import { readAssertions } from "./load-assertions.ts";
import { testIncomplete } from "./load-findings.ts";
import { messageText, readExpected, readMessages, withInputFiles } from "./load-messages.ts";
import type { RawTest } from "./load-tests.ts";
import { readWorkspace } from "./load-workspace.ts";
import type { Loading } from "./loading.ts";
import type { PathText } from "./path-text.ts";
import { readShape } from "./read-shape.ts";
import { child, type Part, placeOf } from "./source.ts";
import { readTargetChoice } from "./target-choice.ts";
import { fillVars } from "./template-vars.ts";

/** What an eval gives to each of its tests. */
export interface TestDefaults {
	readonly suite: Suite;
	readonly tags: readonly string[];
	readonly metadata: Readonly<Record<string, unknown>>;
	/** Messages put before every test's own, for these `vars`. */
	readonly input: (vars: Readonly<Record<string, unknown>>) => readonly Message[];
	readonly inputFiles: readonly ContentPiece[];
	readonly assertions: (vars: Readonly<Record<string, unknown>>) => readonly Assertion[];
	/** Text of PROMPT.md beside the eval. */
	readonly prompt: string | undefined;
}

/** Reads one test. Reports what is wrong and returns `undefined` where it could not run. */
export function readTest(raw: RawTest, defaults: TestDefaults, loading: Loading): TestCase | undefined {
	const vars = varsOf(raw.part.value);
	const part =
		vars === noVars ? raw.part : { ...raw.part, value: { ...fillVars(raw.part.value as object, vars), vars } };
	if (missingId(part)) {
		loading.report(finding(testIncomplete, { id: "", missing: "id" }, part.at));
		return undefined;
	}
	const entry = readShape(testEntrySchema, part, loading);
	if (!entry) return undefined;
	const id = typeof (part.value as { id: unknown }).id === "number" ? (part.written(["id"]) ?? entry.id) : entry.id;
	const { base } = raw;
	const input = inputOf(entry, part, base, defaults, vars);
	const expected =
		entry.expectedOutput === undefined ? [] : readExpected(entry.expectedOutput, child(part, "expected_output"), base);
	const own = ownAssertions(entry, part, base, loading);
	const shared = entry.execution?.skipDefaults ? [] : defaults.assertions(vars);
	const criteria = entry.criteria ?? entry.expectedOutcome;
	const turns = turnsOf(entry, part, base, loading);
	const reported = checkComplete(
		id,
		{
			input,
			graded: criteria !== undefined || expected.length > 0 || own.length + shared.length > 0 || turns.length > 0,
		},
		part,
		loading,
	);
	if (!reported) return undefined;
	const { suite } = defaults;
	const workspace = workspaceOf(entry, raw, part, suite, loading);
	const target = entry.target ?? entry.execution?.target;
	const timeout = entry.timeoutSeconds ?? suite.timeoutSeconds;
	const metadata = mergeMetadata(defaults.metadata, entry.metadata ?? {});
	return {
		id,
		at: part.at,
		base,
		suite,
		input: turns.length > 0 && input.length === 0 ? [] : input,
		expectedMessages: expected,
		assertions: [...own, ...shared],
		vars,
		metadata,
		metadataFiles: metadataFiles(metadata, part, base, suite, loading),
		tags: [...new Set([...defaults.tags, ...tagsOf(entry.tags)])],
		threshold: entry.threshold ?? entry.execution?.threshold ?? suite.threshold,
		repeat: repeatOf(entry.repeat, entry.execution?.trials) ?? suite.repeat,
		dependsOn: entry.dependsOn ?? [],
		onDependencyFailure: entry.onDependencyFailure ?? "skip",
		turns,
		aggregation: entry.aggregation ?? "mean",
		onTurnFailure: entry.onTurnFailure ?? "continue",
		...given("description", entry.description),
		...given("expectedOutput", expected.length > 0 ? messageText(expected[expected.length - 1] as Message) : undefined),
		...given("criteria", criteria),
		...given("conversationId", entry.conversationId),
		...given("workspace", workspace),
		...given("timeoutSeconds", timeout),
		...given("target", target === undefined ? undefined : choiceOf(entry, target, part, base)),
	};
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
	return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}

const noVars: Readonly<Record<string, unknown>> = {};

function varsOf(value: unknown): Readonly<Record<string, unknown>> {
	const vars = typeof value === "object" && value !== null ? (value as { vars?: unknown }).vars : undefined;
	return typeof vars === "object" && vars !== null && !Array.isArray(vars) ? (vars as Record<string, unknown>) : noVars;
}

function missingId(part: Part): boolean {
	if (typeof part.value !== "object" || part.value === null || Array.isArray(part.value)) return false;
	const id = (part.value as { id?: unknown }).id;
	return id === undefined || id === null || id === "";
}

function inputOf(
	entry: TestEntry,
	part: Part,
	base: string,
	defaults: TestDefaults,
	vars: Readonly<Record<string, unknown>>,
): Message[] {
	const own: readonly Message[] =
		entry.input !== undefined
			? readMessages(entry.input, child(part, "input"), base)
			: defaults.prompt !== undefined && !entry.turns
				? [{ role: "user", content: defaults.prompt }]
				: [];
	const written = child(part, "input_files");
	const files = (entry.inputFiles ?? []).map((raw, index): ContentPiece => {
		const at = Array.isArray(written.value) ? placeOf(written, [index]) : written.at;
		return { type: "file", path: { raw, at, base } };
	});
	const shared = defaults.input(vars);
	return withInputFiles([...shared, ...own], files.length > 0 ? files : defaults.inputFiles);
}

function ownAssertions(entry: TestEntry, part: Part, base: string, loading: Loading): Assertion[] {
	for (const key of ["assertions", "assert", "evaluators"] as const) {
		if (entry[key] !== undefined) return readAssertions(child(part, key), base, loading);
	}
	const execution = entry.execution;
	const key = execution?.assertions ? "assertions" : execution?.evaluators ? "evaluators" : undefined;
	return key ? readAssertions(child(part, "execution", key), base, loading) : [];
}

function turnsOf(entry: TestEntry, part: Part, base: string, loading: Loading): Turn[] {
	return (entry.turns ?? []).map((turn, index) => {
		const at = child(part, "turns", index);
		const expected =
			turn.expectedOutput === undefined ? [] : readExpected(turn.expectedOutput, child(at, "expected_output"), base);
		const last = expected[expected.length - 1];
		return {
			input: readMessages(turn.input, child(at, "input"), base),
			assertions: readAssertions(child(at, "assertions"), base, loading),
			...given("expectedOutput", last && messageText(last)),
		};
	});
}

function checkComplete(
	id: string,
	has: { input: readonly Message[]; graded: boolean },
	part: Part,
	loading: Loading,
): boolean {
	const turns = (part.value as { turns?: unknown }).turns !== undefined;
	if (has.input.length === 0 && !turns) loading.report(finding(testIncomplete, { id, missing: "input" }, part.at));
	else if (!has.graded)
		loading.report(finding(testIncomplete, { id, missing: "criteria, expected_output or assertions" }, part.at));
	else return true;
	return false;
}

function workspaceOf(
	entry: TestEntry,
	raw: RawTest,
	part: Part,
	suite: Suite,
	loading: Loading,
): Workspace | undefined {
	const own = entry.workspace === undefined ? undefined : readWorkspace(child(part, "workspace"), raw.base, loading);
	const base =
		own ?? (raw.template ? { isolation: "per_test" as const, repos: [], hooks: {}, env: {}, at: part.at } : undefined);
	const withTemplate = base && raw.template && !base.template ? { ...base, template: raw.template } : base;
	if (!withTemplate || !suite.workspace) return withTemplate;
	// A test's workspace overrides the eval's field by field, so that it may change the template and keep the hooks.
	const written = typeof entry.workspace === "object" ? (entry.workspace as object) : {};
	return {
		...suite.workspace,
		...withTemplate,
		isolation: "isolation" in written || raw.template ? withTemplate.isolation : suite.workspace.isolation,
		repos: withTemplate.repos.length > 0 ? withTemplate.repos : suite.workspace.repos,
		hooks: { ...suite.workspace.hooks, ...withTemplate.hooks },
		env: { ...suite.workspace.env, ...withTemplate.env },
	};
}

function choiceOf(
	entry: TestEntry,
	target: NonNullable<TestEntry["target"]>,
	part: Part,
	base: string,
): TargetChoice | undefined {
	return readTargetChoice(
		target,
		entry.target === undefined ? child(part, "execution", "target") : child(part, "target"),
		base,
	);
}

/** `tags` as a list: a map's entries read `name=value`. */
export function tagsOf(tags: readonly string[] | Readonly<Record<string, string>> | undefined): readonly string[] {
	if (tags === undefined) return [];
	return isList(tags) ? tags : Object.entries(tags).map(([name, value]) => `${name}=${value}`);
}

function isList(value: unknown): value is readonly string[] {
	return Array.isArray(value);
}

type Written =
	| number
	| {
			readonly count: number;
			readonly strategy?: Repeat["strategy"] | undefined;
			readonly earlyExit?: boolean | undefined;
	  }
	| undefined;
type Trials = { readonly count: number; readonly strategy?: string | undefined } | undefined;

/** `repeat`, or the older `execution.trials` whose `pass_at_k` reads as `pass_any`. */
export function repeatOf(repeat: Written, trials: Trials): Repeat | undefined {
	if (typeof repeat === "number") return { count: repeat, strategy: "mean", earlyExit: false };
	if (repeat) return { count: repeat.count, strategy: repeat.strategy ?? "mean", earlyExit: repeat.earlyExit ?? false };
	if (!trials) return undefined;
	const strategies: Record<string, Repeat["strategy"]> = {
		pass_at_k: "pass_any",
		pass_any: "pass_any",
		pass_all: "pass_all",
	};
	return { count: trials.count, strategy: strategies[trials.strategy ?? "pass_at_k"] ?? "mean", earlyExit: false };
}

/** The eval's metadata under the test's: lists are joined without repeats, the test's scalar wins. */
function mergeMetadata(
	shared: Readonly<Record<string, unknown>>,
	own: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
	const merged: Record<string, unknown> = { ...shared, ...own };
	for (const [key, value] of Object.entries(own)) {
		const before = shared[key];
		if (Array.isArray(before) && Array.isArray(value)) merged[key] = [...new Set([...before, ...value])];
	}
	return merged;
}

/** Strings under `…_file` and `…_path` are references where such a file exists relative to the eval. */
function metadataFiles(
	metadata: Readonly<Record<string, unknown>>,
	part: Part,
	base: string,
	suite: Suite,
	loading: Loading,
): PathText[] {
	const found: PathText[] = [];
	const own = (part.value as { metadata?: Record<string, unknown> }).metadata ?? {};
	const look = (value: unknown, path: (string | number)[]): void => {
		if (Array.isArray(value)) for (const [index, item] of value.entries()) look(item, [...path, index]);
		else if (typeof value === "object" && value !== null)
			for (const [key, item] of Object.entries(value)) look(item, [...path, key]);
		else if (typeof value === "string" && value !== "" && isFileKey(path)) {
			const at = Object.hasOwn(own, path[0] as string) ? placeOf(part, ["metadata", ...path]) : part.at;
			const directory = [suite.scope.directory, base].find(
				(candidate) => loading.view.kind(resolve(candidate, value)) !== "missing",
			);
			if (directory) found.push({ raw: value, at, base: directory });
		}
	};
	look(metadata, []);
	return found;
}

function isFileKey(path: readonly (string | number)[]): boolean {
	const key = [...path].reverse().find((part) => typeof part === "string");
	return typeof key === "string" && /_(file|path)s?$/.test(key);
}

/** Where a PROMPT.md would stand for an eval in `directory`. */
export function promptFile(directory: string): string {
	return join(directory, "PROMPT.md");
}
