import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { type EvalEnvelope, type TestEntry, testEntrySchema } from "../format/eval-file.ts";
import { AgentvError, finding } from "../lib/errors.ts";
import { lookUp } from "../lib/interpolate.ts";
import { exactData } from "../lib/json.ts";
import { globFiles, splitGlob } from "../machine/find-files.ts";
import { checkNames, checkNamesOfFile, checkTestNames } from "./check-tests.ts";
import { ownFiles } from "./discover-evals.ts";
import type {
	Assertion,
	ContentPiece,
	LoadedFile,
	Message,
	Repeat,
	Suite,
	TargetChoice,
	TestCase,
	Turn,
	Workspace,
} from "./eval-types.ts";
import { checkFields, readAssertions, readRubrics } from "./load-assertions.ts";
import { pathMissing, testIncomplete, testsEmpty } from "./load-findings.ts";
import {
	fillVars,
	inputFilePieces,
	messageText,
	noVars,
	readExpected,
	readMessages,
	varsOf,
	withInputFiles,
	withVars,
	withVarsInGraders,
} from "./load-messages.ts";
import { readTargetChoice } from "./load-targets.ts";
import { readWorkspace } from "./load-workspace.ts";
import type { Loading } from "./loading.ts";
import { type PathText, readShape, stripScheme } from "./read-shape.ts";
import { child, type Part, placeOf, type Vars } from "./source.ts";

export interface RawTest {
	readonly part: Part;
	readonly base: string;
	/** Template from a directory of cases: its `workspace/`. */
	readonly template?: PathText | undefined;
}

export function collectTests(part: Part, base: string, loading: Loading): RawTest[] {
	if (typeof part.value === "string")
		return testsOfPath({ kind: "tests", raw: part.value, at: part.at, base }, loading, []);
	if (Array.isArray(part.value)) return testsOfList(part, base, loading, []);
	if (part.value === undefined || part.value === null) return [];
	loading.shape(part.at, "tests", "expected a list of tests or a path");
	return [];
}

function testsOfList(part: Part, base: string, loading: Loading, trail: readonly string[]): RawTest[] {
	return (part.value as unknown[]).flatMap((entry, index): RawTest[] => {
		const item = child(part, index);
		if (typeof entry === "string") return testsOfPath({ kind: "tests", raw: entry, at: item.at, base }, loading, trail);
		const fields = typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>) : {};
		if (typeof fields.include === "string" && fields.id === undefined) {
			return testsOfPath({ kind: "tests", raw: fields.include, at: child(item, "include").at, base }, loading, trail);
		}
		return [{ part: item, base }];
	});
}

/** The path is a file, a directory of cases, or a glob. `trail` lists including files. */
export function testsOfPath(path: PathText, loading: Loading, trail: readonly string[]): RawTest[] {
	const raw = stripScheme(path.raw);
	if (/[*?[\]{}]/.test(raw) && !raw.includes("{{") && loading.view.kind(join(path.base, raw)) === "missing")
		return testsOfGlob(path, raw, loading, trail);
	const resolved = loading.resolve(path);
	if (resolved === undefined) return [];
	return loading.view.kind(resolved) === "directory"
		? testsOfDirectory(resolved, path, loading)
		: testsOfFile(resolved, path, loading, trail);
}

function testsOfGlob(path: PathText, raw: string, loading: Loading, trail: readonly string[]): RawTest[] {
	const directory = resolve(path.base, splitGlob(raw).base);
	loading.files.push({ path, resolved: directory, found: "glob" });
	if (loading.refuses(directory, { raw: path.raw, kind: "test data", at: path.at })) return [];
	const files = filesOfGlob(path, raw, loading);
	if (!files) return [];
	if (files.length === 0)
		loading.report(
			finding(pathMissing, { raw: path.raw, kind: "test data", lookedIn: loading.shown(path.base) }, path.at),
		);
	return files.flatMap((file) => {
		loading.files.push(listedFile(path, file));
		return testsOfFile(file, path, loading, trail);
	});
}

function filesOfGlob({ at, base }: PathText, raw: string, loading: Loading): string[] | undefined {
	try {
		return globFiles(raw, base, { ignore: [ownFiles], budget: loading.globBudget });
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		loading.shape(at, "tests", error.message);
		return undefined;
	}
}

function listedFile(path: PathText, file: string): LoadedFile {
	const raw = relative(path.base, file).split(sep).join("/");
	return { path: { ...path, raw }, resolved: file, found: "listed" };
}

function testsOfDirectory(directory: string, path: PathText, loading: Loading): RawTest[] {
	const cases = loading.view.list(directory).flatMap((name) => {
		const folder = join(directory, name);
		const file = ["case.yaml", "case.yml"]
			.map((ending) => join(folder, ending))
			.find((candidate) => loading.view.kind(candidate) === "file");
		return file ? [{ folder, file }] : [];
	});
	if (cases.length === 0)
		loading.report(finding(testsEmpty, { reason: `no subdirectory of ${path.raw} contains a case.yaml` }, path.at));
	return cases.flatMap(({ folder, file }) => {
		loading.files.push(listedFile(path, file));
		const part = loading.read(file, path.at)?.parts[0];
		if (!part || part.value === undefined) return [];
		const id = (part.value as { id?: unknown } | null)?.id;
		const named =
			id === undefined && typeof part.value === "object"
				? { ...part, value: { id: basename(folder), ...part.value } }
				: part;
		const template = join(folder, "workspace");
		const hasTemplate = loading.view.kind(template) === "directory";
		return [
			{
				part: named,
				base: folder,
				template: hasTemplate ? { kind: "template", raw: "./workspace", at: part.at, base: folder } : undefined,
			},
		];
	});
}

function testsOfFile(file: string, path: PathText, loading: Loading, trail: readonly string[]): RawTest[] {
	if (trail.includes(file)) {
		loading.shape(
			path.at,
			"tests",
			`files include each other in a cycle: ${[...trail, file].map((path) => loading.shown(path)).join(" → ")}`,
		);
		return [];
	}
	const source = loading.read(file, path.at);
	if (!source) return [];
	const base = dirname(file);
	if (file.endsWith(".jsonl")) {
		if (source.parts.length === 0 && source.diagnostics.length === 0)
			loading.report(finding(testsEmpty, { reason: `${path.raw} contains no test` }, path.at));
		return source.parts.map((part) => ({ part, base }));
	}
	const root = source.parts[0];
	if (!root || root.value === undefined) return [];
	const list = Array.isArray(root.value) ? root : child(root, "tests");
	if (!Array.isArray(list.value)) {
		if (source.diagnostics.length === 0)
			loading.shape({ file, path: [] }, "tests", "expected a list of tests, or a mapping with `tests`");
		return [];
	}
	return testsOfList(list, base, loading, [...trail, file]);
}

/** Returns undefined, after reporting, if the test can't run. */
export function readTest(raw: RawTest, defaults: TestDefaults, loading: Loading): TestCase | undefined {
	const vars = varsOf(raw.part, (characters) => loading.mayInsert(characters, raw.part.at));
	const part = withVars(raw.part, vars);
	if (missingId(part)) {
		loading.report(finding(testIncomplete, { id: "", missing: "id" }, part.at));
		return undefined;
	}
	const entry = readShape(testEntrySchema, part, loading);
	if (!entry) return failed(part, loading);
	checkTestNames(raw.part, vars, loading);
	const { id } = entry;
	const { base } = raw;
	const input = inputOf(entry, part, base, defaults);
	const expected =
		entry.expectedOutput === undefined ? [] : readExpected(entry.expectedOutput, child(part, "expected_output"), base);
	const own = ownAssertions(entry, part, base, loading);
	const shared = entry.execution?.skipDefaults ? [] : defaults.assertions(vars);
	const criteria = entry.criteria ?? entry.expectedOutcome;
	const turns = readTurns(entry, part, base, defaults, input, loading);
	const isGraded = (criteria ?? "").trim() !== "" || [expected, own, shared, turns].some(({ length }) => length > 0);
	if (!checkComplete(id, { input, graded: isGraded }, part, loading)) return failed(part, loading);
	checkFields({ assertions: [...own, ...shared], expected, turns }, loading);
	const { suite } = defaults;
	const metadata = mergeMetadata(
		defaults.metadata,
		exactData(entry.metadata ?? {}, (path) => part.written(["metadata", ...path])),
	);
	return {
		id,
		at: part.at,
		base,
		suite,
		input,
		expectedMessages: expected,
		assertions: [...own, ...shared],
		vars: entry.vars ?? {},
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
		description: entry.description,
		expectedOutput: lastText(expected),
		criteria,
		conversationId: entry.conversationId,
		workspace: workspaceOf(entry, raw, part, suite, loading),
		timeoutSeconds: entry.timeoutSeconds ?? suite.timeoutSeconds,
		target: choiceOf(entry, part, base),
	};
}

function failed(part: Part, loading: Loading): undefined {
	const id = (part.value as { id?: unknown } | null)?.id;
	if (typeof id === "string" || typeof id === "number") loading.failedTests.add(part.written(["id"]) ?? String(id));
}

function lastText(messages: readonly Message[]): string | undefined {
	const last = messages.at(-1);
	return last && messageText(last);
}

function missingId(part: Part): boolean {
	if (typeof part.value !== "object" || part.value === null || Array.isArray(part.value)) return false;
	const id = (part.value as { id?: unknown }).id;
	return id === undefined || id === null || id === "";
}

function inputOf(entry: TestEntry, part: Part, base: string, defaults: TestDefaults): Message[] {
	const vars = part.vars ?? noVars;
	const own: readonly Message[] =
		entry.input !== undefined ? readMessages(entry.input, child(part, "input"), base) : promptOf(entry, defaults, vars);
	const attached = ownOrShared(entry, part, base, defaults);
	const shared = defaults.input(vars);
	// They belong to the test's own question; only a test without one uses the shared input.
	return own.some(isQuestion)
		? [...shared, ...withInputFiles(own, attached)]
		: withInputFiles([...shared, ...own], attached);
}

function isQuestion({ role }: Message): boolean {
	return role === "user";
}

function ownOrShared(entry: TestEntry, part: Part, base: string, defaults: TestDefaults): readonly ContentPiece[] {
	const files = inputFilePieces(entry.inputFiles, child(part, "input_files"), base);
	return files.length > 0 ? files : defaults.inputFiles;
}

/** PROMPT.md next to the eval is the input of tests without one. */
function promptOf(entry: TestEntry, defaults: TestDefaults, vars: Vars): Message[] {
	const text = entry.turns ? undefined : defaults.prompt(vars);
	return text === undefined ? [] : [{ role: "user", content: text }];
}

function ownAssertions(entry: TestEntry, part: Part, base: string, loading: Loading): Assertion[] {
	const { execution } = entry;
	const flat = (["assertions", "assert", "evaluators"] as const).filter((key) => entry[key] !== undefined);
	const older = (["assertions", "evaluators"] as const).filter((key) => execution?.[key] !== undefined);
	const places = [...flat.map((key) => child(part, key)), ...older.map((key) => child(part, "execution", key))];
	const written = places[0] ? readAssertions(places[0], base, loading) : [];
	const rubrics = entry.rubrics === undefined ? [] : readRubrics(entry.rubrics, child(part, "rubrics"), base);
	return [...written, ...rubrics];
}

function turnsOf(entry: TestEntry, part: Part, base: string, loading: Loading): Turn[] {
	return (entry.turns ?? []).map((turn, index) => {
		const at = child(part, "turns", index);
		const expected =
			turn.expectedOutput === undefined ? [] : readExpected(turn.expectedOutput, child(at, "expected_output"), base);
		return {
			input: readMessages(turn.input, child(at, "input"), base),
			assertions: readAssertions(child(at, "assertions"), base, loading),
			expectedOutput: lastText(expected),
		};
	});
}

/** Input files belong to the first question: without an input the first turn's. */
function readTurns(
	entry: TestEntry,
	part: Part,
	base: string,
	defaults: TestDefaults,
	input: readonly Message[],
	loading: Loading,
): readonly Turn[] {
	const turns = turnsOf(entry, part, base, loading);
	const [first, ...others] = turns;
	if (entry.mode === "conversation" && !first)
		loading.shape(child(part, "mode").at, "mode", "a conversation needs `turns`");
	const files = ownOrShared(entry, part, base, defaults);
	if (files.length === 0 || input.some(isQuestion)) return turns;
	if (first?.input.some(isQuestion)) return [{ ...first, input: withInputFiles(first.input, files) }, ...others];
	if (entry.inputFiles)
		loading.shape(child(part, "input_files").at, "input_files", "the test has no `user` message that they belong to");
	return turns;
}

function checkComplete(
	id: string,
	has: { input: readonly Message[]; graded: boolean },
	part: Part,
	loading: Loading,
): boolean {
	const turns = (part.value as { turns?: unknown }).turns !== undefined;
	if (has.input.every(isBlank) && !turns) loading.report(finding(testIncomplete, { id, missing: "input" }, part.at));
	else if (!has.graded)
		loading.report(finding(testIncomplete, { id, missing: "criteria, expected_output or assertions" }, part.at));
	else return true;
	return false;
}

function isBlank({ content, toolCalls }: Message): boolean {
	return typeof content === "string" && content.trim() === "" && !toolCalls;
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
	// A test's workspace overrides the eval's field by field, so that it can change the template
	// and keep the hooks.
	const written = typeof entry.workspace === "object" ? (entry.workspace as object) : {};
	return {
		...suite.workspace,
		...withTemplate,
		template: withTemplate.template ?? suite.workspace.template,
		isolation: "isolation" in written || raw.template ? withTemplate.isolation : suite.workspace.isolation,
		repos: withTemplate.repos.length > 0 ? withTemplate.repos : suite.workspace.repos,
		hooks: { ...suite.workspace.hooks, ...withTemplate.hooks },
		env: { ...suite.workspace.env, ...withTemplate.env },
	};
}

function choiceOf({ target, execution }: TestEntry, part: Part, base: string): TargetChoice | undefined {
	return target === undefined
		? readTargetChoice(execution?.target, child(part, "execution", "target"), base)
		: readTargetChoice(target, child(part, "target"), base);
}

interface TestDefaults {
	readonly suite: Suite;
	readonly tags: readonly string[];
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly input: (vars: Vars) => readonly Message[];
	readonly inputFiles: readonly ContentPiece[];
	readonly assertions: (vars: Vars) => readonly Assertion[];
	/** Returns PROMPT.md next to the eval; a call records that the file is needed. */
	readonly prompt: (vars: Vars) => string | undefined;
	/** Reads what no test needed, so that its problems are reported, too. */
	readonly finish: () => void;
}

export function testDefaults(suite: Suite, envelope: EvalEnvelope, part: Part, loading: Loading): TestDefaults {
	const base = loading.scope.directory;
	const assertionsPart = gradersPart(envelope, part);
	const inputPart = child(part, "input");
	const input = perVars(
		() => envelope.input,
		(vars) => {
			if (envelope.input === undefined) return [];
			checkNames(inputPart, vars, loading);
			return readMessages(fillVars(envelope.input, vars), inputPart, base);
		},
	);
	const assertions = perVars(
		() => assertionsPart?.value,
		(vars) => (assertionsPart ? readAssertions(withVarsInGraders(assertionsPart, vars), base, loading) : []),
		// A prompt file or an include can contain variables, too.
		(value) => /"(prompt|include)":/.test(value),
	);
	return {
		suite,
		tags: tagsOf(envelope.tags),
		metadata: exactData(envelope.metadata ?? {}, child(part, "metadata").written),
		input: input.of,
		inputFiles: inputFilePieces(envelope.inputFiles, child(part, "input_files"), base),
		assertions: assertions.of,
		prompt: promptFile(base, suite.file, loading),
		finish: () => {
			if (!assertions.isRead()) assertions.of(noVars);
		},
	};
}

function gradersPart({ assertions, assert, evaluators, execution }: EvalEnvelope, part: Part): Part | undefined {
	if (assertions !== undefined) return child(part, "assertions");
	if (assert !== undefined) return child(part, "assert");
	if (evaluators !== undefined) return child(part, "evaluators");
	if (execution?.assertions !== undefined) return child(part, "execution", "assertions");
	return execution?.evaluators === undefined ? undefined : child(part, "execution", "evaluators");
}

/** Reads once for all tests, or for each test with `vars` if the value uses any. */
function perVars<Result>(
	value: () => unknown,
	read: (vars: Vars) => Result,
	varies: (json: string) => boolean = () => false,
) {
	let plain: Result | undefined;
	let isRead = false;
	let namesSome: boolean | undefined;
	const isVarying = () => {
		if (namesSome === undefined) {
			const json = JSON.stringify(value() ?? null);
			namesSome = json.includes("{{") || varies(json);
		}
		return namesSome;
	};
	return {
		isRead: () => isRead,
		of: (vars: Vars): Result => {
			isRead = true;
			if (vars.isGiven && isVarying()) return read(vars);
			plain ??= read(noVars);
			return plain;
		},
	};
}

function promptFile(directory: string, evalFile: string, loading: Loading): TestDefaults["prompt"] {
	const file = join(directory, "PROMPT.md");
	const exists = loading.view.kind(file) === "file";
	let text: string | undefined;
	return (vars) => {
		if (!exists) return undefined;
		if (text === undefined) {
			const path: PathText = {
				kind: "prompt-file",
				raw: "./PROMPT.md",
				at: { file: evalFile, path: [] },
				base: directory,
			};
			loading.files.push({ path, resolved: file });
			text = loading.plainText(file, path.at) ?? "";
		}
		checkNamesOfFile(text, file, vars, loading);
		return fillVars(text.trim(), vars);
	};
}

/** Joins lists without repeats; the test's scalar wins. */
function mergeMetadata(
	shared: Readonly<Record<string, unknown>>,
	own: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
	const merged: Record<string, unknown> = { ...shared, ...own };
	for (const [key, value] of Object.entries(own)) {
		const before = lookUp(shared, key);
		if (Array.isArray(before) && Array.isArray(value)) merged[key] = [...new Set([...before, ...value])];
	}
	return merged;
}

/** Strings under `…_file` and `…_path` count if the file exists. */
function metadataFiles(
	metadata: Readonly<Record<string, unknown>>,
	part: Part,
	base: string,
	suite: Suite,
	loading: Loading,
): PathText[] {
	const files: PathText[] = [];
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
			if (directory) files.push({ kind: "metadata-file", raw: value, at, base: directory });
		}
	};
	look(metadata, []);
	return files;
}

function isFileKey(path: readonly (string | number)[]): boolean {
	const key = [...path].reverse().find((part) => typeof part === "string");
	return typeof key === "string" && /_(file|path)s?$/.test(key);
}

/** A map's entries become `name=value`. */
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

/** The deprecated `pass_at_k` of `execution.trials` means `pass_any`. */
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
