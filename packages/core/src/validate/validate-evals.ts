import { checkJsonSchemas } from "../eval/check-tests.ts";
import { pathOutside } from "../eval/read-shape.ts";
import type { ReferenceKind } from "../eval/references.ts";
import type { DiskView } from "../eval/source.ts";
import type { RuleLevel } from "../format/target-file.ts";
import { codeFrame } from "../lib/code-frame.ts";
import { AgentvError, type Diagnostic, type Place } from "../lib/errors.ts";
import { createRedactor, type Redactor } from "../lib/redact.ts";
import type { SourceRange } from "../lib/yaml-document.ts";
import type { Environment } from "../machine/environment.ts";
import {
	type EvalContext,
	evalContext,
	pathReferences,
	remembered,
	repositoryOf,
	usedVariables,
	validationRun,
	workspacesOf,
} from "./eval-context.ts";
import { narrowed, type Rule } from "./rule.ts";
import { targetsLiteralSecret } from "./rules/targets.ts";
import { type Configured, configuredLevels, type RuleLevels, rules } from "./rules.ts";

export interface ValidateOptions {
	readonly view: DiskView;
	/** The process environment. */
	readonly env: Environment;
	/** Absolute; without a repository, bounds the search through parent directories. */
	readonly cwd: string;
	/** `--targets FILE`, absolute. */
	readonly targetsFile?: string | undefined;
	/** Absolute evals that the user specified directly: a link among them may point anywhere. */
	readonly named?: readonly string[] | undefined;
	/** Override those of `.agentv/config.yaml`. */
	readonly levels?: RuleLevels | undefined;
	/** Ends the validation with an `interrupted` error. */
	readonly signal?: AbortSignal | undefined;
}

/** Milliseconds of work before yielding to Ctrl-C or other requests. */
const turnMs = 50;

/**
 * Validates eval files one by one. Releases each eval after its result; shared inputs
 * (repositories, target files, directories) are read once. Offline and read-only.
 * @param files absolute paths from `discoverEvals`
 */
export async function* validateEvals(
	files: readonly string[],
	options: ValidateOptions,
): AsyncGenerator<EvalValidation, void> {
	const run = validationRun(options);
	const levels = options.levels ?? new Map();
	let turn = performance.now();
	for (const file of files) {
		if (performance.now() - turn > turnMs) {
			await new Promise((resolve) => setImmediate(resolve));
			turn = performance.now();
		}
		if (options.signal?.aborted) throw new AgentvError("interrupted", "validation was interrupted");
		const context = evalContext(file, run);
		const schemas = await checkJsonSchemas(context.loaded);
		yield evalResult(
			schemas.length === 0 ? context : { ...context, findings: [...context.findings, ...schemas] },
			levels,
		);
	}
}

/** A finding for output: located in its file, without references to the loaded eval. */
export interface ValidationFinding extends Diagnostic {
	/** For an unreadable file, its first character. */
	readonly range: SourceRange;
	/** The surrounding lines with a marker (see `codeFrame`). */
	readonly frame: readonly string[];
	/** Whether `--fix`, `--migrate` or `--pin` can fix it. */
	readonly fixable: boolean;
	/** Whether it was fixed. */
	readonly fixed: boolean;
}

/** Returns a finding as `--json` and Studio show it. */
export function findingRecord(
	{ rule, severity, message, at, range, hint, fixable, fixed }: ValidationFinding,
	{ shown, redact = (text) => text }: { readonly shown: (path: string) => string; readonly redact?: Redactor },
) {
	return {
		rule,
		severity,
		message: redact(message),
		file: shown(at.file),
		line: range.start.line,
		column: range.start.column,
		end_line: range.end.line,
		end_column: range.end.column,
		hint: hint === undefined ? null : redact(hint),
		fixable,
		fixed,
	};
}

/** The result of a rule, or of one topic of it. */
export interface ValidationCheck {
	readonly rule: string;
	/** `skip`: switched off, or not applicable. */
	readonly state: "pass" | "fail" | "skip";
	readonly message: string;
	/** Worth a separate line in a short report. */
	readonly notable: boolean;
}

export interface EvalValidation {
	/** Absolute path of the eval file. */
	readonly file: string;
	readonly name: string;
	/** The portable root: the smallest directory with everything that the eval needs; absolute. */
	readonly root: string;
	readonly tests: number;
	/** Names of its tests' targets, in order. */
	readonly targets: readonly string[];
	readonly checks: readonly ValidationCheck[];
	readonly diagnostics: readonly ValidationFinding[];
}

interface Judgement {
	readonly judged: readonly Judged[];
	/** Rules that are switched off. */
	readonly off: ReadonlySet<string>;
	readonly config: Configured;
}

/** Runs every enabled rule; `levels` from the command line override the configuration. */
function judge(context: EvalContext, levels: RuleLevels): Judgement {
	const config = configuredLevels(context.loaded.scope, context.run);
	const off = new Set<string>();
	const judged: Judged[] = [];
	for (const rule of rules) {
		const level = levels.get(rule.id) ?? config.levels.get(rule.id);
		if (level === "off") off.add(rule.id);
		else for (const found of rule.check(context)) judged.push({ rule, found: atLevel(found, level) });
		if (level !== "off")
			for (const found of config.diagnostics)
				if (found.rule === rule.id) judged.push({ rule, found: atLevel(found, level) });
	}
	return { judged, off, config };
}

function atLevel(found: Diagnostic, level: RuleLevel | undefined): Diagnostic {
	return level === undefined ? found : { ...found, severity: level === "error" ? "error" : "warning" };
}

/** A finding for output, with its rule. */
export interface JudgedFinding {
	readonly rule: Rule;
	readonly finding: ValidationFinding;
}

/** Returns the findings of all rules, by file and position. */
export function judgedFindings(context: EvalContext, levels: RuleLevels): JudgedFinding[] {
	return located(context, judge(context, levels));
}

function located(context: EvalContext, { judged, config }: Judgement): JudgedFinding[] {
	const places = judged.map(({ found }) => placed(found, context, config));
	// A code frame goes to terminals and logs, so redact the secrets that were found.
	const secrets = places.flatMap(({ range, text }, index) =>
		judged[index]?.found.rule === targetsLiteralSecret.id ? [text.slice(range.start.offset, range.end.offset)] : [],
	);
	const redact = createRedactor(secrets.map((secret) => secret.replace(/^["']|["']$/g, "")));
	const findings = judged.map(({ rule, found }, index): JudgedFinding => {
		const { range, text } = places[index] ?? nowhere;
		const frame = text === "" ? [] : owned(codeFrame(text, range).map(redact).join("\n")).split("\n");
		const fixable = (rule.fix?.(found, context).length ?? 0) > 0;
		return { rule, finding: { ...found, message: owned(found.message), range, frame, fixable, fixed: false } };
	});
	return findings.sort((a, b) => compare(a.finding, b.finding, context.loaded.file));
}

/** Returns the result of one eval, without references to what was loaded. */
function evalResult(context: EvalContext, levels: RuleLevels): EvalValidation {
	const { loaded } = context;
	const judgement = judge(context, levels);
	return {
		file: loaded.file,
		name: loaded.name,
		root: context.root,
		tests: loaded.tests.length,
		targets: [...new Set(context.uses.filter(({ role }) => role === "target").map(({ choice }) => choice.name))],
		checks: checksOf(context, judgement.judged, judgement.off),
		diagnostics: distinctFindings(located(context, judgement).map(({ finding }) => finding)),
	};
}

/** Removes repetitions, which aliases and merge keys cause. */
export function distinctFindings(findings: readonly ValidationFinding[]): ValidationFinding[] {
	const seen = new Set<string>();
	return findings.filter(({ rule, message, at, range }) => {
		const key = `${rule}\0${at.file}\0${range.start.offset}\0${range.start.line}\0${message}`;
		return seen.size < seen.add(key).size;
	});
}

/** Copies the slice so that it doesn't retain the whole file's text. */
function owned(text: string): string {
	return Buffer.from(text, "utf16le").toString("utf16le");
}

interface Placed {
	readonly range: SourceRange;
	/** Content of the file; "" if unreadable. */
	readonly text: string;
}

const start: SourceRange = { start: { line: 1, column: 1, offset: 0 }, end: { line: 1, column: 1, offset: 0 } };

const nowhere: Placed = { range: start, text: "" };

function placed({ at, data }: Diagnostic, context: EvalContext, config: Configured): Placed {
	const { loaded, targets } = context;
	const own = config.source?.file === at.file ? config.source : undefined;
	const source = loaded.sources.get(at.file) ?? targets.sources.get(at.file) ?? loaded.texts.get(at.file) ?? own;
	if (!source) return atLine(at.line);
	const range = source.locate(at);
	// A link's target may be outside the eval: never quote it.
	const isOutside = remembered(
		context.run,
		`outside\0${loaded.scope.root}\0${at.file}`,
		() => pathOutside(at.file, loaded.scope) !== undefined,
	);
	if (range)
		return { range: narrowed(wholeStart(range, at), data.mark, source, at), text: isOutside ? "" : source.text };
	return atLine(at.line);
}

function atLine(line = 1): Placed {
	return { range: { start: { ...start.start, line }, end: { ...start.end, line } }, text: "" };
}

/** A finding about a whole document is shown at its first line. */
function wholeStart(range: SourceRange, { path, range: exact }: Place): SourceRange {
	return exact === undefined && (path === undefined || path.length === 0)
		? { start: range.start, end: range.start }
		: range;
}

function compare(a: ValidationFinding, b: ValidationFinding, first: string): number {
	if (a.at.file !== b.at.file) {
		if (a.at.file === first) return -1;
		if (b.at.file === first) return 1;
		return a.at.file < b.at.file ? -1 : 1;
	}
	return (
		a.range.start.line - b.range.start.line ||
		a.range.start.column - b.range.start.column ||
		byText(a.rule, b.rule) ||
		byText(a.message, b.message)
	);
}

function byText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

interface Judged {
	readonly rule: Rule;
	readonly found: Diagnostic;
}

/**
 * Returns the result of every rule. A rule can have its own text for a pass ("Workspace template
 * exists"); the default is the rule's summary.
 */
function checksOf(context: EvalContext, judged: readonly Judged[], off: ReadonlySet<string>): ValidationCheck[] {
	const failed = new Set(judged.map(({ rule }) => rule.id));
	const topics = new Map<string, Topic[]>();
	for (const topic of topicsOf(context)) topics.set(topic.rule, [...(topics.get(topic.rule) ?? []), topic]);
	const checks: ValidationCheck[] = [];
	for (const [id, plain] of plainChecks) {
		if (off.has(id)) {
			checks.push({ ...plain.skip, message: "switched off" });
			continue;
		}
		const own = topics.get(id)?.map((topic) => checkOf(topic, failed.has(id))) ?? [];
		checks.push(...own);
		if (failed.has(id)) {
			if (!own.some(({ state }) => state === "fail")) checks.push(plain.fail);
		} else if (own.length === 0) checks.push(judges.get(id)?.(context) === false ? plain.skip : plain.pass);
	}
	return checks;
}

/** Default texts for checks. */
const plainChecks: ReadonlyMap<string, Readonly<Record<"pass" | "fail" | "skip", ValidationCheck>>> = new Map(
	rules.map(({ id, summary }) => {
		const check = (state: ValidationCheck["state"], message: string) => ({ rule: id, state, message, notable: false });
		return [
			id,
			{
				pass: check("pass", `none found: ${summary}`),
				fail: check("fail", `found: ${summary}`),
				skip: check("skip", `not applicable: ${summary}`),
			},
		];
	}),
);

/** Returns whether a rule applies to an eval; unlisted rules always do. */
const judges: ReadonlyMap<string, (context: EvalContext) => boolean> = new Map([
	...["path.untracked", "git.dirty"].map(
		(id) => [id, (context: EvalContext) => repositoryOf(context) !== undefined] as const,
	),
	...["repos.unpinned", "repos.local-path"].map((id) => [id, hasRepos] as const),
	...["extensions.missing-export", "extensions.provisions-repo"].map((id) => [id, hasExtensions] as const),
]);

function hasRepos({ loaded }: EvalContext): boolean {
	return workspacesOf(loaded).some(({ repos }) => repos.length > 0);
}

function hasExtensions({ loaded }: EvalContext): boolean {
	return loaded.suite.extensions.length > 0 || loaded.tests.some(({ suite }) => suite.extensions.length > 0);
}

interface Topic {
	readonly rule: string;
	readonly message: string;
	/** Whether this topic failed; default: whether its rule found anything. */
	readonly failed?: boolean;
}

function checkOf(topic: Topic, ruleFailed: boolean): ValidationCheck {
	const { rule, message } = topic;
	return { rule, message, state: (topic.failed ?? ruleFailed) ? "fail" : "pass", notable: true };
}

function* topicsOf(context: EvalContext): Generator<Topic> {
	yield* pathTopics(context);
	const local = [...new Set(context.uses.filter(({ resolution }) => resolution.ok).map(({ choice }) => choice.name))];
	if (local.length > 0)
		yield { rule: "targets.not-local", message: `Targets are defined next to the eval (${list(local)})` };
	const variables = [...new Set(usedVariables(context).map(({ name }) => name))];
	if (variables.length > 0)
		yield { rule: "env.undocumented", message: `Variables have defaults or are documented (${list(variables)})` };
	const { loaded } = context;
	const repository = repositoryOf(context);
	if (repository)
		yield {
			rule: "git.no-repo",
			message: `Git repo detected (${repository.head ? `commit: ${repository.head.slice(0, 7)}` : "no commit yet"})`,
		};
	else if (loaded.scope.rootKind === "bundle")
		yield { rule: "git.no-repo", message: "Bundle detected (manifest.json)" };
}

/** Groups of reference kinds that share a check. */
const pathTopic: readonly (readonly [message: string, ...kinds: ReferenceKind[]])[] = [
	["All test data paths resolve", "tests", "suite"],
	["Workspace file exists", "workspace-file"],
	["Workspace template exists", "template"],
	["Input files exist", "input-file", "metadata-file"],
	["Code-grader scripts exist", "grader", "custom-grader"],
	["Grader prompts exist", "prompt", "prompt-command", "include"],
	["Hook scripts exist", "hook"],
	["Extension files exist", "extension", "agent-rules"],
	["Target files exist", "target-command", "fixtures", "healthcheck"],
];
const topicOfKind = new Map(pathTopic.flatMap(([, ...kinds], index) => kinds.map((kind) => [kind, index] as const)));

const named: Partial<Record<ReferenceKind, string>> = { tests: "tests: ", template: "workspace: " };

function* pathTopics(context: EvalContext): Generator<Topic> {
	const references = pathReferences(context);
	const found = pathTopic.map(() => ({ paths: new Set<string>(), failed: false }));
	for (const { kind, state, raw } of references) {
		const topic = found[topicOfKind.get(kind) ?? -1];
		if (!topic || state === "opaque" || state === "run-time") continue;
		topic.paths.add(`${named[kind] ?? ""}${raw}`);
		if (state === "missing") topic.failed = true;
	}
	for (const [index, { paths, failed }] of found.entries())
		if (paths.size > 0)
			yield { rule: "path.missing", message: `${pathTopic[index]?.[0]} (${list([...paths])})`, failed };
	if (references.length === 0) yield { rule: "path.missing", message: "The eval needs no other files" };
}

function list(names: readonly string[]): string {
	return names.length > 3 ? `${names.slice(0, 3).join(", ")}, and ${names.length - 3} more` : names.join(", ");
}
