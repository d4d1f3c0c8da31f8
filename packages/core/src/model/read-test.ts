import { finding } from "../base/diagnostic.ts";
import { exactData } from "../base/written-json.ts";
import { type TestEntry, testEntrySchema } from "../schema/test-entry.ts";
import { checkTestNames } from "./check-names.ts";
import type { Assertion, ContentPiece, Message, Suite, TargetChoice, TestCase, Turn, Workspace } from "./eval-types.ts";
import { checkFields } from "./field-paths.ts";
import { readAssertions, readRubrics } from "./load-assertions.ts";
import { testIncomplete } from "./load-findings.ts";
import { inputFilePieces, messageText, readExpected, readMessages, withInputFiles } from "./load-messages.ts";
import type { RawTest } from "./load-tests.ts";
import { readWorkspace } from "./load-workspace.ts";
import type { Loading } from "./loading.ts";
import { mergeMetadata, metadataFiles } from "./read-metadata.ts";
import { repeatOf } from "./read-repeat.ts";
import { readShape } from "./read-shape.ts";
import { tagsOf } from "./read-tags.ts";
import { child, type Part, type Vars } from "./source.ts";
import { readTargetChoice } from "./target-choice.ts";
import { noVars, varsOf, withVars } from "./template-vars.ts";
import type { TestDefaults } from "./test-defaults.ts";

/** Reads a test. Reports its problems and returns undefined if it can't run. */
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
	const workspace = workspaceOf(entry, raw, part, suite, loading);
	const target = entry.target ?? entry.execution?.target;
	const metadata = mergeMetadata(
		defaults.metadata,
		exactData(entry.metadata ?? {}, (path) => part.written(["metadata", ...path])),
	);
	return {
		id,
		at: part.at,
		base,
		suite,
		input: turns.length > 0 && input.length === 0 ? [] : input,
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
		...given("description", entry.description),
		...given("expectedOutput", expected.length > 0 ? messageText(expected[expected.length - 1] as Message) : undefined),
		...given("criteria", criteria),
		...given("conversationId", entry.conversationId),
		...given("workspace", workspace),
		...given("timeoutSeconds", entry.timeoutSeconds ?? suite.timeoutSeconds),
		...given("target", target === undefined ? undefined : choiceOf(entry, target, part, base)),
	};
}

function failed(part: Part, loading: Loading): undefined {
	const id = (part.value as { id?: unknown } | null)?.id;
	if (typeof id === "string" || typeof id === "number") loading.failedTests.add(part.written(["id"]) ?? String(id));
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
	return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
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

/** Two spellings are an error that is reported elsewhere. */
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
		const last = expected[expected.length - 1];
		return {
			input: readMessages(turn.input, child(at, "input"), base),
			assertions: readAssertions(child(at, "assertions"), base, loading),
			...given("expectedOutput", last && messageText(last)),
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

/** A message without text, file or call. */
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
	// A test's workspace overrides the eval's field by field, so that it can change the template and
	// keep the hooks.
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
