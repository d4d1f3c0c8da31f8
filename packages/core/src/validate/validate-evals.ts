import { checkJsonSchemas } from "../eval/check-tests.ts";
import { pathOutside, type ReferenceKind } from "../eval/read-shape.ts";
import type { DiskView, Source } from "../eval/source.ts";
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
} from "./eval-context.ts";
import type { Rule } from "./rule.ts";
import { targetsLiteralSecret } from "./rules/targets.ts";
import { configuredLevels, findRule, type RuleLevels, rules } from "./rules.ts";

export interface ValidateOptions {
	readonly view: DiskView;
	readonly env: Environment;
	/** Absolute; without a repository, bounds the search through parent directories. */
	readonly cwd: string;
	/** The value of `--targets`, absolute. */
	readonly targetsFile?: string | undefined;
	/** Absolute paths that the user specified directly: a link among them may point anywhere. */
	readonly named?: readonly string[] | undefined;
	readonly levels?: RuleLevels | undefined;
	/** An abort throws an `interrupted` error. */
	readonly signal?: AbortSignal | undefined;
}

/** Milliseconds of work before yielding to Ctrl-C or other requests. */
const turnMs = 50;

/**
 * Validates evals sequentially, and releases each after its result. Offline and read-only.
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

export interface ValidationFinding extends Diagnostic {
	/** For an unreadable file, its first character. */
	readonly range: SourceRange;
	/** The surrounding lines with a marker; see `codeFrame`. */
	readonly frame: readonly string[];
	readonly fixable: boolean;
	readonly fixed: boolean;
}

/** Returns a finding for `--json` and Studio. */
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

interface ValidationCheck {
	readonly rule: string;
	/** With `skip`, the rule is disabled or not applicable. */
	readonly state: "pass" | "fail" | "skip";
	readonly message: string;
	/** Whether a short report has a separate line for it. */
	readonly notable: boolean;
}

export interface EvalValidation {
	/** Absolute path of the eval file. */
	readonly file: string;
	readonly name: string;
	/** The smallest directory with everything that the eval needs; absolute. */
	readonly root: string;
	readonly tests: number;
	readonly targets: readonly string[];
	readonly checks: readonly ValidationCheck[];
	readonly diagnostics: readonly ValidationFinding[];
}

/** @param levels from the command line; override the configuration */
export function findAll(context: EvalContext, levels: RuleLevels) {
	const config = configuredLevels(context.loaded.scope, context.run);
	const off = new Set<string>();
	const findings: Diagnostic[] = [];
	for (const rule of rules) {
		const level = levels.get(rule.id) ?? config.levels.get(rule.id);
		if (level === "off") {
			off.add(rule.id);
			continue;
		}
		const configured = config.diagnostics.filter((diagnostic) => diagnostic.rule === rule.id);
		for (const diagnostics of [rule.check(context), configured])
			for (const diagnostic of diagnostics)
				findings.push(
					level === undefined ? diagnostic : { ...diagnostic, severity: level === "error" ? level : "warning" },
				);
	}
	return { findings: located(findings, context, config.source), off };
}

function located(
	diagnostics: readonly Diagnostic[],
	context: EvalContext,
	config: Source | undefined,
): ValidationFinding[] {
	const places = diagnostics.map((diagnostic) => ({ diagnostic, ...placed(diagnostic, context, config) }));
	// A code frame goes to terminals and logs, so redact the secrets that were found.
	const secrets = places.flatMap(({ diagnostic, range, text }) =>
		diagnostic.rule === targetsLiteralSecret.id ? [text.slice(range.start.offset, range.end.offset)] : [],
	);
	const redact = createRedactor(secrets.map((secret) => secret.replace(/^["']|["']$/g, "")));
	const findings = places.map(({ diagnostic, range, text }): ValidationFinding => {
		const frame = text === "" ? [] : owned(codeFrame(text, range).map(redact).join("\n")).split("\n");
		const fixable = (findRule(diagnostic.rule)?.fix?.(diagnostic, context).length ?? 0) > 0;
		return { ...diagnostic, message: owned(diagnostic.message), range, frame, fixable, fixed: false };
	});
	return findings.sort((a, b) => compare(a, b, context.loaded.file));
}

function evalResult(context: EvalContext, levels: RuleLevels): EvalValidation {
	const { loaded } = context;
	const { findings, off } = findAll(context, levels);
	return {
		file: loaded.file,
		name: loaded.name,
		root: context.root,
		tests: loaded.tests.length,
		targets: [...new Set(context.uses.filter(({ role }) => role === "target").map(({ choice }) => choice.name))],
		checks: checksOf(context, new Set(findings.map(({ rule }) => rule)), off),
		diagnostics: distinctFindings(findings),
	};
}

/** Aliases and merge keys cause repetitions. */
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

/** The text is empty if it must not be quoted. */
function placed(
	{ at, data }: Diagnostic,
	{ loaded, targets, run }: EvalContext,
	config: Source | undefined,
): { readonly range: SourceRange; readonly text: string } {
	const { file, line = 1, path = [] } = at;
	const source =
		loaded.sources.get(file) ??
		targets.sources.get(file) ??
		loaded.texts.get(file) ??
		(config?.file === file ? config : undefined);
	const range = source?.locate(at);
	if (!source || !range) {
		const start = { line, column: 1, offset: 0 };
		return { range: { start, end: start }, text: "" };
	}
	// A link's target may be outside the eval: never quote it.
	const isOutside = remembered(
		run.memo,
		`outside\0${loaded.scope.root}\0${file}`,
		() => pathOutside(file, loaded.scope) !== undefined,
	);
	// A finding about a whole document is shown at its first line.
	const shown = at.range === undefined && path.length === 0 ? { start: range.start, end: range.start } : range;
	return { range: narrowed(shown, data.mark, source, at), text: isOutside ? "" : source.text };
}

/** Uses the first occurrence in the source, or the whole range if there is none. */
function narrowed(range: SourceRange, mark: unknown, source: Source, at: Place): SourceRange {
	if (typeof mark !== "string" || mark === "") return range;
	const { offset } = range.start;
	const written = source.text.slice(offset, range.end.offset);
	const start = written.indexOf(mark);
	if (start < 0 || written.replace(/^["']|["']$/g, "") === mark) return range;
	return source.locate({ ...at, range: [offset + start, offset + start + mark.length] }) ?? range;
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

/** A rule can have its own text for a pass; the default is its summary. */
function checksOf(context: EvalContext, failed: ReadonlySet<string>, off: ReadonlySet<string>): ValidationCheck[] {
	const topics = [...topicsOf(context)];
	return rules.flatMap((rule): ValidationCheck[] => {
		const { pass, fail, skip } = plainChecks(rule);
		if (off.has(rule.id)) return [{ ...skip, message: "switched off" }];
		const isFailed = failed.has(rule.id);
		const own = topics.flatMap(({ rule: id, message, failed = isFailed }): ValidationCheck[] =>
			id === rule.id ? [{ rule: id, state: failed ? "fail" : "pass", message, notable: true }] : [],
		);
		if (isFailed) return own.some(({ state }) => state === "fail") ? own : [...own, fail];
		if (own.length > 0) return own;
		return [rule.applies?.(context) === false ? skip : pass];
	});
}

const plain = new Map<Rule, Readonly<Record<ValidationCheck["state"], ValidationCheck>>>();

function plainChecks(rule: Rule) {
	const { id, summary } = rule;
	const check = (state: ValidationCheck["state"], message: string) => ({ rule: id, state, message, notable: false });
	const checks = plain.get(rule) ?? {
		pass: check("pass", `none found: ${summary}`),
		fail: check("fail", `found: ${summary}`),
		skip: check("skip", `not applicable: ${summary}`),
	};
	plain.set(rule, checks);
	return checks;
}

interface Topic {
	readonly rule: string;
	readonly message: string;
	readonly failed?: boolean;
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

const prefixes: Partial<Record<ReferenceKind, string>> = { tests: "tests: ", template: "workspace: " };

function* pathTopics(context: EvalContext): Generator<Topic> {
	const references = pathReferences(context);
	const rule = "path.missing";
	for (const [message, ...kinds] of pathTopic) {
		const own = references.filter(({ kind, state }) => kinds.includes(kind) && !/^(opaque|run-time)$/.test(state));
		const paths = new Set(own.map(({ kind, raw }) => `${prefixes[kind] ?? ""}${raw}`));
		if (paths.size > 0)
			yield { rule, message: `${message} (${list([...paths])})`, failed: own.some(({ state }) => state === "missing") };
	}
	if (references.length === 0) yield { rule, message: "The eval needs no other files" };
}

function list(names: readonly string[]): string {
	return names.length > 3 ? `${names.slice(0, 3).join(", ")}, and ${names.length - 3} more` : names.join(", ");
}
