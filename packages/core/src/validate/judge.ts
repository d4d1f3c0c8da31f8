import { codeFrame } from "../base/code-frame.ts";
import type { Diagnostic, Place } from "../base/diagnostic.ts";
import { createRedactor } from "../base/redact.ts";
import type { SourceRange } from "../base/yaml-document.ts";
import { pathOutside } from "../model/reach.ts";
import type { RuleLevel } from "../schema/config-file.ts";
import { checksOf } from "./checks.ts";
import type { EvalContext } from "./eval-context.ts";
import type { EvalValidation, ValidationFinding } from "./eval-result.ts";
import type { Judged } from "./judged.ts";
import { narrowed } from "./mark.ts";
import type { Rule } from "./rule.ts";
import { type Configured, configuredLevels, type RuleLevels } from "./rule-levels.ts";
import { targetsLiteralSecret } from "./rules/targets-literal-secret.ts";
import { rules } from "./rules.ts";
import { remembered } from "./validation-run.ts";

interface Judgement {
	readonly judged: readonly Judged[];
	/** Rules that are switched off. */
	readonly off: ReadonlySet<string>;
	readonly config: Configured;
}

/** Runs every rule that is not switched off; `levels` are the command line's, over those of the configuration. */
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

/** A finding as it goes out, with the rule that made it. */
export interface JudgedFinding {
	readonly rule: Rule;
	readonly finding: ValidationFinding;
}

/** What the rules find in an eval, in the order of its files and places. */
export function judgedFindings(context: EvalContext, levels: RuleLevels): JudgedFinding[] {
	return located(context, judge(context, levels));
}

function located(context: EvalContext, { judged, config }: Judgement): JudgedFinding[] {
	const places = judged.map(({ found }) => placed(found, context, config));
	// A code frame goes to terminals and logs: what was found to be a secret is not shown there.
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

/** The result of one eval: independent of everything that was loaded for it. */
export function evalResult(context: EvalContext, levels: RuleLevels): EvalValidation {
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

/** Each finding once: where an alias or a merge key repeats a value, what is wrong with it is found as often. */
export function distinctFindings(findings: readonly ValidationFinding[]): ValidationFinding[] {
	const seen = new Set<string>();
	return findings.filter(({ rule, message, at, range }) => {
		const key = `${rule}\0${at.file}\0${range.start.offset}\0${range.start.line}\0${message}`;
		return seen.size < seen.add(key).size;
	});
}

/** A copy that does not keep the file alive which it is a part of. */
function owned(text: string): string {
	return Buffer.from(text, "utf16le").toString("utf16le");
}

interface Placed {
	readonly range: SourceRange;
	/** Of the file; "" where it can't be read. */
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
	// What a link leads to may not be the eval's: it is never quoted.
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

/** What is said of a whole document stands at its first line, not on all of it. */
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
