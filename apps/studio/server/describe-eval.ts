import { type EvalValidation, ruleDocs, type ValidationFinding, validateEvals } from "@agentv/core";
import type { EvalAnswer, EvalTestAnswer } from "./answers/evals.ts";
import type { FindingAnswer, RuleAnswer } from "./answers/findings.ts";
import { describeCommands, describeTargets, describeWorkspace } from "./describe-targets.ts";
import type { OpenedEval } from "./opened-eval.ts";
import type { Services } from "./services.ts";

/** Longer sources are cut. */
const longestSource = 1024 * 1024;
const mostFindings = 1000;

/** Describes an eval without its tests and results. */
export async function describeEval(
	opened: OpenedEval,
	{ options, marks }: Services,
	signal: AbortSignal,
): Promise<Omit<EvalAnswer, "last_result" | "job">> {
	const { found, loaded, view, redact, redactWritten, shown } = opened;
	const validation = await validated(found.file, { view, env: options.env, cwd: options.cwd, signal });
	const { errors, warnings } = marks.remember(validation);
	const source = redactWritten(loaded.sources.has(found.file) ? view.readText(found.file) : "");
	const diagnostics = validation.diagnostics.slice(0, mostFindings);
	return {
		id: found.id,
		benchmark: found.place.benchmark,
		file: found.path,
		name: loaded.name,
		description: loaded.description === undefined ? null : redact(loaded.description),
		tags: loaded.tags.map(redact),
		source: source.slice(0, longestSource),
		source_cut: source.length > longestSource,
		portable_root: shown(validation.root) || ".",
		errors,
		warnings,
		findings: diagnostics.map((diagnostic) => describeFinding(diagnostic, opened)),
		checks: validation.checks.map(({ rule, state, message, notable }) => ({
			rule,
			state,
			message: redact(message),
			notable,
		})),
		rules: docsOf(diagnostics),
		tests: loaded.tests.length,
		targets: describeTargets(opened),
		workspace: describeWorkspace(opened),
		commands: describeCommands(opened),
		variables: variablesOf(opened),
		foreign: found.place.foreign,
	};
}

async function validated(file: string, options: Parameters<typeof validateEvals>[1]): Promise<EvalValidation> {
	for await (const validation of validateEvals([file], options)) return validation;
	throw new Error("validation yields one result for each file");
}

function describeFinding(diagnostic: ValidationFinding, { found, redact, shown }: OpenedEval): FindingAnswer {
	const { rule, severity, message, hint, at, range, fixable } = diagnostic;
	return {
		rule,
		severity,
		message: redact(message),
		hint: hint === undefined ? null : redact(hint),
		file: shown(at.file),
		own: at.file === found.file,
		line: range.start.line,
		column: range.start.column,
		end_line: range.end.line,
		end_column: range.end.column,
		fixable,
	};
}

function docsOf(diagnostics: readonly ValidationFinding[]): RuleAnswer[] {
	const found = new Set(diagnostics.map(({ rule }) => rule));
	return ruleDocs().flatMap(({ id, summary, why, bad, good, mend, fixedBy }) =>
		found.has(id) ? [{ id, summary, why, bad, good, mend, fixed_by: fixedBy ?? null }] : [],
	);
}

function variablesOf({ loaded, targets, uses }: OpenedEval): EvalAnswer["variables"] {
	const files = new Set(
		uses.flatMap(({ resolution }) =>
			(resolution.ok ? resolution.target.via : resolution.via).map(({ definition }) => definition.file),
		),
	);
	const used = [...files].flatMap((file) => targets.sources.get(file)?.variables ?? []);
	const states = new Map<string, "set" | "default" | "unset">();
	for (const { name, state } of [...loaded.variables, ...used])
		if (states.get(name) !== "unset") states.set(name, state);
	return [...states].map(([name, state]) => ({ name, state })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

const longestInput = 300;

/** Describes a test for the eval's list. */
export function describeTest(test: OpenedEval["loaded"]["tests"][number], opened: OpenedEval): EvalTestAnswer {
	const { redact, shown, loaded } = opened;
	const input = test.input.map(({ content }) =>
		typeof content === "string"
			? content
			: content.map((piece) => (piece.type === "text" ? piece.text : `[${piece.path.raw}]`)).join(" "),
	);
	return {
		id: test.id,
		description: test.description === undefined ? null : redact(test.description),
		input: redact(input.join("\n")).trim().slice(0, longestInput),
		assertions: test.assertions.map(({ name }) => name),
		target: test.target?.name ?? null,
		tags: test.tags.map(redact),
		file: shown(test.at.file),
		line: loaded.locate(test.at)?.start.line ?? test.at.line ?? null,
	};
}
