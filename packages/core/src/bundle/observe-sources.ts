import { relative, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { type Diagnostic, finding, hasErrors } from "../base/diagnostic.ts";
import { createRedactor, secretsOf } from "../base/redact.ts";
import type { Environment } from "../io/environment.ts";
import { isInside } from "../io/files/path-inside.ts";
import { repositoryAccess } from "../model/access.ts";
import { newAccess, refuseNewAccess } from "../model/consent.ts";
import type { LoadedEval } from "../model/eval-types.ts";
import { type IncludedFiles, includedFiles } from "../model/included-files.ts";
import { irregularReferences } from "../model/irregular-references.ts";
import type { TargetScope } from "../model/load-targets.ts";
import { findingKey } from "../model/loading.ts";
import type { References } from "../model/reference.ts";
import { collectReferences } from "../model/references.ts";
import { variableChoice } from "./bundle-findings.ts";
import type { BundleOptions } from "./bundle-options.ts";
import { type GatheredSources, gatherSources } from "./gather-sources.ts";
import { judgeOutput } from "./judge-output.ts";
import type { LoadedSource } from "./load-source.ts";
import { type PinnedRepositories, pinRepositories } from "./pinned-repositories.ts";
import { type BundleSource, provenance } from "./provenance.ts";
import { chosenBy, type TargetSelection } from "./select-targets.ts";
import { type SuitePlace, suitePlaces } from "./suite-places.ts";

/** Everything that was looked at to plan a bundle. */
export interface Observation {
	readonly options: BundleOptions;
	readonly loaded: LoadedEval;
	readonly scope: TargetScope;
	readonly selection: TargetSelection;
	readonly references: References;
	readonly suites: ReadonlyMap<string, SuitePlace>;
	readonly gathered: GatheredSources;
	readonly pinned: PinnedRepositories;
	/** `.env` files that may come along. */
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
 * Looks at everything an eval needs. Asks remotes only to pin repositories.
 * @throws AgentvError `refused` with every error at its place
 */
export async function observeSources(
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
	// The eval and its targets are in the bundle already, rewritten.
	const written = new Set([file, ...targets.files]);
	return { ...found, files: found.files.filter((path) => !written.has(path)) };
}

/** What loading may not read is reported by it, and again where it would be copied. */
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

/** @throws AgentvError `refused` with all errors among `diagnostics`, if there are any */
export function stopOnErrors(file: string, cwd: string, diagnostics: readonly Diagnostic[]): void {
	if (!hasErrors(diagnostics)) return;
	const errors = diagnostics.filter(({ severity }) => severity === "error");
	const count = errors.length === 1 ? "it has an error" : `it has ${errors.length} errors`;
	const short = relative(cwd, file);
	throw new AgentvError("refused", `${short.startsWith("..") ? file : short} can't be bundled: ${count}`, {
		diagnostics: errors,
	});
}
