import { dirname, relative, resolve, sep } from "node:path";
import { largestTree, refuseTooLarge } from "../io/files/size-limits.ts";
import { sweepStaged } from "../io/files/staged-files.ts";
import { manifestName } from "../model/manifest.ts";
import { TrustSubjects } from "../model/trust-subjects.ts";
import { manifestVersion } from "../schema/bundle-manifest.ts";
import { type BundleOptions, creationTime, recordedFlags } from "./bundle-options.ts";
import type { BundlePlan, ManifestDraft } from "./bundle-plan.ts";
import { bundleVariables } from "./bundle-variables.ts";
import { capturedVariables, captureEnvironment } from "./capture-environment.ts";
import { collectCopies, copySource } from "./collect-copies.ts";
import { generateFiles } from "./generate-files.ts";
import { type Layout, layOut } from "./layout.ts";
import { loadSource } from "./load-source.ts";
import { type Observation, observeSources, stopOnErrors } from "./observe-sources.ts";
import { planCopy } from "./plan-copy.ts";
import { rawValues } from "./raw-values.ts";
import { requirements } from "./requirements.ts";
import { anchorVariablePaths } from "./rewrite-text.ts";
import { sourceMeaning } from "./source-meaning.ts";

/**
 * Looks at an eval and all it needs, and plans its bundle. Removes what killed processes left beside the output, and changes nothing else; with `pin` or `vendorRepos` it asks the remotes.
 * @throws AgentvError `refused` with everything that stands in the way at once, each finding at its place; `not-found` for the eval
 */
export async function planBundle(options: BundleOptions): Promise<BundlePlan> {
	// Before the output is looked at: a former bundle that a killed process had moved away returns to its place.
	await sweepStaged(dirname(resolve(options.cwd, options.output)));
	const source = loadSource(options);
	return (await planCopy(source.loaded, options)) ?? planFrom(await observeSources(source, options));
}

/** The plan for what was observed. */
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

/** Whether no synced benchmark and no bundle has a part in the source. */
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
