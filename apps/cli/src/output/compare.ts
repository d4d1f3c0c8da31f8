import {
	AgentvError,
	type BoundedMean,
	boundedMeanText,
	type ComparedPart,
	type ComparedRun,
	type Comparison,
	comparedCaseRecord,
	comparedCases,
	comparedRunRecord,
	comparisonFigures,
	describeLowered,
	describeSmallestEffect,
	differenceText,
	type FingerprintPart,
	isLowered,
	signed,
	terminalSafeLine,
} from "@agentv/core";
import stringWidth from "string-width";
import type { Output } from "../context.ts";
import { fitLine, fitMiddle, wrapWords } from "./fit-text.ts";
import { type Colors, colorsFor } from "./terminal.ts";

export function compareText(compared: readonly ComparedRuns[], stdout: Output): string {
	const look = { colors: colorsFor(stdout), columns: stdout.columns, isTerminal: stdout.isTTY };
	const blocks = [runLines(compared, look)];
	if (compared.length > 1) blocks.push(overview(compared, look));
	for (const [index, { after, comparison }] of compared.entries()) {
		if (compared.length > 1)
			blocks.push(`${look.colors.bold(sideName(index, compared))}  ${terminalSafeLine(after.name)}`);
		blocks.push(...comparisonBlocks(comparison, look));
	}
	return `${blocks.join("\n\n")}\n`;
}

function sideName(index: number, compared: readonly ComparedRuns[]): string {
	return compared.length === 1 ? "After" : `After ${index + 1}`;
}

function runLines(compared: readonly ComparedRuns[], { colors }: Look): string {
	const before = compared.slice(0, 1).map((pair): [string, NamedRun] => ["Before", pair.before]);
	const after = compared.map((pair, index): [string, NamedRun] => [sideName(index, compared), pair.after]);
	const width = Math.max(...[...before, ...after].map(([side]) => side.length));
	return [...before, ...after]
		.map(([side, { name }]) => `${colors.bold(side.padEnd(width))}  ${terminalSafeLine(name)}`)
		.join("\n");
}

const headings = ["comparable", "changed", "new", "gone", "errors", "difference"] as const;

function overview(compared: readonly ComparedRuns[], { colors }: Look): string {
	const side = sideName(compared.length - 1, compared).length;
	const lines = compared.map(({ comparison }, index) => {
		const { comparable, changed, new: fresh, gone, errors, difference } = comparison;
		const counts = [comparable, changed, fresh, gone, errors].map(({ length }) => String(length));
		const cells = [...counts, difference.tests === 0 ? "–" : signed(difference.mean)];
		const padded = cells.map((cell, column) => cell.padStart(headings[column]?.length ?? 0));
		return `${[sideName(index, compared).padEnd(side), ...padded].join("  ")}  ${shortVerdict(comparison, colors)}`;
	});
	return [colors.dim([" ".repeat(side), ...headings].join("  ")), ...lines].join("\n");
}

function shortVerdict(comparison: Comparison, colors: Colors): string {
	if (comparison.verdict === "no difference shown") return "= none shown";
	if (comparison.verdict === "nothing to compare") return colors.yellow("? not comparable");
	return verdictText(comparison, colors);
}

/**
 * Writes one object for two runs, `{comparisons: […]}` for more, with one test per line.
 * Schema: docs/schemas/compare-output.schema.json.
 */
export function* compareJson(compared: readonly ComparedRuns[]): Generator<string> {
	const [only, ...others] = compared;
	if (only && others.length === 0) {
		yield* pieces(document(only), "");
		yield "\n";
		return;
	}
	yield '{\n  "comparisons": [\n    ';
	for (const [index, pair] of compared.entries()) {
		if (index > 0) yield ",\n    ";
		yield* pieces(document(pair), "    ");
	}
	yield "\n  ]\n}\n";
}

function* pieces(value: object, indent: string): Generator<string> {
	let separator = "{";
	for (const [key, field] of Object.entries(value)) {
		yield `${separator}\n${indent}  ${JSON.stringify(key)}: `;
		separator = ",";
		if (Array.isArray(field) && field.length > 0) yield* items(field, indent);
		else yield JSON.stringify(field);
	}
	yield `\n${indent}}`;
}

function* items(values: readonly unknown[], indent: string): Generator<string> {
	let separator = "[";
	for (const value of values) {
		yield `${separator}\n${indent}    ${JSON.stringify(value)}`;
		separator = ",";
	}
	yield `\n${indent}  ]`;
}

const parts: readonly ComparedPart[] = ["comparable", "changed", "new", "gone", "errors"];

function document({ before, after, comparison, vary }: ComparedRuns) {
	return {
		runs: [before, after].map(({ name, run }) => ({ run: name, ...comparedRunRecord(run) })),
		vary,
		...comparisonFigures(comparison),
		...Object.fromEntries(parts.map((part) => [part, comparedCases(comparison, part).map(comparedCaseRecord)])),
	};
}

export interface NamedRun {
	readonly name: string;
	readonly run: ComparedRun;
}

export interface ComparedRuns {
	readonly before: NamedRun;
	readonly after: NamedRun;
	readonly comparison: Comparison;
	readonly vary: readonly FingerprintPart[];
}

/** Groups by the fingerprint parts that differ; tests without fingerprint under an empty string. */
function changedByParts({ changed }: Comparison): ReadonlyMap<string, Comparison["changed"]> {
	const groups = new Map<string, Comparison["changed"][number][]>();
	for (const test of changed) {
		const key = test.parts.join(", ");
		const group = groups.get(key);
		if (group) group.push(test);
		else groups.set(key, [test]);
	}
	return groups;
}

/** Returns the parts in which most of the changed tests differ, as a suggestion for `--vary`. */
function differsIn(comparison: Comparison): readonly FingerprintPart[] {
	const groups = [...changedByParts(comparison)].filter(([parts]) => parts !== "");
	const [largest] = groups.sort(([, left], [, right]) => right.length - left.length);
	return largest?.[1][0]?.parts ?? [];
}

interface Look {
	readonly colors: Colors;
	/** 80 without a terminal. */
	readonly columns: number;
	readonly isTerminal: boolean;
}

const maxMoved = 10;
const maxNamed = 5;

function comparisonBlocks(comparison: Comparison, look: Look): string[] {
	const blocks = [splitLines(comparison, look), figures(comparison, look), movedLines(comparison, look)];
	return blocks.filter((block) => block !== "");
}

/** `     2  changed     in graders: one, two` */
function splitLines(comparison: Comparison, look: Look): string {
	const { comparable, errors, renamed } = comparison;
	const ids = (cases: Comparison["new"]) => cases.map(({ testId }) => testId);
	const later = (pairs: Comparison["errors"]) => ids(pairs.map(({ after }) => after));
	const lines: [count: number, part: string, note: string, ids: readonly string[]][] = [
		[comparable.length, "comparable", "", []],
		...[...changedByParts(comparison)].map(([parts, cases]): (typeof lines)[number] => [
			cases.length,
			"changed",
			parts === "" ? "unknown change (no fingerprint recorded): " : `in ${parts}: `,
			later(cases),
		]),
		[comparison.new.length, "new", "", ids(comparison.new)],
		[comparison.gone.length, "gone", "", ids(comparison.gone)],
		[errors.length, "left out", "not graded in one of them: ", later(errors)],
	];
	const shown = lines
		.filter(([count, part]) => count > 0 || part === "comparable")
		.map(([count, part, note, names]) => {
			const start = `${String(count).padStart(6)}  ${part.padEnd(10)}  ${note}`;
			return `${start}${namesOf(names, start.length, look)}`.trimEnd();
		});
	const notes = [
		...renamed.evals.map(([before, after]) => `        ${after} is compared with ${before}: same questions`),
		...renamed.targets.map(([before, after]) => `        target ${after} is compared with ${before}`),
	].map(terminalSafeLine);
	return [...shown, ...notes.map((note) => (look.isTerminal ? fitLine(note, look.columns) : note))].join("\n");
}

/** Lists as many ids as fit on the line, at least one, and the number of the others. */
function namesOf(ids: readonly string[], before: number, look: Look): string {
	const [first, ...others] = ids.map(terminalSafeLine);
	if (first === undefined) return "";
	const room = look.columns - before - ", and 100,000 more".length;
	let text = look.isTerminal ? fitMiddle(first, Math.max(room, 12)) : first;
	let named = 1;
	for (const id of others) {
		if (named === maxNamed || stringWidth(text) + 2 + stringWidth(id) > room) break;
		text += `, ${id}`;
		named += 1;
	}
	return named === ids.length ? text : `${text}, and ${(ids.length - named).toLocaleString("en")} more`;
}

function figures(comparison: Comparison, look: Look): string {
	const { difference, means, comparable, unjudgedAttempts } = comparison;
	const lowered = isLowered(comparison) ? [describeLowered(comparison)] : [];
	const { tests } = difference;
	if (tests === 0) {
		const why = "no test graded in both runs has the same fingerprint.";
		const differing = differsIn(comparison);
		const hint =
			differing.length > 0
				? ` If the difference in ${differing.join(" and ")} is intended: --vary ${differing.join(" ")}.`
				: "";
		return [`${verdictText(comparison, look.colors)}: ${why}${hint}`, ...lowered]
			.map((text) => paragraph(text, look, "  "))
			.join("\n");
	}
	const down = comparable.filter(({ delta }) => delta < 0).length;
	const up = comparable.filter(({ delta }) => delta > 0).length;
	const over = `${tests} comparable test${tests === 1 ? "" : "s"}`;
	const scores = `Mean score ${meanText(means.before)} → ${meanText(means.after)} over ${over}: ${down} went down, ${up} up, ${tests - down - up} unchanged.`;
	const ungraded =
		unjudgedAttempts === 1
			? ["1 attempt was not graded and is excluded from its test's mean."]
			: unjudgedAttempts > 0
				? [`${unjudgedAttempts} attempts were not graded and are excluded from their tests' means.`]
				: [];
	return [
		`${verdictText(comparison, look.colors)}: ${differenceText(difference)}`,
		...[scores, ...ungraded, ...lowered, describeSmallestEffect(difference)].map(
			(text) => `  ${paragraph(text, look, "  ", 2)}`,
		),
	].join("\n");
}

function meanText(mean: BoundedMean): string {
	return boundedMeanText(mean, (value) => value.toFixed(3));
}

function verdictText({ verdict }: Comparison, colors: Colors): string {
	switch (verdict) {
		case "worse":
			return colors.bold(colors.red("✗ worse"));
		case "better":
			return colors.bold(colors.green("✓ better"));
		case "no difference shown":
			return colors.bold("= no difference shown");
		case "nothing to compare":
			return colors.bold(colors.yellow("? nothing to compare"));
	}
}

function movedLines({ comparable }: Comparison, look: Look): string {
	const { colors } = look;
	const tests = comparable.filter(({ delta }) => delta !== 0).sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta));
	const severalEvals = new Set(comparable.map(({ after }) => after.eval)).size > 1;
	const severalTargets = new Set(comparable.map(({ after }) => after.target)).size > 1;
	const lines = tests.slice(0, maxMoved).map(({ before, after, delta }) => {
		const change = `${delta > 0 ? "+" : "−"}${Math.abs(delta).toFixed(2)}`;
		const where = [...(severalEvals ? [after.eval] : []), ...(severalTargets ? [after.target] : [])];
		const name = `${after.testId}${where.length > 0 ? ` (${where.join(", ")})` : ""}`;
		const start = `${before.score.toFixed(2)} → ${after.score.toFixed(2)}  `;
		const shown = terminalSafeLine(name);
		const fitting = look.isTerminal ? fitMiddle(shown, look.columns - 9 - start.length) : shown;
		return `  ${delta > 0 ? colors.green(change) : colors.red(change)}  ${start}${fitting}`;
	});
	const more = tests.length - maxMoved;
	return [
		...lines,
		...(more > 0 ? [colors.dim(`  and ${more.toLocaleString("en")} more; --json lists all`)] : []),
	].join("\n");
}

function paragraph(text: string, { columns }: Look, indent: string, before = 0): string {
	return wrapWords(text, columns, { indent, before });
}

export function unanswered({ before, after, comparison }: ComparedRuns): AgentvError {
	const { errors, new: fresh, gone } = comparison;
	const parts = [...changedByParts(comparison)].map(
		([names, tests]) => `${tests.length} ${names === "" ? "without fingerprint" : `changed in ${names}`}`,
	);
	const reasons = [
		...parts,
		...(errors.length > 0 ? [`${errors.length} not graded`] : []),
		...(gone.length > 0 ? [`${gone.length} only in the earlier run`] : []),
		...(fresh.length > 0 ? [`${fresh.length} only in the later run`] : []),
	];
	const differing = differsIn(comparison);
	const vary =
		differing.length > 0
			? `If the difference in ${differing.join(" and ")} is intended: --vary ${differing.join(" ")}. `
			: "";
	return new AgentvError(
		"config",
		`no test of ${after.name} can be compared with ${before.name}: ${reasons.join(", ") || "neither run has results"}`,
		{ hint: `${vary}Pass --allow-incomparable to succeed anyway.` },
	);
}
