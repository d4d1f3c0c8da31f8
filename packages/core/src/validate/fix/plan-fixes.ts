import { dirname } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { repositoryAccess } from "../../model/access.ts";
import { newAccess } from "../../model/consent.ts";
import { type EvalContext, evalContext } from "../eval-context.ts";
import type { ValidationFinding } from "../eval-result.ts";
import { distinctFindings, judgedFindings } from "../judge.ts";
import type { FixWhen } from "../rule.ts";
import type { ValidateOptions } from "../validate-evals.ts";
import { type ValidationRun, validationRun } from "../validation-run.ts";
import type { Change, FieldChange, TargetChange } from "./change.ts";
import { editedFiles } from "./edited-files.ts";
import type { FixPlan, PlannedChange, PlannedFile } from "./fix-plan.ts";
import { compareMeanings, evalsAround } from "./meaning-check.ts";
import { Remotes } from "./pin-repos.ts";
import type { PlannedFinding } from "./planned-finding.ts";
import { TemplateEvals } from "./template-evals.ts";

export interface FixOptions extends ValidateOptions {
	/** What is to be mended: what `--fix` mends, and what `--migrate` and `--pin` ask for. */
	readonly modes: ReadonlySet<FixWhen>;
}

type Refused = { finding: ValidationFinding; reason: string };

/**
 * Plans the fixes of evals: which files would hold what, so that every eval that reads them means what it meant. Reads only;
 * with `pin` it asks remotes, else it is offline.
 * @throws AgentvError `refused`, naming the fix, where an eval would mean something else
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

/** The findings that can be mended, with their changes; nothing of an eval is kept but that. */
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

/** Finds the one fix that changes what an eval means, by trying each alone. */
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
