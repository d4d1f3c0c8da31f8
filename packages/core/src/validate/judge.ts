import { codeFrame } from "../base/code-frame.ts";
import type { Diagnostic, Place } from "../base/diagnostic.ts";
import type { SourceRange } from "../base/yaml-document.ts";
import type { RuleLevel } from "../schema/config-file.ts";
import { checksOf } from "./checks.ts";
import type { EvalContext } from "./eval-context.ts";
import type { EvalValidation, ValidationFinding } from "./eval-result.ts";
import type { Judged } from "./judged.ts";
import { type Configured, configuredLevels, type RuleLevels } from "./rule-levels.ts";
import { rules } from "./rules.ts";

/** Runs every rule that is not switched off; `levels` are the command line's, over those of the configuration. */
export function judge(
	context: EvalContext,
	levels: RuleLevels,
): { judged: Judged[]; off: Set<string>; config: Configured } {
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

/** The result of one eval, in the order of its files and places: independent of everything that was loaded for it. */
export function evalResult(context: EvalContext, levels: RuleLevels): EvalValidation {
	const { judged, off, config } = judge(context, levels);
	const findings = judged.map(({ rule, found }): ValidationFinding => {
		const { range, text } = placed(found.at, context, config);
		const fixable = (rule.fix?.(found, context).length ?? 0) > 0;
		return { ...found, range, frame: text === undefined ? [] : codeFrame(text, range), fixable, fixed: false };
	});
	const { loaded } = context;
	return {
		file: loaded.file,
		name: loaded.name,
		root: context.root,
		tests: loaded.tests.length,
		targets: [...new Set(context.uses.filter(({ role }) => role === "target").map(({ choice }) => choice.name))],
		checks: checksOf(context, judged, off),
		diagnostics: findings.sort((a, b) => compare(a, b, loaded.file)),
	};
}

const start: SourceRange = { start: { line: 1, column: 1, offset: 0 }, end: { line: 1, column: 1, offset: 0 } };

function placed(at: Place, context: EvalContext, config: Configured): { range: SourceRange; text?: string } {
	const { loaded, targets } = context;
	const own = config.source?.file === at.file ? config.source : undefined;
	const source = loaded.sources.get(at.file) ?? targets.sources.get(at.file) ?? own;
	if (!source) return { range: start };
	const range = source.locate(at);
	if (range) return { range: wholeStart(range, at), text: source.text };
	const line = at.line ?? 1;
	return { range: { start: { ...start.start, line }, end: { ...start.end, line } } };
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
