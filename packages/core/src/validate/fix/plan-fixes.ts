import { dirname } from "node:path";
import { evalsBelow } from "../../eval/discover-evals.ts";
import { evalMeaning, type MeaningOptions } from "../../eval/fingerprint.ts";
import { type DiskView, openDiskView, overlayDiskView } from "../../eval/source.ts";
import { newAccess, repositoryAccess } from "../../eval/trust.ts";
import { AgentvError } from "../../lib/errors.ts";
import { checkGitRef, checkGitUrl, expandRepoShorthand, splitCredentials } from "../../lib/git-url.ts";
import { sweepStagedFiles } from "../../machine/directories.ts";
import { isInside, pathKind } from "../../machine/files.ts";
import { listRemoteRefs } from "../../machine/git.ts";
import { writeAllOrNone } from "../../machine/write-file.ts";
import { type EvalContext, evalContext, remembered, type ValidationRun, validationRun } from "../eval-context.ts";
import type { FixWhen } from "../rule.ts";
import { findRule } from "../rules.ts";
import { distinctFindings, findAll, type ValidateOptions, type ValidationFinding } from "../validate-evals.ts";
import { isInCase, templatesBelow } from "./bring-targets.ts";
import { editedFiles, type PlannedFile, type PlannedFinding } from "./edited-files.ts";
import type { Change, FieldChange, PinChange, TargetChange } from "./edits.ts";

export interface FixOptions extends ValidateOptions {
	readonly modes: ReadonlySet<FixWhen>;
}

interface PlannedChange {
	readonly rule: string;
	/** Absolute path of the changed file. */
	readonly file: string;
	readonly at: { readonly file: string; readonly line: number; readonly column: number };
	readonly says: string;
}

/** Nothing is written yet. */
export interface FixPlan {
	readonly files: readonly PlannedFile[];
	readonly changes: readonly PlannedChange[];
	/** By eval file. */
	readonly fixed: ReadonlyMap<string, readonly ValidationFinding[]>;
	readonly refused: readonly { readonly finding: ValidationFinding; readonly reason: string }[];
	/** By affected eval; before and after the fixes. */
	readonly meanings: ReadonlyMap<string, string>;
	/** Absolute; a killed fix can have left files there. */
	readonly directories: ReadonlySet<string>;
}

/**
 * Plans fixes that keep every eval's meaning. Read-only; offline unless `pin` contacts remotes.
 * @throws AgentvError `refused`, with the fix that would change an eval's meaning
 */
export async function planFixes(files: readonly string[], options: FixOptions): Promise<FixPlan> {
	const run = validationRun(options);
	const { findings, refused, directories } = await fixable(files, options, run);
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
		fixed: byEval(made),
		refused,
		meanings: compared.meanings,
		directories,
	};
}

async function fixable(files: readonly string[], options: FixOptions, run: ValidationRun) {
	const templates = new Map<string, unknown>();
	const commits = new Map<string, Promise<string>>();
	const findings: PlannedFinding[] = [];
	const refused: FixPlan["refused"][number][] = [];
	const directories = new Set<string>();
	for (const file of files) {
		if (options.signal?.aborted) throw new AgentvError("interrupted", "the fix was interrupted; nothing was written");
		const context = evalContext(file, run);
		const { root } = context.loaded.scope;
		for (const path of [file, ...context.loaded.sources.keys()]) directories.add(dirname(path));
		for (const finding of findAll(context, options.levels ?? new Map()).findings) {
			const rule = findRule(finding.rule);
			if (!rule?.fix || !rule.fixedBy || !options.modes.has(rule.fixedBy)) continue;
			const changes = rule.fix(finding, context);
			if (changes.length === 0) continue;
			const inTemplate = [...remembered(templates, root, () => templatesBelow(root, run))].some((template) =>
				isInside(template, file),
			);
			if (inTemplate || isInCase(file, root, run.view)) {
				refused.push({ finding, reason: "the eval is inside another eval's template" });
				continue;
			}
			const ready = await withCommits(changes, context, commits, options);
			if (typeof ready === "string") refused.push({ finding, reason: ready });
			else findings.push({ evalFile: file, finding, changes: ready });
		}
	}
	return { findings, refused, directories };
}

async function withCommits(
	changes: readonly Change[],
	context: EvalContext,
	commits: Map<string, Promise<string>>,
	options: FixOptions,
): Promise<readonly (FieldChange | TargetChange)[] | string> {
	const { loaded, run } = context;
	const ready: (FieldChange | TargetChange)[] = [];
	for (const change of changes) {
		if (change.kind !== "pin") {
			ready.push(change);
			continue;
		}
		const { at, repo, ref } = change;
		if (newAccess([...repositoryAccess({ loaded, tests: loaded.tests })], run).length > 0)
			return "you have not allowed its benchmark or bundle to contact the required hosts";
		const refusal = checkGitUrl(repo) ?? (ref === undefined ? undefined : checkGitRef(ref));
		if (refusal) return refusal.message;
		try {
			const sha = await remembered(commits, `${repo}\0${ref ?? ""}`, () => remoteCommit(change, options));
			const says = `${ref ?? "HEAD"} → ${sha}`;
			if (ref === undefined) ready.push({ kind: "entry", at, key: "commit", value: sha, says });
			else ready.push({ kind: "value", at, value: sha, says });
		} catch (error) {
			if (error instanceof AgentvError) return error.message;
			throw error;
		}
	}
	return ready;
}

const timeoutMs = 60_000;

async function remoteCommit({ repo, ref }: PinChange, { env, signal }: FixOptions): Promise<string> {
	const { url, credentials } = splitCredentials(expandRepoShorthand(repo) ?? repo);
	// Like git: a branch before a tag, and the commit of an annotated tag.
	const names = ref === undefined ? ["HEAD"] : [`refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`];
	const refs = await listRemoteRefs("/", url, names, {
		...{ env, signal, timeoutMs, variables: { GIT_DIR: "/nonexistent" } },
		...(credentials ? { credentials: { url, ...credentials } } : {}),
	});
	const match = names.flatMap((name) => refs.find((remote) => remote.ref === name) ?? [])[0];
	if (!match) throw new AgentvError("failed", `the remote has no branch or tag ${JSON.stringify(ref ?? "HEAD")}`);
	return match.sha;
}

/** Tries each fix alone to find the one that changes the eval's meaning. */
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
	return new Map([...result].map(([file, findings]) => [file, distinctFindings(findings)]));
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
 * Writes all of a plan's files or none, and reverts them if an eval changed its meaning.
 * @throws AgentvError `refused` if so, or if a file changed since the plan
 */
export function applyFixes(plan: FixPlan, options: Omit<FixOptions, "view">): void {
	for (const directory of plan.directories) sweepStagedFiles(directory);
	for (const { path, before } of plan.files) {
		const now = pathKind(path) === "missing" ? undefined : openDiskView().readText(path);
		if (now !== before)
			throw new AgentvError("refused", `${path} was changed while the fixes were planned; nothing was written`, {
				hint: "Try again.",
			});
	}
	writeAllOrNone(plan.files.map(({ path, after }) => ({ path, content: after })));
	// The cached reads are outdated.
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

/** Includes all evals in or below the directories of changed files. */
function evalsAround(files: readonly PlannedFile[], requested: readonly string[], view: DiskView): string[] {
	const directories = [...new Set(files.map(({ path }) => dirname(path.replace(/\/\.agentv\/[^/]+$/, "/x"))))];
	const below = directories.flatMap((directory) => evalsBelow(directory, view));
	return [...new Set([...requested, ...below])].sort();
}

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

/** Stops at the first eval whose meaning would change. Skips evals that use none of the files. */
function compareMeanings(
	evals: readonly string[],
	files: readonly PlannedFile[],
	run: ValidationRun,
	options: MeaningOptions,
): { readonly meanings: ReadonlyMap<string, string>; readonly changed?: string } {
	const changed = new Map(files.map(({ path, after }) => [path, after]));
	const runAfter = validationRun({ ...run, view: overlayDiskView(run.view, changed) });
	const meanings = new Map<string, string>();
	for (const file of evals) {
		const after = contextOf(file, runAfter);
		const reads = after ? [...after.loaded.sources.keys(), ...after.targets.files] : [file];
		if (!reads.some((path) => changed.has(path))) continue;
		const before = contextOf(file, run);
		const [old, now] = [before && meaning(before, options), after && meaning(after, options)];
		if (old !== now || (before && after && addsErrors(before, after))) return { meanings, changed: file };
		meanings.set(file, old ?? "unreadable");
	}
	return { meanings };
}

function addsErrors(before: EvalContext, after: EvalContext): boolean {
	const counts = new Map<string, number>();
	const count = ({ findings }: EvalContext, by: number) => {
		for (const { rule, severity } of findings) if (severity === "error") counts.set(rule, (counts.get(rule) ?? 0) + by);
	};
	count(before, -1);
	count(after, 1);
	return [...counts.values()].some((more) => more > 0);
}

export interface OfferedEdit {
	readonly rule: string;
	readonly at: { readonly file: string; readonly offset: number };
	readonly says: string;
	/** 1-based lines and columns; end exclusive. */
	readonly files: readonly {
		readonly path: string;
		readonly region: Readonly<Record<"startLine" | "startColumn" | "endLine" | "endColumn", number>>;
		readonly text: string;
	}[];
}

/** Returns the edits of `--fix` for each finding: one per changed file. Writes nothing. */
export async function offeredEdits(
	files: readonly string[],
	options: Omit<FixOptions, "modes">,
): Promise<OfferedEdit[]> {
	const offered: OfferedEdit[] = [];
	for (const file of files) {
		const plan = await planOf(file, options);
		for (const finding of plan.fixed.get(file) ?? []) {
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

async function planOf(file: string, options: Omit<FixOptions, "modes">): Promise<FixPlan> {
	try {
		return await planFixes([file], { ...options, modes: new Set(["fix"] as const) });
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code !== "refused") throw error;
		return { files: [], changes: [], fixed: new Map(), refused: [], meanings: new Map(), directories: new Set() };
	}
}

function regionsOf(plan: FixPlan, own: string, target: boolean): OfferedEdit["files"] {
	const files = plan.files.filter(({ path }) => (target ? /\/targets\.ya?ml$/.test(path) : path === own));
	return files.map(({ path, before = "", after }) => ({ path, ...changedStretch(before, after) }));
}

function changedStretch(before: string, after: string): Omit<OfferedEdit["files"][number], "path"> {
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
