import { AgentvError } from "../../base/agentv-error.ts";
import type { FixPlan } from "./fix-plan.ts";
import { type FixOptions, planFixes } from "./plan-fixes.ts";

/** The edit that would mend one finding, for tools that offer it to a reader. */
export interface OfferedEdit {
	readonly rule: string;
	readonly at: { readonly file: string; readonly offset: number };
	readonly says: string;
	readonly files: readonly { readonly path: string; readonly region: OfferedRegion; readonly text: string }[];
}

/** 1-based lines and columns; the end is exclusive. */
export interface OfferedRegion {
	readonly startLine: number;
	readonly startColumn: number;
	readonly endLine: number;
	readonly endColumn: number;
}

/** What `--fix` would do, finding by finding: one stretch of each file that changes. Writes nothing. */
export async function offeredEdits(
	files: readonly string[],
	options: Omit<FixOptions, "modes">,
): Promise<OfferedEdit[]> {
	const offered: OfferedEdit[] = [];
	for (const file of files) {
		const plan = await planOf(file, options);
		for (const finding of plan.mended.get(file) ?? []) {
			const changed = regionsOf(plan, finding.at.file, finding.rule === "targets.not-local");
			const says = plan.changes.find(
				({ rule, at }) => rule === finding.rule && at.line === finding.range.start.line,
			)?.says;
			if (changed.length > 0)
				offered.push({
					rule: finding.rule,
					at: { file: finding.at.file, offset: finding.range.start.offset },
					says: says ?? finding.rule,
					files: changed,
				});
		}
	}
	return offered;
}

/** No plan, where a fix would change what the eval means: then nothing is offered. */
async function planOf(file: string, options: Omit<FixOptions, "modes">): Promise<FixPlan> {
	try {
		return await planFixes([file], { ...options, modes: new Set(["fix"] as const) });
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code !== "refused") throw error;
		return { files: [], changes: [], mended: new Map(), refused: [], meanings: new Map(), directories: new Set() };
	}
}

function regionsOf(plan: FixPlan, own: string, target: boolean): OfferedEdit["files"] {
	const files = plan.files.filter(({ path }) => (target ? /\/targets\.ya?ml$/.test(path) : path === own));
	return files.map(({ path, before = "", after }) => ({ path, ...changedStretch(before, after) }));
}

/** What differs between two texts, as one stretch of the old one and what stands for it. */
function changedStretch(before: string, after: string): { region: OfferedRegion; text: string } {
	let start = 0;
	while (start < before.length && before[start] === after[start]) start++;
	let end = 0;
	while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end++;
	const from = position(before, start);
	const to = position(before, before.length - end);
	const region = { startLine: from.line, startColumn: from.column, endLine: to.line, endColumn: to.column };
	return { region, text: after.slice(start, after.length - end) };
}

function position(text: string, offset: number): { line: number; column: number } {
	const line = text.slice(0, offset).split("\n").length;
	return { line, column: offset - (text.lastIndexOf("\n", offset - 1) + 1) + 1 };
}
