import { dirname } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { evalsBelow } from "../../model/discover-evals.ts";
import { type DiskView, overlayDiskView } from "../../model/disk-view.ts";
import { evalMeaning, type MeaningOptions } from "../../model/eval-meaning.ts";
import { type EvalContext, evalContext } from "../eval-context.ts";
import { type ValidationRun, validationRun } from "../validation-run.ts";
import type { PlannedFile } from "./fix-plan.ts";

/** The evals that could mean something else once `files` have changed: those given, and all in or below their directories. */
export function evalsAround(files: readonly PlannedFile[], given: readonly string[], view: DiskView): string[] {
	const directories = [...new Set(files.map(({ path }) => dirname(path.replace(/\/\.agentv\/[^/]+$/, "/x"))))];
	const below = directories.flatMap((directory) => evalsBelow(directory, view));
	return [...new Set([...given, ...below])].sort();
}

/** A run that sees the disk as `files` will leave it. */
export function runAfter(run: ValidationRun, files: readonly PlannedFile[]): ValidationRun {
	return validationRun({
		...run,
		view: overlayDiskView(run.view, new Map(files.map(({ path, after }) => [path, after]))),
	});
}

/** What an eval means; where it can't be loaded at all, that. */
export function meaningOf(file: string, run: ValidationRun, options: MeaningOptions): string {
	const context = contextOf(file, run);
	return context ? meaning(context, options) : "unreadable";
}

function contextOf(file: string, run: ValidationRun): EvalContext | undefined {
	try {
		return evalContext(file, run);
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

function meaning({ loaded, uses, references, run }: EvalContext, options: MeaningOptions): string {
	return evalMeaning(loaded, uses, references, run.view, options);
}

export interface Comparison {
	/** The meaning of each eval that the files belong to. */
	readonly meanings: ReadonlyMap<string, string>;
	/** The first eval that would mean something else. */
	readonly changed?: string;
}

/** Compares what evals mean now with what they mean once `files` have changed. Evals that read none of them are passed over. */
export function compareMeanings(
	evals: readonly string[],
	files: readonly PlannedFile[],
	run: ValidationRun,
	options: MeaningOptions,
): Comparison {
	const after = runAfter(run, files);
	const touched = new Set(files.map(({ path }) => path));
	const meanings = new Map<string, string>();
	for (const file of evals) {
		const then = contextOf(file, after);
		const reads = then ? [...then.loaded.sources.keys(), ...then.targets.files] : [file];
		if (!reads.some((path) => touched.has(path))) continue;
		const now = contextOf(file, run);
		const [before, later] = [now && meaning(now, options), then && meaning(then, options)];
		if (before !== later || (now && then && addsErrors(now, then))) return { meanings, changed: file };
		meanings.set(file, before ?? "unreadable");
	}
	return { meanings };
}

/** Whether loading finds an error that was not there before. */
function addsErrors(before: EvalContext, after: EvalContext): boolean {
	const counts = new Map<string, number>();
	const count = ({ findings }: EvalContext, by: number) => {
		for (const { rule, severity } of findings) if (severity === "error") counts.set(rule, (counts.get(rule) ?? 0) + by);
	};
	count(before, -1);
	count(after, 1);
	return [...counts.values()].some((more) => more > 0);
}
