import {
	type BoundedMean,
	boundedMeanText,
	type Comparison,
	describeLowered,
	describeSmallestEffect,
	isLowered,
	signed,
	terminalSafeLine,
} from "@agentv/core";
import { fitLine, fitMiddle } from "../run/fit-line.ts";
import type { Colors } from "../terminal/colors.ts";
import { widthOf, wrapWords } from "../terminal/wrap-words.ts";
import { changedByParts, differsIn } from "./compared-runs.ts";

export interface Look {
	readonly colors: Colors;
	/** Width of the terminal; 80 if there is none. */
	readonly columns: number;
	/** Whether to cut lines that are too long. */
	readonly isTerminal: boolean;
}

const mostMoved = 10;
const mostNamed = 5;

/** Reports how tests split, the figures, and the tests that changed most. Omits empty blocks. */
export function comparisonBlocks(comparison: Comparison, look: Look): string[] {
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

/** Lists as many ids as fit on the line, at least one, and the number of others. */
function namesOf(ids: readonly string[], before: number, look: Look): string {
	const [first, ...others] = ids.map(terminalSafeLine);
	if (first === undefined) return "";
	const room = look.columns - before - ", and 100,000 more".length;
	let text = look.isTerminal ? fitMiddle(first, Math.max(room, 12)) : first;
	let named = 1;
	for (const id of others) {
		if (named === mostNamed || widthOf(text) + 2 + widthOf(id) > room) break;
		text += `, ${id}`;
		named += 1;
	}
	return named === ids.length ? text : `${text}, and ${(ids.length - named).toLocaleString("en")} more`;
}

function figures(comparison: Comparison, look: Look): string {
	const { difference, means, comparable, unjudgedAttempts } = comparison;
	const lowered = isLowered(comparison) ? [describeLowered(comparison)] : [];
	const { tests, mean, interval } = difference;
	const range = interval ? ` (95 % interval ${signed(interval[0])} to ${signed(interval[1])})` : "";
	if (tests === 0) {
		const why = "no test judged in both runs has the same fingerprint.";
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
	const leftOut =
		unjudgedAttempts === 1
			? ["1 attempt was not graded and is excluded from its test's mean."]
			: unjudgedAttempts > 0
				? [`${unjudgedAttempts} attempts were not graded and are excluded from their tests' means.`]
				: [];
	return [
		`${verdictText(comparison, look.colors)}: ${signed(mean)}${range}`,
		...[scores, ...leftOut, ...lowered, describeSmallestEffect(difference)].map(
			(text) => `  ${paragraph(text, look, "  ", 2)}`,
		),
	].join("\n");
}

function meanText(mean: BoundedMean): string {
	return boundedMeanText(mean, (value) => value.toFixed(3));
}

export function verdictText({ verdict }: Comparison, colors: Colors): string {
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

/** Lists the tests whose scores changed most. */
function movedLines({ comparable }: Comparison, look: Look): string {
	const { colors } = look;
	const tests = comparable.filter(({ delta }) => delta !== 0).sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta));
	const severalEvals = new Set(comparable.map(({ after }) => after.eval)).size > 1;
	const severalTargets = new Set(comparable.map(({ after }) => after.target)).size > 1;
	const lines = tests.slice(0, mostMoved).map(({ before, after, delta }) => {
		const change = `${delta > 0 ? "+" : "−"}${Math.abs(delta).toFixed(2)}`;
		const where = [...(severalEvals ? [after.eval] : []), ...(severalTargets ? [after.target] : [])];
		const name = `${after.testId}${where.length > 0 ? ` (${where.join(", ")})` : ""}`;
		const start = `${before.score.toFixed(2)} → ${after.score.toFixed(2)}  `;
		const shown = terminalSafeLine(name);
		const fitting = look.isTerminal ? fitMiddle(shown, look.columns - 9 - start.length) : shown;
		return `  ${delta > 0 ? colors.green(change) : colors.red(change)}  ${start}${fitting}`;
	});
	const more = tests.length - mostMoved;
	return [
		...lines,
		...(more > 0 ? [colors.dim(`  and ${more.toLocaleString("en")} more; --json lists all`)] : []),
	].join("\n");
}

function paragraph(text: string, { columns }: Look, indent: string, before = 0): string {
	return wrapWords(text, columns, { indent, before });
}
