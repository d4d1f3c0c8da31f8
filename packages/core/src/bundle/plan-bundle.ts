import { dirname, join, relative, resolve } from "node:path";
import { isBundleDirectory, manifestName, verifyBundle } from "../eval/bundle-manifest.ts";
import { type IncludedFiles, includedFiles } from "../eval/content.ts";
import { benchmarkOfFile, type EvalScope } from "../eval/discover-evals.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import { findingKey } from "../eval/loading.ts";
import { neededPrograms } from "../eval/script-closure.ts";
import { newAccess, refuseNewAccess, repositoryAccess, TrustSubjects } from "../eval/trust.ts";
import { collectReferences, irregularReferences } from "../eval/visit.ts";
import { type BundleManifest, manifestVersion } from "../format/bundle-manifest.ts";
import { AgentvError, type Diagnostic, type FindingKind, finding, hasErrors } from "../lib/errors.ts";
import { redactUrl } from "../lib/git-url.ts";
import { scanReferences } from "../lib/interpolate.ts";
import { createRedactor, secretsOf } from "../lib/redact.ts";
import { listDirectory, sweepStaged } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, largestTree, pathKind, realPath, refuseTooLarge, targetKind } from "../machine/files.ts";
import { emptyDirectories, listTree } from "../machine/find-files.ts";
import { GitError } from "../machine/git.ts";
import {
	currentBranch,
	foreignRepository,
	headCommit,
	isDirty,
	remoteUrl,
	repositoryRoot,
} from "../machine/git-repository.ts";
import { type BundleOptions, type BundlePlan, recordedPath } from "./bundle-plan.ts";
import { checkCopies, collectCopies, gatherSources, treeCopies } from "./gather-sources.ts";
import { chosenNames, generateFiles } from "./generate-files.ts";
import { layOut, suitePlaces } from "./layout.ts";
import { type LoadedSource, loadSource, rawValues, type TargetSelection } from "./load-source.ts";
import { sourceMeaning } from "./meaning.ts";
import { pinRepositories } from "./pinned-repositories.ts";
import { anchorVariablePaths, bundlePlaces, indexReferences, type RewriteInput } from "./rewriter.ts";

const variablePath: FindingKind<{ names: readonly string[]; path: string }> = {
	rule: "env.path",
	severity: "warning",
	message: ({ names, path }) => `the path depends on ${names.join(", ")}; the bundle keeps the current one: ${path}`,
};

const variableChoice: FindingKind<{ names: readonly string[]; target: string }> = {
	rule: "targets.chosen-by-variable",
	severity: "warning",
	message: ({ names, target }) =>
		`${names.join(", ")} selected the target ${JSON.stringify(target)}; the bundle keeps that selection`,
	hint: () => "--target NAME selects another",
};

/**
 * Plans a bundle. Only removes leftovers of killed processes next to the output; `pin` and
 * `vendorRepos` contact remotes.
 * @throws AgentvError `refused` with all obstacles and their locations; `not-found` for the eval
 */
export async function planBundle(options: BundleOptions): Promise<BundlePlan> {
	// First restore an existing bundle that a killed process moved away.
	await sweepStaged(dirname(resolve(options.cwd, options.output)));
	const source = loadSource(options);
	return (await planCopy(source.loaded, options)) ?? planFrom(await observe(source, options));
}

type Observation = Awaited<ReturnType<typeof observe>>;

/** Contacts remotes only to pin repositories. @throws AgentvError `refused` with every error */
async function observe(source: LoadedSource, requested: BundleOptions) {
	const { loaded, scope, selection } = source;
	const { view, cwd } = requested;
	const output = resolve(cwd, requested.output);
	const replaces = judgeOutput(output, loaded.scope.directory, requested.force ?? false);
	const options =
		requested.targetsFile === undefined
			? requested
			: { ...requested, targetsFile: resolve(cwd, requested.targetsFile) };
	const suites = suitePlaces(loaded);
	const included = include(loaded, scope.files, options);
	const references = collectReferences(loaded, selection.all, view);
	const gathered = gatherSources({ loaded, references, suites, included: included.files, view });
	const diagnostics = [
		...loaded.diagnostics.filter(({ severity }) => severity === "error"),
		...irregularReferences(references.files),
		...selection.diagnostics,
		...included.diagnostics,
		...gathered.diagnostics,
		...choicesByVariable(selection),
	];
	// The loader and copying report unreadable files.
	const distinct = [...new Map(diagnostics.map((diagnostic) => [findingKey(diagnostic), diagnostic])).values()];
	stopOnErrors(loaded.file, cwd, distinct);
	for (const area of Object.values(gathered.areas))
		for (const directory of area.trees.keys()) refuseNested(directory, output);
	const { pin = false, vendorRepos = false, signal } = options;
	if (pin || vendorRepos) {
		const fetched = [...repositoryAccess({ loaded, tests: loaded.tests })];
		refuseNewAccess(newAccess(fetched, { env: options.env, view }), createRedactor(secretsOf(options.env)));
	}
	const pins = { pin: pin || vendorRepos, vendor: vendorRepos, env: options.env, view, signal };
	const pinned = await pinRepositories(loaded, pins);
	return {
		...{ ...source, options, references, suites, gathered, pinned, output, replaces, dotEnv: included.dotEnv },
		origin: await provenance(loaded.file, loaded.scope, options.env),
		diagnostics: [...distinct, ...pinned.diagnostics],
	};
}

function planFrom(observation: Observation): BundlePlan {
	const { options, loaded, selection, gathered, pinned, env } = observation;
	const chosen = options.targets ?? [];
	const rewrite = rewriteInput(observation);
	const { copies, emptyDirectories } = collectCopies(gathered, rewrite.layout);
	let targets: ReadonlySet<string> | undefined;
	const isCopied = (path: string) => {
		targets ??= new Set(copies.map(({ target }) => target));
		return targets.has(path);
	};
	const captured = options.captureEnv ? env : undefined;
	const files = generateFiles({ loaded, selection, chosen, rewrite, isCopied, env: captured });
	const reserved = [...files.texts.keys(), ...pinned.vendored.map(({ to }) => to), manifestName];
	const here = { file: loaded.file, path: [] };
	stopOnErrors(loaded.file, options.cwd, [...checkCopies(copies, reserved, here, observation.dotEnv)]);
	const copied = copies.filter(({ link }) => link === undefined);
	refuseTooLarge(
		"the bundle",
		copied.map(({ size, source }) => ({ size, path: source })),
		largestTree,
	);
	const recorded = emptyDirectories.length > 0 ? { emptyDirectories: [...emptyDirectories] } : {};
	return {
		kind: "bundle",
		output: observation.output,
		replaces: observation.replaces,
		sourceRoot: loaded.scope.root,
		...{ copies, emptyDirectories, generated: files.texts, env },
		vendored: pinned.vendored,
		manifest: { ...manifestDraft(observation, files.variables), ...recorded },
		warnings: [...observation.diagnostics, ...pathsByVariable(observation, rewrite)].filter(
			({ severity }) => severity === "warning",
		),
		allowedSecrets: options.allowedSecrets ?? [],
		trustIn: isOfUser(observation) ? options.env : undefined,
		meaning: sourceMeaning(loaded, selection, rewrite, options.view, chosen.length === 0),
		keepsChoices: chosen.length === 0,
	};
}

function rewriteInput({ loaded, scope, selection, references, suites, gathered, pinned }: Observation) {
	const raw = rawValues(loaded.sources, scope.sources);
	anchorVariablePaths(references, raw, gathered.areas);
	const layout = layOut(gathered.areas, gathered.own);
	return {
		...{ raw, layout, suites, bound: gathered.bound, evalDirectory: loaded.scope.directory },
		index: indexReferences(loaded, references),
		places: bundlePlaces(gathered, layout, suites),
		settled: { ...pinned, texts: new Map([...pinned.texts, ...chosenNames(selection, raw)]) },
	};
}

/** Returns false if the source depends on synced benchmarks or bundles. */
function isOfUser({ loaded, scope, options }: Observation): boolean {
	const subjects = new TrustSubjects(options.env, options.view);
	return [...loaded.sources.keys(), ...scope.files].every((file) => subjects.of(file).length === 0);
}

function manifestDraft(
	{ options, loaded, selection, references, gathered, pinned, origin }: Observation,
	variables: BundleManifest["variables"],
): BundlePlan["manifest"] {
	const targets = [...selection.named].sort(([a], [b]) => (a < b ? -1 : 1));
	const executables = neededPrograms(references, selection.all);
	for (const program of gathered.programs) executables.add(program);
	if (pinned.repos.length > 0) executables.add("git");
	return {
		formatVersion: manifestVersion,
		agentvVersion: options.agentvVersion,
		createdAt: creationTime(options),
		source: origin,
		flags: recordedFlags(options, loaded.scope.root),
		variables,
		targets: targets.map(([name, { via }]) => ({
			name,
			via: via.map((hop) => ({ name: hop.definition.name, chosenBy: [...(hop.next?.chosenBy ?? [])] })),
		})),
		repos: [...pinned.repos],
		requires: { packages: [...gathered.packages], executables: [...executables].sort() },
	};
}

function recordedFlags(options: BundleOptions, root: string): string[] {
	const { targets = [], targetsFile, include = [], allowedSecrets = [] } = options;
	return [
		...targets.flatMap((name) => ["--target", name]),
		...(targetsFile === undefined ? [] : ["--targets", recordedPath(root, targetsFile)]),
		...(options.captureEnv ? ["--capture-env"] : []),
		...(options.pin ? ["--pin"] : []),
		...(options.vendorRepos ? ["--vendor-repos"] : []),
		...(options.includeOutside ? ["--include-outside"] : []),
		...include.flatMap((pattern) => ["--include", pattern]),
		...allowedSecrets.flatMap((prefix) => ["--allow-secret", prefix]),
	];
}

/** `SOURCE_DATE_EPOCH` (seconds since 1970) fixes it. */
function creationTime({ now = new Date(), env }: BundleOptions): string {
	const epoch = env.SOURCE_DATE_EPOCH;
	const date = epoch !== undefined && /^\d{1,12}$/.test(epoch) ? new Date(Number(epoch) * 1000) : now;
	return date.toISOString().replace(/\.\d{3}Z$/, "Z");
}

function include(
	{ bundle, file, scope }: LoadedEval,
	targetFiles: readonly string[],
	options: BundleOptions,
): IncludedFiles {
	const own = bundle.include.map((pattern, index) => ({ pattern, at: { file, path: ["bundle", "include", index] } }));
	const requested = (options.include ?? []).map((pattern) => ({ pattern, at: { file, path: [] } }));
	const included = includedFiles([...own, ...requested], bundle.exclude, scope.directory, options.view);
	// The rewritten eval and its targets are already in the bundle.
	const written = new Set([file, ...targetFiles]);
	return { ...included, files: included.files.filter((path) => !written.has(path)) };
}

function choicesByVariable({ named }: TargetSelection): Diagnostic[] {
	return [...named].flatMap(([name, { via, at }]) => {
		const names = [...new Set(via.flatMap((hop) => hop.next?.chosenBy ?? []))];
		const target = via.at(-1)?.definition.name ?? name;
		return names.length === 0 ? [] : [finding(variableChoice, { names, target }, at)];
	});
}

function* pathsByVariable({ references }: Observation, { raw, places }: RewriteInput): Generator<Diagnostic> {
	for (const reference of references.files) {
		const written = raw.at(reference.at);
		if (typeof written !== "string" || !written.includes("${{") || reference.kind === "metadata-file") continue;
		const path = places.target(reference);
		const names = scanReferences(written).flatMap((token) => (token.kind === "reference" ? [token.name] : []));
		if (path !== undefined && names.length > 0)
			yield finding(variablePath, { names: [...new Set(names)], path }, reference.at);
	}
}

/** Returns whether an existing bundle is replaced. @throws AgentvError `refused` */
function judgeOutput(output: string, source: string, force: boolean): boolean {
	const refuse = (what: string, hint?: string): never => {
		throw new AgentvError("refused", `the output ${output} ${what}`, hint === undefined ? {} : { hint });
	};
	const [real, realSource] = [realPath(output), realPath(source)];
	if (isInside(realSource, real)) refuse(`is inside the source ${source}`, "choose a directory outside the eval's");
	if (isInside(real, realSource)) refuse(`contains the source ${source}`, "choose a separate directory for the bundle");
	const kind = targetKind(output);
	if (kind === "missing") return pathKind(output) === "link" && refuse("is a broken link");
	if (kind !== "directory") refuse("exists and is not a directory");
	if (listDirectory(output).length === 0) return false;
	if (!isBundleDirectory(output))
		refuse(
			"is not empty and not a bundle",
			"choose a new or empty directory; --force only replaces an existing bundle",
		);
	return force || refuse("is already a bundle", "--force overwrites it");
}

function refuseNested(directory: string, output: string): void {
	if (!isInside(directory, output) && !isInside(output, directory)) return;
	throw new AgentvError(
		"refused",
		`the output ${output} is inside ${directory}, which would be bundled, or contains it`,
		{
			hint: "choose a directory outside the source",
		},
	);
}

/** @throws AgentvError `refused` with all errors among `diagnostics`, if any */
function stopOnErrors(file: string, cwd: string, diagnostics: readonly Diagnostic[]): void {
	if (!hasErrors(diagnostics)) return;
	const errors = diagnostics.filter(({ severity }) => severity === "error");
	const count = errors.length === 1 ? "it has an error" : `it has ${errors.length} errors`;
	const short = relative(cwd, file);
	throw new AgentvError("refused", `${short.startsWith("..") ? file : short} can't be bundled: ${count}`, {
		diagnostics: errors,
	});
}

type BundleSource = BundleManifest["source"];

async function provenance(file: string, scope: EvalScope, env: Environment): Promise<BundleSource> {
	const root = repositoryRoot(scope.directory);
	const git = root === undefined ? undefined : await gitFacts(root, env);
	return {
		eval: recordedPath(root ?? scope.root, file),
		...{ commit: git?.commit ?? null, branch: git?.branch ?? null, dirty: git?.dirty ?? null },
		remote: git?.remote === undefined ? null : redactUrl(git.remote),
		benchmark: await benchmark(file, env),
	};
}

async function gitFacts(root: string, env: Environment) {
	try {
		const options = { env, ...foreignRepository(root, env) };
		const [commit, branch, dirty, remote] = await Promise.all([
			headCommit(root, options),
			currentBranch(root, options),
			isDirty(root, options),
			remoteUrl(root, options),
		]);
		return { commit, branch, dirty, remote };
	} catch (error) {
		// Without git, or if git refuses the repository, the manifest has less information.
		if (error instanceof GitError) return undefined;
		throw error;
	}
}

async function benchmark(file: string, env: Environment): Promise<BundleSource["benchmark"]> {
	try {
		const benchmark = benchmarkOfFile(file, env);
		if (!benchmark) return null;
		const root = benchmark.isGitBacked ? repositoryRoot(benchmark.root) : undefined;
		const git = root === undefined ? undefined : await gitFacts(root, env);
		return { id: benchmark.id, revision: git?.commit ?? null };
	} catch (error) {
		// An unreadable registry doesn't affect this eval.
		if (error instanceof AgentvError) return null;
		throw error;
	}
}

/**
 * An unchanged bundle is copied, or stays in place. Undefined for anything else, including edited
 * bundles and new flags: those are bundled like any eval.
 */
async function planCopy({ scope, file }: LoadedEval, options: BundleOptions): Promise<BundlePlan | undefined> {
	const { targets = [], targetsFile, captureEnv, pin, vendorRepos, include = [], includeOutside } = options;
	const adds = captureEnv || pin || vendorRepos || includeOutside || targetsFile !== undefined;
	if (scope.rootKind !== "bundle" || file !== join(scope.root, "eval.yaml")) return undefined;
	if (adds || targets.length > 0 || include.length > 0) return undefined;
	const verification = await verifyBundle(scope.root, { signal: options.signal });
	if (!verification.ok) return undefined;
	const output = resolve(options.cwd, options.output);
	const unchanged = realPath(output) === realPath(scope.root);
	const entries = unchanged ? [] : listTree(scope.root);
	return {
		kind: unchanged ? "unchanged" : "copy",
		output,
		replaces: unchanged ? false : judgeOutput(output, scope.root, options.force ?? false),
		sourceRoot: scope.root,
		copies: treeCopies({ from: scope.root, to: "", kind: "data" }, entries),
		emptyDirectories: emptyDirectories(entries),
		generated: new Map(),
		vendored: [],
		manifest: verification.manifest,
		warnings: [],
		env: options.env,
		allowedSecrets: options.allowedSecrets ?? [],
		trustIn: undefined,
		meaning: null,
		keepsChoices: true,
	};
}
