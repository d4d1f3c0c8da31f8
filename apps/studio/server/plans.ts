import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import {
	AgentvError,
	agentvHome,
	applyFixes,
	type BundleProgress,
	collectReferences,
	describePlan,
	type FixPlan,
	type FixWhen,
	fileStamp,
	isInside,
	listDirectory,
	openDiskView,
	type PlanDescription,
	planBundle,
	planFixes,
	planRun,
	type RunPlan,
	type RunRequest,
	readManifest,
	realPath,
	resolvedTargets,
	safeName,
	targetKind,
	unifiedDiff,
	usedTargets,
	validateEvals,
	writeBundle,
} from "@agentv/core";
import type { BundleAnswer, BundleEventAnswer } from "./answers/bundles.ts";
import type { AccessAnswer, FixAnswer, FixPreviewAnswer, RunPlanAnswer } from "./answers/evals.ts";
import { describeCommands, describeTargets, type OpenedEval } from "./describe-eval.ts";
import type { FoundEval, StudioOptions } from "./find-eval.ts";
import type { Services } from "./problem.ts";

/** The requested kinds of fixes. */
export interface FixModes {
	readonly migrate?: boolean | undefined;
	readonly pin?: boolean | undefined;
}

/** Returns the changes that fixing the eval would make, without writing them. */
export async function previewFix(opened: OpenedEval, modes: FixModes, services: Services): Promise<FixPreviewAnswer> {
	const plan = await planned(opened, modes, services);
	const { redact, redactWritten, shown } = opened;
	return {
		files: plan.files.map(({ path, before, after }) => ({
			file: shown(path),
			diff: redactWritten(unifiedDiff({ path: shown(path), before, after })),
			created: before === undefined,
		})),
		changes: plan.changes.map(({ rule, file, says }) => ({ rule, file: shown(file), says: redact(says) })),
		refused: plan.refused.map(({ finding, reason }) => ({ rule: finding.rule, reason: redact(reason) })),
		digest: digestOf(plan),
	};
}

/** Writes reviewed fixes. @throws AgentvError `refused` if they have changed since the review */
export async function applyFix(
	opened: OpenedEval,
	modes: FixModes,
	digest: string,
	services: Services,
): Promise<FixAnswer> {
	const plan = await planned(opened, modes, services);
	if (digestOf(plan) !== digest)
		throw new AgentvError("refused", "the eval has changed since the fixes were reviewed", {
			hint: "Review the fixes again.",
		});
	const { env, cwd } = services.options;
	applyFixes(plan, { env, cwd, modes: modesOf(modes) });
	const { file } = opened.found;
	const fixed = plan.mended.get(file)?.length ?? 0;
	for await (const validation of validateEvals([file], { view: openDiskView(), env, cwd })) {
		const { errors, warnings } = services.marks.remember(validation);
		return { files: plan.files.map(({ path }) => opened.shown(path)), fixed, errors, warnings };
	}
	throw new Error("validation yields one result for each file");
}

async function planned(opened: OpenedEval, modes: FixModes, { options }: Services): Promise<FixPlan> {
	const { found, view } = opened;
	const plan = await planFixes([found.file], { view, env: options.env, cwd: options.cwd, modes: modesOf(modes) });
	const outside = plan.files.find(({ path }) => !isInside(found.place.root, realPath(dirname(path))));
	if (outside)
		throw new AgentvError("refused", `the fix would write ${outside.path}, which Studio may not change`, {
			hint: "Fix it on the command line: agentv eval validate --fix",
		});
	return plan;
}

function modesOf({ migrate, pin }: FixModes): ReadonlySet<FixWhen> {
	return new Set<FixWhen>(["fix", ...(migrate ? ["migrate" as const] : []), ...(pin ? ["pin" as const] : [])]);
}

function digestOf({ files }: FixPlan): string {
	const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
	return createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
}

const machineOf = ({ env, cwd, version }: Services["options"]) => ({ env, cwd, version });

/** Returns the eval as seen by a run on these targets. */
export function withTargets(opened: OpenedEval, targets: readonly string[]): OpenedEval {
	if (targets.length === 0) return opened;
	return { ...opened, uses: usedTargets(opened.loaded, opened.targets, targets) };
}

/** A plan and its presentation, whose digest the user confirms before the run. */
export interface ShownPlan {
	readonly answer: RunPlanAnswer;
	/** Absent if it can't be run. */
	readonly plan?: RunPlan;
}

/** Describes what a run would execute, read and connect to. */
export function describeRunPlan(opened: OpenedEval, request: RunRequest, { options }: Services): ShownPlan {
	const { found, loaded, redact } = opened;
	const commands = describeCommands(opened);
	const targets = describeTargets(opened);
	const planned = tryPlan(request, options);
	const repos = [
		...new Map(
			[loaded.suite, ...loaded.tests.map(({ suite }) => suite), ...loaded.tests]
				.flatMap(({ workspace }) => workspace?.repos ?? [])
				.map(({ path, repo, commit }) => [
					`${path}\0${repo}`,
					{ path, repo: redact(repo), commit: commit === undefined ? null : redact(commit) },
				]),
		).values(),
	];
	const problems = "problems" in planned ? planned.problems.map(redact) : [];
	const cases = "plan" in planned ? planned.description.cases : [];
	const attempts = cases.reduce((sum, one) => sum + one.attempts, 0);
	const access = "plan" in planned ? accessAnswers(planned.description.access) : [];
	const digest = planDigest(opened, { commands, targets, repos, access });
	const shown = { targets, commands, repos, access, problems };
	const answer = { tests: cases.length, attempts, ...shown, foreign: found.place.foreign, digest };
	return { answer, ...("plan" in planned ? { plan: planned.plan } : {}) };
}

function accessAnswers({ variables, hosts, files }: PlanDescription["access"]): AccessAnswer[] {
	return [
		...variables.map(({ name, isNew }) => ({ kind: "variable" as const, name, new: isNew })),
		...hosts.map(({ name, isNew }) => ({ kind: "host" as const, name, new: isNew })),
		...files.map(({ name, isNew }) => ({ kind: "file" as const, name, new: isNew })),
	];
}

type Planned =
	| { readonly plan: RunPlan; readonly description: PlanDescription }
	| { readonly problems: readonly string[] };

function tryPlan(request: RunRequest, options: Services["options"]): Planned {
	try {
		const plan = planRun(request, machineOf(options));
		return { plan, description: describePlan(plan) };
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code === "internal") throw error;
		const details = error.diagnostics.map(({ message }) => message);
		return { problems: details.length > 0 ? details.slice(0, 50) : [error.message] };
	}
}

/** Returns a digest of what would be executed and of all files involved. */
function planDigest({ loaded, uses, view, found, env }: OpenedEval, shown: unknown): string {
	const { files } = collectReferences(loaded, resolvedTargets(uses), view);
	const resolved = uses.map(({ choice, resolution }) => [choice.name, resolution.ok && resolution.target.wire]);
	const paths = [found.file, ...loaded.sources.keys(), ...files.map((reference) => reference.resolved)];
	const stamps = [...new Set(paths)].sort().map((path) => [path, fileStamp(path)]);
	const values = loaded.variables.map(({ name }) => [name, env[name]]);
	return createHash("sha256")
		.update(JSON.stringify([shown, resolved, stamps, values]))
		.digest("hex");
}

/** Plans a run. @throws AgentvError if it can't be run */
export function planFor(request: RunRequest, { options }: Services): RunPlan {
	return planRun(request, machineOf(options));
}

/** Options of a bundle. */
export interface BundleChoices {
	readonly name?: string | undefined;
	readonly targets?: readonly string[] | undefined;
	readonly capture_env?: boolean | undefined;
	readonly pin?: boolean | undefined;
	readonly vendor_repos?: boolean | undefined;
	readonly include?: readonly string[] | undefined;
	readonly allow_secrets?: readonly string[] | undefined;
}

/** Returns Studio's directory for bundles, because pages must not choose paths. */
function shelf({ env }: Pick<StudioOptions, "env">): string {
	return join(agentvHome(env), "bundles");
}

/** Lists the existing bundles that Studio has created, by name. */
export function listBundles(options: StudioOptions): BundleAnswer[] {
	const root = shelf(options);
	return listDirectory(root).flatMap((name) => describe(root, name) ?? []);
}

/** @throws AgentvError `not-found` */
export function findBundle(id: string, options: StudioOptions): BundleAnswer {
	const root = shelf(options);
	const found = listDirectory(root).includes(id) ? describe(root, id) : undefined;
	if (!found) throw new AgentvError("not-found", "bundle not found", { hint: "It may have been moved or deleted." });
	return found;
}

function describe(root: string, name: string): BundleAnswer | undefined {
	const directory = join(root, name);
	if (name.startsWith(".") || targetKind(join(directory, "manifest.json")) !== "file") return undefined;
	try {
		const { digest, createdAt, files, source } = readManifest(directory);
		const size = files.reduce((sum, file) => sum + file.size, 0);
		return { id: name, directory, eval: source.eval, digest, created_at: createdAt, files: files.length, size };
	} catch (error) {
		// Not a bundle, or no longer one.
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}

/** Bundles an eval and yields its progress. @throws AgentvError */
export async function* makeBundle(
	{ file, path }: FoundEval,
	choices: BundleChoices,
	{ options, redact }: Services,
	signal: AbortSignal,
): AsyncGenerator<BundleEventAnswer> {
	const time = new Date()
		.toISOString()
		.replace(/\.\d+Z$/, "")
		.replaceAll(/[:T]/g, "-");
	const id = choices.name ?? `${safeName(path)}-${time}`;
	const plan = await planBundle({
		file,
		output: join(shelf(options), id),
		cwd: options.cwd,
		env: options.env,
		view: openDiskView(),
		agentvVersion: options.version,
		targets: choices.targets?.length ? choices.targets : undefined,
		captureEnv: choices.capture_env,
		pin: choices.pin,
		vendorRepos: choices.vendor_repos,
		include: choices.include,
		allowedSecrets: choices.allow_secrets,
		signal,
	});
	for await (const progress of writeBundle(plan, { signal })) {
		if (progress.type !== "done") yield step(progress);
		else {
			const { manifest, output } = progress;
			yield {
				type: "outcome",
				bundle: id,
				directory: output,
				digest: manifest.digest,
				files: manifest.files.length,
				size: manifest.files.reduce((sum, { size }) => sum + size, 0),
				warnings: plan.warnings.map(({ message }) => redact(message)),
				required: manifest.variables.filter(({ required }) => required).map(({ name }) => name),
			};
		}
	}
}

function step(progress: Exclude<BundleProgress, { type: "done" }>): BundleEventAnswer {
	if (progress.type === "copying")
		return { type: "progress", phase: "copying", done: progress.files, total: progress.totalFiles, what: null };
	const what = progress.type === "vendoring" ? progress.repository : null;
	return { type: "progress", phase: progress.type, done: 0, total: null, what };
}
