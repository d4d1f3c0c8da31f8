import { caseKey } from "../../model/case-key.ts";
import { rowKey } from "../../model/result-files.ts";
import type { Fingerprint, ResultRow } from "../../schema/result-row.ts";
import { fingerprintParts } from "../../schema/result-row.ts";
import type { PlannedTest } from "../../schema/run-file.ts";
import type { RecordedRow } from "../stored-rows.ts";
import type { AttemptName, MergePart } from "./merge-part.ts";
import type { MergeProblem } from "./merge-problem.ts";

/** A row with the part that it is from. */
export interface PartRow extends RecordedRow {
	readonly part: MergePart;
}

/** Everything known of one planned test × target. */
export interface MergedCase {
	readonly planned: PlannedTest;
	/** Its name in rows. */
	readonly eval: string;
	/** By attempt. */
	readonly rows: readonly PartRow[];
}

export interface Collation {
	/** In the order of the plan. */
	readonly cases: readonly MergedCase[];
	readonly problems: readonly MergeProblem[];
}

/** Puts the rows of all parts to the tests of the plan. The parts are of one plan. */
export function collateRows(parts: readonly MergePart[]): Collation {
	const [first] = parts;
	if (!first) return { cases: [], problems: [] };
	const problems: MergeProblem[] = [];
	const byCase = new Map<string, { planned: PlannedTest; eval: string; rows: PartRow[] }>();
	for (const planned of first.whole) {
		const label = first.run.evals[planned[0]]?.file ?? "";
		byCase.set(caseKey(label, planned[1], planned[2]), { planned, eval: label, rows: [] });
	}
	const seen = new Map<string, PartRow>();
	for (const part of parts) {
		for (const { row, text } of part.rows) {
			const one = { row, text, part };
			const known = byCase.get(caseKey(row.eval, row.testId, row.target));
			const before = seen.get(rowKey(row));
			if (!known || row.attempt < 1 || row.attempt > (known.planned[3]?.count ?? 1))
				problems.push({ kind: "not-planned", attempt: nameOf(row), place: placeOf(one) });
			else if (before)
				problems.push({ kind: "duplicate", attempt: nameOf(row), places: [placeOf(before), placeOf(one)] });
			else {
				seen.set(rowKey(row), one);
				known.rows.push(one);
			}
		}
	}
	const cases = [...byCase.values()];
	for (const { rows } of cases) rows.sort((a, b) => a.row.attempt - b.row.attempt);
	return { cases, problems: [...problems, ...attemptsDiffer(cases), ...targetsDiffer(cases)] };
}

function nameOf({ eval: label, testId, target, attempt }: ResultRow): AttemptName {
	return { eval: label, testId, target, attempt };
}

/** Where a row's attempt is recorded, as seen by the user. */
function placeOf({ row, part }: PartRow): string {
	return `${part.name}/${row.file ?? "index.jsonl"}`;
}

/** Attempts of one test with one target have one fingerprint. */
function attemptsDiffer(cases: readonly MergedCase[]): MergeProblem[] {
	return cases.flatMap(({ rows: [first, ...others] }) =>
		others.flatMap((other): MergeProblem[] => {
			const parts = first ? differing(first, other, fingerprintParts) : [];
			if (!first || parts.length === 0) return [];
			return [{ kind: "fingerprint", attempt: nameOf(other.row), parts, places: [placeOf(first), placeOf(other)] }];
		}),
	);
}

/**
 * A target is the same in all parts. Within one part its tests may see several (an imported suite looks for files in its own directory):
 * then nothing is said of it.
 */
function targetsDiffer(cases: readonly MergedCase[]): MergeProblem[] {
	const byTarget = new Map<string, Map<MergePart, PartRow | "several">>();
	for (const { eval: label, planned, rows } of cases)
		for (const one of rows) {
			const key = JSON.stringify([label, planned[2]]);
			const byPart = byTarget.get(key) ?? new Map<MergePart, PartRow | "several">();
			const before = byPart.get(one.part) ?? one;
			const isSame = before !== "several" && differing(before, one, ["target"]).length === 0;
			byTarget.set(key, byPart.set(one.part, isSame ? before : "several"));
		}
	return [...byTarget.values()].flatMap((byPart) => {
		const [first, ...others] = [...byPart.values()].filter((one) => one !== "several");
		return others.flatMap((other): MergeProblem[] => {
			if (!first || differing(first, other, ["target"]).length === 0) return [];
			const { target, eval: label } = other.row;
			return [{ kind: "target", target, eval: label, places: [placeOf(first), placeOf(other)] }];
		});
	});
}

/** Where a row has no fingerprint, nobody knows. */
function differing(one: PartRow, other: PartRow, among: readonly (keyof Fingerprint)[]): string[] {
	const [a, b] = [one.row.fingerprint, other.row.fingerprint];
	return a && b ? among.filter((part) => a[part] !== b[part]) : [];
}
