import type { EvalEnvelope, MessageEntry, PreprocessorEntry, RepeatEntry, TestEntry } from "../format/eval-file.ts";
import type { HookEntry, WorkspaceEntry } from "../format/target-file.ts";
import type { AssertionSettings, AssertionType } from "../grading/graders/index.ts";
import type { Diagnostic, Place } from "../lib/errors.ts";
import type { SourceRange } from "../lib/yaml-document.ts";
import type { CommandSpec } from "./command.ts";
import type { EvalScope } from "./discover-evals.ts";
import type { PathText } from "./read-shape.ts";
import type { Part, PlacedVariable, Source } from "./source.ts";

/** Files and images are not read yet. */
export type ContentPiece =
	| { readonly type: "text"; readonly text: string }
	| { readonly type: "file" | "image"; readonly path: PathText; readonly mediaType?: string | undefined };

/** `name`: the speaker, for graders and records; targets only get roles. */
export interface Message extends Readonly<Omit<MessageEntry, "content">> {
	readonly content: string | readonly ContentPiece[];
}

export interface AssertionBase {
	/** Not necessarily unique among its siblings; default: the type. */
	readonly name: string;
	readonly weight: number;
	readonly required: boolean;
	readonly minScore?: number | undefined;
	readonly negate: boolean;
	readonly at: Place;
	readonly base: string;
	/** Keys that its type does not define; a program gets them as `config`. */
	readonly rest: Readonly<Record<string, unknown>>;
	readonly command?: CommandSpec | undefined;
	/** A prompt that is text is in `settings` instead. */
	readonly promptFile?: PathText | undefined;
	readonly promptText?: string | undefined;
	readonly parts?: readonly Assertion[] | undefined;
	/** The include that added it, for bundles that inline it. */
	readonly includedBy?: PathText | undefined;
}

export type AssertionWith<Type extends string, Settings> = AssertionBase & {
	readonly type: Type;
	readonly settings: Settings;
};

export type BuiltInAssertion = { [Type in AssertionType]: AssertionWith<Type, AssertionSettings<Type>> }[AssertionType];

/** `.agentv/graders/` or `.agentv/assertions/` contains the program. */
export interface CustomAssertion extends AssertionBase {
	readonly type: "custom";
	readonly customType: string;
	readonly program: string;
	/** Default: the directory of the file that defines the entry. */
	readonly cwd?: PathText | undefined;
	readonly settings: {
		readonly config?: Readonly<Record<string, unknown>> | undefined;
		readonly timeoutSeconds?: number;
	};
}

export type Assertion = BuiltInAssertion | CustomAssertion;

export interface Hook extends Readonly<Pick<HookEntry, "timeoutMs" | "reset">> {
	readonly command?: CommandSpec | undefined;
	readonly at: Place;
}

export const hookNames = ["beforeAll", "beforeEach", "afterEach", "afterAll"] as const;
export type HookName = (typeof hookNames)[number];
export type Hooks = { readonly [Name in HookName]?: Hook };

export interface WorkspaceRepo {
	/** Relative to the workspace, without leading `./`. */
	readonly path: string;
	/** As written: `org/name`, URL, or local path. */
	readonly repo: string;
	readonly repoAt: Place;
	readonly local?: PathText | undefined;
	readonly commit?: string | undefined;
	readonly commitAt?: Place | undefined;
	readonly sparse?: readonly string[] | undefined;
	readonly ancestor: number;
	readonly at: Place;
}

export interface Workspace {
	readonly template?: PathText | undefined;
	readonly isolation: NonNullable<WorkspaceEntry["isolation"]>;
	readonly repos: readonly WorkspaceRepo[];
	readonly hooks: Hooks;
	readonly env: Readonly<Record<string, string>>;
	readonly at: Place;
	readonly file?: PathText | undefined;
}

export type AgentRuleKind = "skills" | "hooks" | "agents" | "rules";

export type Extension =
	| {
			readonly kind: "module";
			readonly module: PathText;
			readonly exportName: HookName;
			/** Per call; default: as for hooks. */
			readonly timeoutMs?: number | undefined;
			readonly at: Place;
	  }
	| {
			readonly kind: "agent-rules";
			readonly hook: HookName;
			readonly paths?: { readonly [Kind in AgentRuleKind]?: readonly PathText[] } | undefined;
			readonly at: Place;
	  };

export interface Preprocessor extends Readonly<Pick<PreprocessorEntry, "type" | "timeoutSeconds">> {
	readonly command: CommandSpec;
}

export type TargetChoice =
	| { readonly name: string; readonly at: Place }
	| {
			readonly inline: Readonly<Record<string, unknown>>;
			readonly name: string;
			readonly part: Part;
			readonly at: Place;
			readonly base: string;
	  };

type Filled<Entry> = { readonly [Key in keyof Entry]-?: NonNullable<Entry[Key]> };

export type Repeat = Filled<RepeatEntry>;

export interface Turn {
	readonly input: readonly Message[];
	readonly expectedOutput?: string | undefined;
	readonly assertions: readonly Assertion[];
}

/** Own values of a test, else those of its eval. */
interface Limits {
	readonly workspace?: Workspace | undefined;
	readonly threshold: number;
	readonly timeoutSeconds?: number | undefined;
	readonly repeat: Repeat;
}

/** Shared by the tests of one eval file. An imported test keeps its own suite. */
export interface Suite extends Limits {
	readonly file: string;
	readonly name: string;
	readonly scope: EvalScope;
	readonly extensions: readonly Extension[];
	readonly preprocessors: readonly Preprocessor[];
	readonly targets: readonly TargetChoice[];
}

type OptionalFields = "description" | "criteria" | "conversationId";
type FilledFields = "id" | "vars" | "metadata" | "dependsOn" | "onDependencyFailure" | "aggregation" | "onTurnFailure";

export interface TestCase
	extends Limits,
		Readonly<Pick<TestEntry, OptionalFields>>,
		Filled<Pick<TestEntry, FilledFields>> {
	readonly at: Place;
	readonly base: string;
	readonly suite: Suite;
	readonly input: readonly Message[];
	/** Text of the last expected message. */
	readonly expectedOutput?: string | undefined;
	readonly expectedMessages: readonly Message[];
	/** Its own, then the eval's. Empty with `criteria` or `expectedOutput` alone. */
	readonly assertions: readonly Assertion[];
	readonly metadataFiles: readonly PathText[];
	readonly tags: readonly string[];
	readonly target?: TargetChoice | undefined;
	readonly turns: readonly Turn[];
}

export interface LoadedFile {
	readonly path: PathText;
	readonly resolved: string;
	/** `glob`: `resolved` is the pattern's base. `listed`: found in such a directory. */
	readonly found?: "glob" | "listed" | undefined;
}

export interface LoadedEval
	extends Readonly<Pick<EvalEnvelope, "description" | "workers" | "budgetUsd" | "experiment">> {
	readonly file: string;
	readonly name: string;
	readonly scope: EvalScope;
	readonly suite: Suite;
	readonly tests: readonly TestCase[];
	readonly tags: readonly string[];
	readonly metadata: Readonly<Record<string, unknown>>;
	readonly requires?: string | undefined;
	readonly bundle: { readonly include: readonly string[]; readonly exclude: readonly string[] };
	/** Complete: loading continues after a problem. */
	readonly diagnostics: readonly Diagnostic[];
	/** Includes missing files. */
	readonly files: readonly LoadedFile[];
	readonly sources: ReadonlyMap<string, Source>;
	readonly texts: ReadonlyMap<string, Source>;
	readonly variables: readonly PlacedVariable[];
	locate(place: Place): SourceRange | undefined;
}

/** Each assertion comes before its parts. */
export function* withParts(assertions: Iterable<Assertion>): Generator<Assertion> {
	for (const assertion of assertions) {
		yield assertion;
		yield* withParts(assertion.parts ?? []);
	}
}

/** Includes the assertions of turns and parts, each once. */
export function* gradersOf(tests: Iterable<TestCase>): Generator<Assertion> {
	const seen = new Set<Assertion>();
	for (const test of tests)
		for (const assertion of withParts(withTurns(test.assertions, test))) {
			if (!seen.has(assertion)) yield assertion;
			seen.add(assertion);
		}
}

/** Returns the eval's own suite, then those of imported tests. */
export function suitesOf({ suite, tests }: Pick<LoadedEval, "suite" | "tests">): ReadonlySet<Suite> {
	return new Set([suite, ...tests.map((test) => test.suite)]);
}

export function withTurns(assertions: readonly Assertion[], { turns }: Pick<TestCase, "turns">): Assertion[] {
	return [...assertions, ...turns.flatMap((turn) => turn.assertions)];
}
