import { dirname, relative, resolve, sep } from "node:path";
import { repositoryAccess } from "../eval/access.ts";
import { manifestName } from "../eval/bundle-manifest.ts";
import { type IncludedFiles, includedFiles } from "../eval/content.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import type { TargetScope } from "../eval/load-targets.ts";
import { findingKey } from "../eval/loading.ts";
import { collectReferences, irregularReferences, type References } from "../eval/references.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { neededPrograms } from "../eval/script-closure.ts";
import { newAccess, refuseNewAccess, TrustSubjects } from "../eval/trust.ts";
import { type BundleManifest, type BundleVariable, manifestVersion } from "../format/bundle-manifest.ts";
import { AgentvError, type Diagnostic, finding, hasErrors } from "../lib/errors.ts";
import { createRedactor, secretsOf } from "../lib/redact.ts";
import { type ReferenceToken, scanReferences } from "../lib/template-text.ts";
import { sweepStaged } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, largestTree, refuseTooLarge } from "../machine/files.ts";
import { variableChoice } from "./bundled-content.ts";
import { type BundlePlan, collectCopies, copySource, type ManifestDraft, planCopy } from "./collect-copies.ts";
import {
	type BundleOptions,
	chosenBy,
	creationTime,
	type GatheredSources,
	gatherSources,
	type LoadedSource,
	loadSource,
	recordedFlags,
	type TargetSelection,
} from "./gather-sources.ts";
import { isRecord, type Layout, layOut, rawValues, type SuitePlace, suitePlaces } from "./layout.ts";
import { sourceMeaning } from "./meaning.ts";
import { type PinnedRepositories, pinRepositories } from "./pinned-repositories.ts";
import { judgeOutput } from "./print-yaml.ts";
import { anchorVariablePaths } from "./rewriter.ts";
import { type BundleSource, capturedVariables, captureEnvironment, generateFiles, provenance } from "./write-bundle.ts";

/**
 * Reads an eval and its dependencies, and plans its bundle. Only removes leftovers of killed
 * processes next to the output; `pin` and `vendorRepos` contact remotes.
 * @throws AgentvError `refused` with all obstacles and their locations; `not-found` for the eval
 */
export async function planBundle(options: BundleOptions): Promise<BundlePlan> {
	// First, so that an existing bundle that a killed process moved away returns to its place.
	await sweepStaged(dirname(resolve(options.cwd, options.output)));
	const source = loadSource(options);
	return (await planCopy(source.loaded, options)) ?? planFrom(await observeSources(source, options));
}

function planFrom(observation: Observation): BundlePlan {
	const { options, loaded, scope, selection, gathered, pinned, env } = observation;
	const chosen = options.targets ?? [];
	const raw = rawValues(loaded.sources, scope.sources);
	anchorVariablePaths(observation.references, raw, gathered.areas);
	const layout = layoutOf(observation);
	const files = generateFiles({ ...observation, layout, chosen, raw });
	const captured = options.captureEnv ? capturedVariables(files.values, env) : undefined;
	const values = captured
		? new Map([...files.values].map(([path, value]) => [path, captureEnvironment(value, captured)]))
		: files.values;
	const generated = files.print(values);
	const reserved = [...generated.keys(), ...pinned.vendored.map(({ to }) => to), manifestName];
	const { copies, emptyDirectories, diagnostics } = collectCopies(gathered, layout, reserved, {
		at: { file: loaded.file, path: [] },
		allowedDotEnv: observation.dotEnv,
	});
	stopOnErrors(loaded.file, options.cwd, diagnostics);
	const copied = copies.filter(({ link }) => link === undefined);
	const sizes = copied.map((copy) => ({ size: copy.size, path: copySource(copy) }));
	refuseTooLarge("the bundle", sizes, largestTree);
	return {
		kind: "bundle",
		evalFile: loaded.file,
		output: observation.output,
		replaces: observation.replaces,
		sourceRoot: loaded.scope.root,
		...{ copies, emptyDirectories, generated, env },
		vendored: pinned.vendored,
		manifest: {
			...manifestDraft(observation, values, captured),
			...(emptyDirectories.length > 0 ? { emptyDirectories: [...emptyDirectories] } : {}),
		},
		warnings: [...observation.diagnostics, ...files.diagnostics].filter(({ severity }) => severity === "warning"),
		bytes: copies.reduce((sum, { size }) => sum + size, 0),
		allowedSecrets: options.allowedSecrets ?? [],
		trustIn: isOfUser(observation) ? options.env : undefined,
		meaning: sourceMeaning(loaded, selection, files.rewrite, options.view, chosen.length === 0),
		keepsChoices: chosen.length === 0,
	};
}

/** Returns whether the source is independent of synced benchmarks and bundles. */
function isOfUser({ loaded, scope, options }: Observation): boolean {
	const subjects = new TrustSubjects(options.env, options.view);
	return [...loaded.sources.keys(), ...scope.files].every((file) => subjects.of(file).length === 0);
}

function layoutOf({ gathered: { areas, own } }: Observation): Layout {
	const taken = new Map([...own].map(([path, { source }]) => [path, source]));
	const extents = {
		workspace: { directories: areas.workspace.directories() },
		scripts: { directories: areas.scripts.directories() },
		data: { directories: areas.data.directories(), named: areas.data.named },
	};
	return layOut(extents, taken);
}

function manifestDraft(
	{ options, loaded, selection, references, gathered, pinned, source }: Observation,
	values: ReadonlyMap<string, unknown>,
	captured: Observation["env"] | undefined,
): ManifestDraft {
	const relativePath = (path: string) => relative(loaded.scope.root, path).split(sep).join("/");
	const targets = [...selection.named].sort(([a], [b]) => (a < b ? -1 : 1));
	return {
		formatVersion: manifestVersion,
		agentvVersion: options.agentvVersion,
		createdAt: creationTime(options),
		source,
		flags: recordedFlags(options, relativePath),
		variables: bundleVariables(values, captured),
		targets: targets.map(([name, { via }]) => ({
			name,
			via: via.map((hop) => ({ name: hop.definition.name, chosenBy: [...(hop.next?.chosenBy ?? [])] })),
		})),
		repos: [...pinned.repos],
		requires: requirements(references, gathered, selection.all, pinned.repos.length > 0),
	};
}

/** Everything that was read to plan a bundle. */
interface Observation {
	readonly options: BundleOptions;
	readonly loaded: LoadedEval;
	readonly scope: TargetScope;
	readonly selection: TargetSelection;
	readonly references: References;
	readonly suites: ReadonlyMap<string, SuitePlace>;
	readonly gathered: GatheredSources;
	readonly pinned: PinnedRepositories;
	/** `.env` files that may be copied. */
	readonly dotEnv: ReadonlySet<string>;
	readonly source: BundleSource;
	/** The eval's environment. */
	readonly env: Environment;
	/** Absolute. */
	readonly output: string;
	readonly replaces: boolean;
	/** Warnings. */
	readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads everything that an eval needs. Contacts remotes only to pin repositories.
 * @throws AgentvError `refused` with every error and its location
 */
async function observeSources(
	{ loaded, scope, selection, env }: LoadedSource,
	given: BundleOptions,
): Promise<Observation> {
	const { view, cwd } = given;
	const output = resolve(cwd, given.output);
	const replaces = judgeOutput(output, loaded.scope.directory, given.force ?? false);
	const options = given.targetsFile === undefined ? given : { ...given, targetsFile: resolve(cwd, given.targetsFile) };
	const suites = suitePlaces(loaded);
	const included = include(loaded, scope, options);
	const references = collectReferences(loaded, selection.all, view);
	const gathered = gatherSources({ loaded, references, suites, included: included.files, view });
	const diagnostics = distinct([
		...loaded.diagnostics.filter(({ severity }) => severity === "error"),
		...irregularReferences(references.files),
		...selection.diagnostics,
		...included.diagnostics,
		...gathered.diagnostics,
		...choicesByVariable(selection),
	]);
	stopOnErrors(loaded.file, cwd, diagnostics);
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
		...{ options, loaded, scope, selection, references, suites, gathered, pinned, env, output, replaces },
		dotEnv: included.dotEnv,
		source: await provenance(loaded.file, loaded.scope, options.env),
		diagnostics: [...diagnostics, ...pinned.diagnostics],
	};
}

function include({ bundle, file, scope }: LoadedEval, targets: TargetScope, options: BundleOptions): IncludedFiles {
	const own = bundle.include.map((pattern, index) => ({ pattern, at: { file, path: ["bundle", "include", index] } }));
	const given = (options.include ?? []).map((pattern) => ({ pattern, at: { file, path: [] } }));
	const found = includedFiles([...own, ...given], bundle.exclude, scope.directory, options.view);
	// The rewritten eval and its targets are already in the bundle.
	const written = new Set([file, ...targets.files]);
	return { ...found, files: found.files.filter((path) => !written.has(path)) };
}

/** Removes repetitions: unreadable files are reported by the loader and when copied. */
function distinct(diagnostics: readonly Diagnostic[]): Diagnostic[] {
	return [...new Map(diagnostics.map((one) => [findingKey(one), one])).values()];
}

function choicesByVariable({ named }: TargetSelection): Diagnostic[] {
	return [...named].flatMap(([name, { via, at }]) => {
		const names = chosenBy(via);
		const target = via.at(-1)?.definition.name ?? name;
		return names.length === 0 ? [] : [finding(variableChoice, { names, target }, at)];
	});
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

/** Lists programs by name, and imported npm packages. */
function requirements(
	references: References,
	gathered: GatheredSources,
	targets: readonly ResolvedTarget[],
	usesGit: boolean,
): BundleManifest["requires"] {
	const executables = neededPrograms(references, targets);
	for (const program of gathered.programs) executables.add(program);
	if (usesGit) executables.add("git");
	return { packages: [...gathered.packages], executables: [...executables].sort() };
}

/** Returns the variables in a bundle's files: where, and whether they are required. */
function bundleVariables(files: ReadonlyMap<string, unknown>, captured: Environment | undefined): BundleVariable[] {
	const found = new Map<string, { usedIn: Set<string>; required: boolean }>();
	for (const [file, value] of files) {
		for (const token of references(value)) {
			const entry = found.get(token.name) ?? { usedIn: new Set(), required: false };
			entry.usedIn.add(file);
			entry.required ||= token.defaultText === undefined;
			found.set(token.name, entry);
		}
	}
	return [...found]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([name, { usedIn, required }]) => ({
			name,
			usedIn: [...usedIn].sort(),
			captured: captured?.[name] !== undefined,
			required,
		}));
}

function* references(value: unknown): Generator<Extract<ReferenceToken, { kind: "reference" }>> {
	if (typeof value === "string") {
		if (value.includes("${{")) for (const token of scanReferences(value)) if (token.kind === "reference") yield token;
	} else if (Array.isArray(value)) for (const item of value) yield* references(item);
	else if (isRecord(value)) for (const item of Object.values(value)) yield* references(item);
}
