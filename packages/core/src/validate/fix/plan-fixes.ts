import { dirname } from "node:path";
import { repositoryAccess } from "../../eval/access.ts";
import { evalsBelow } from "../../eval/discover-evals.ts";
import { evalMeaning, type MeaningOptions } from "../../eval/meaning.ts";
import { type DiskView, openDiskView, overlayDiskView } from "../../eval/source.ts";
import { newAccess } from "../../eval/trust.ts";
import { AgentvError } from "../../lib/errors.ts";
import { sweepStagedFiles } from "../../machine/directories.ts";
import { pathKind } from "../../machine/files.ts";
import { writeAllOrNone } from "../../machine/write-file.ts";
import { type EvalContext, evalContext, type ValidationRun, validationRun } from "../eval-context.ts";
import type { FixWhen } from "../rule.ts";
import { distinctFindings, judgedFindings, type ValidateOptions, type ValidationFinding } from "../validate-evals.ts";
import { TemplateEvals } from "./bring-targets.ts";
import {
	editedFiles,
	type FixPlan,
	type PlannedChange,
	type PlannedFile,
	type PlannedFinding,
} from "./edited-files.ts";
import { type Change, type FieldChange, Remotes, type TargetChange } from "./edits.ts";

export interface FixOptions extends ValidateOptions {
	/** What to fix: what `--fix`, `--migrate` and `--pin` cover. */
	readonly modes: ReadonlySet<FixWhen>;
}

type Refused = { finding: ValidationFinding; reason: string };

/**
 * Plans the fixes of evals so that every eval keeps its meaning. Read-only; offline unless `pin`
 * contacts remotes.
 * @throws AgentvError `refused`, with the fix that would change an eval's meaning
 */
export async function planFixes(files: readonly string[], options: FixOptions): Promise<FixPlan> {
	const run = validationRun(options);
	const refused: Refused[] = [];
	const directories = new Set<string>();
	const findings = await mendable(files, options, run, refused, directories);
	const edited = editedFiles(findings, run);
	for (const [{ finding }, reason] of edited.refused) refused.push({ finding, reason });
	const made = findings.filter((finding) => !edited.refused.has(finding));
	const around = evalsAround(edited.files, files, run.view);
	const meaning = { withoutCommits: options.modes.has("pin") };
	const compared = compareMeanings(around, edited.files, run, meaning);
	if (compared.changed !== undefined) throw offending(compared.changed, made, run, meaning);
	return {
		files: edited.files,
		changes: changesOf(made, edited.files),
		mended: byEval(made),
		refused,
		meanings: compared.meanings,
		directories,
	};
}

/** Returns the fixable findings with their changes, without keeping the eval. */
async function mendable(
	files: readonly string[],
	options: FixOptions,
	run: ValidationRun,
	refused: Refused[],
	directories: Set<string>,
): Promise<PlannedFinding[]> {
	const levels = options.levels ?? new Map();
	const templates = new TemplateEvals(run);
	const remotes = new Remotes(options.env, options.signal);
	const planned: PlannedFinding[] = [];
	for (const file of files) {
		if (options.signal?.aborted) throw new AgentvError("interrupted", "the fix was interrupted; nothing was written");
		const context = evalContext(file, run);
		for (const path of [file, ...context.loaded.sources.keys()]) directories.add(dirname(path));
		for (const { rule, finding } of judgedFindings(context, levels)) {
			if (!rule.fix || !rule.fixedBy || !options.modes.has(rule.fixedBy)) continue;
			const changes = rule.fix(finding, context);
			if (changes.length === 0) continue;
			if (templates.has(file, context.loaded.scope.root)) {
				refused.push({ finding, reason: "the eval is inside another eval's template" });
				continue;
			}
			const isPin = changes.some(({ kind }) => kind === "pin");
			if (isPin && hasNewRemotes(context)) {
				refused.push({
					finding,
					reason: "you have not allowed its benchmark or bundle to contact the required hosts",
				});
				continue;
			}
			const ready = await pinned(changes, remotes);
			if ("reason" in ready) refused.push({ finding, reason: ready.reason });
			else planned.push({ evalFile: file, finding, changes: ready.changes });
		}
	}
	return planned;
}

function hasNewRemotes({ loaded, run: { env, view } }: EvalContext): boolean {
	return newAccess([...repositoryAccess({ loaded, tests: loaded.tests })], { env, view }).length > 0;
}

type Ready = { readonly changes: readonly (FieldChange | TargetChange)[] } | { readonly reason: string };

async function pinned(changes: readonly Change[], remotes: Remotes): Promise<Ready> {
	const ready: (FieldChange | TargetChange)[] = [];
	for (const change of changes) {
		if (change.kind !== "pin") ready.push(change);
		else {
			const pin = await remotes.pin(change);
			if ("reason" in pin) return pin;
			ready.push(pin);
		}
	}
	return { changes: ready };
}

/** Finds the fix that changes an eval's meaning by trying each alone. */
function offending(
	evalFile: string,
	findings: readonly PlannedFinding[],
	run: ValidationRun,
	meaning: { withoutCommits: boolean },
): AgentvError {
	const alone = findings.find((finding) => {
		const { files } = editedFiles([finding], run);
		return compareMeanings([evalFile], files, run, meaning).changed !== undefined;
	});
	const { finding } = alone ?? {};
	const which = finding
		? `the fix of ${finding.rule} at ${finding.at.file}:${finding.range.start.line}`
		: "the fixes together";
	return new AgentvError("refused", `${which} would change the meaning of ${evalFile}; nothing was written`, {
		hint: finding ? `fix it by hand, or skip it with --rule ${finding.rule}=off` : "fix them by hand",
		diagnostics: finding ? [finding] : [],
	});
}

function byEval(findings: readonly PlannedFinding[]): Map<string, ValidationFinding[]> {
	const result = new Map<string, ValidationFinding[]>();
	for (const { evalFile, finding } of findings)
		result.set(evalFile, [...(result.get(evalFile) ?? []), { ...finding, fixed: true }]);
	return new Map([...result].map(([file, mended]) => [file, distinctFindings(mended)]));
}

function changesOf(findings: readonly PlannedFinding[], files: readonly PlannedFile[]): PlannedChange[] {
	const seen = new Map<string, PlannedChange>();
	for (const { finding, changes } of findings) {
		for (const change of changes) {
			const file =
				change.kind === "target"
					? (files.find(({ path }) => path.startsWith(`${change.directory}/`) && /targets\.ya?ml$/.test(path))?.path ??
						finding.at.file)
					: change.at.file;
			const { line, column } = finding.range.start;
			const planned = { rule: finding.rule, file, at: { file: finding.at.file, line, column }, says: change.says };
			seen.set(JSON.stringify(planned), planned);
		}
	}
	return [...seen.values()];
}

/**
 * Writes a plan's files, all or none, reloads every affected eval, and reverts everything if one
 * changed its meaning.
 * @throws AgentvError `refused` if a file changed since the plan, or an eval would change its
 * meaning; nothing is changed then
 */
export function applyFixes(plan: FixPlan, options: Omit<FixOptions, "view">): void {
	for (const directory of plan.directories) sweepStagedFiles(directory);
	for (const file of plan.files) if (!isAsPlanned(file)) throw changedMeanwhile(file);
	writeAllOrNone(plan.files.map(({ path, after }) => ({ path, content: after })));
	// Cached reads are outdated.
	const run = validationRun({ ...options, view: openDiskView() });
	const meaning = { withoutCommits: options.modes.has("pin") };
	for (const [file, before] of plan.meanings) {
		if (meaningOf(file, run, meaning) === before) continue;
		writeAllOrNone(plan.files.map(({ path, before: content }) => ({ path, content: content ?? null })));
		throw new AgentvError("refused", `${file} changed its meaning after the fixes: all were reverted`, {
			hint: "It may have been edited concurrently. Try again.",
		});
	}
}

function isAsPlanned({ path, before }: PlannedFile): boolean {
	if (before === undefined) return pathKind(path) === "missing";
	return pathKind(path) !== "missing" && openDiskView().readText(path) === before;
}

function changedMeanwhile({ path }: PlannedFile): AgentvError {
	return new AgentvError("refused", `${path} was changed while the fixes were planned; nothing was written`, {
		hint: "Try again.",
	});
}

/** Includes all evals in or below the directories of changed files. */
function evalsAround(files: readonly PlannedFile[], given: readonly string[], view: DiskView): string[] {
	const directories = [...new Set(files.map(({ path }) => dirname(path.replace(/\/\.agentv\/[^/]+$/, "/x"))))];
	const below = directories.flatMap((directory) => evalsBelow(directory, view));
	return [...new Set([...given, ...below])].sort();
}

/** Returns a run that sees the disk after the changes. */
export function runAfter(run: ValidationRun, files: readonly PlannedFile[]): ValidationRun {
	return validationRun({
		...run,
		view: overlayDiskView(run.view, new Map(files.map(({ path, after }) => [path, after]))),
	});
}

/** Returns an eval's meaning, or that it can't be loaded. */
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
	/** The meaning of each affected eval. */
	readonly meanings: ReadonlyMap<string, string>;
	/** The first eval whose meaning would change. */
	readonly changed?: string;
}

/** Compares the meaning of evals before and after. Evals that use none of the files are skipped. */
function compareMeanings(
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

/** Returns whether loading finds a new error. */
function addsErrors(before: EvalContext, after: EvalContext): boolean {
	const counts = new Map<string, number>();
	const count = ({ findings }: EvalContext, by: number) => {
		for (const { rule, severity } of findings) if (severity === "error") counts.set(rule, (counts.get(rule) ?? 0) + by);
	};
	count(before, -1);
	count(after, 1);
	return [...counts.values()].some((more) => more > 0);
}

/** An edit for one finding, for tools that offer it. */
export interface OfferedEdit {
	readonly rule: string;
	readonly at: { readonly file: string; readonly offset: number };
	readonly says: string;
	readonly files: readonly { readonly path: string; readonly region: OfferedRegion; readonly text: string }[];
}

/** 1-based lines and columns; end exclusive. */
export interface OfferedRegion {
	readonly startLine: number;
	readonly startColumn: number;
	readonly endLine: number;
	readonly endColumn: number;
}

/** Returns what `--fix` would do for each finding: one edit per changed file. Writes nothing. */
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

/** Returns undefined if a fix would change the eval's meaning: then nothing is offered. */
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

/** Returns the difference of two texts as one edit. */
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
