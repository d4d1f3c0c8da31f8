import { parse, resolve } from "node:path";
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Environment } from "../io/environment.ts";
import { evalEnvironment } from "../model/eval-environment.ts";
import type { LoadedEval } from "../model/eval-types.ts";
import { loadEval } from "../model/load-eval.ts";
import { loadTargets, type TargetScope } from "../model/load-targets.ts";
import { ownLinks } from "../model/trust-subjects.ts";
import type { BundleOptions } from "./bundle-options.ts";
import { placeKey } from "./raw-values.ts";
import { selectTargets, type TargetSelection } from "./select-targets.ts";

/** An eval and its targets, loaded. */
export interface LoadedSource {
	readonly loaded: LoadedEval;
	readonly scope: TargetScope;
	readonly selection: TargetSelection;
	/** The environment it was loaded with, `.env` files included. */
	readonly env: Environment;
}

/** What a number and a boolean may be while nobody knows. */
const standIns = ["1", "true"];

/**
 * Loads an eval to bundle it. An unset variable is no error here, since only its name is written: where a number or boolean has to
 * stand, one stands in for it.
 * @throws AgentvError `not-found` for the eval or the targets file
 */
export function loadSource(options: BundleOptions): LoadedSource {
	let assumed: Environment = {};
	for (const value of standIns) {
		const source = loadWith(options, assumed);
		const unset = unsetVariables(source);
		if (unset.length === 0) return source;
		assumed = { ...assumed, ...Object.fromEntries(unset.map((name) => [name, value])) };
	}
	return loadWith(options, assumed);
}

function loadWith(
	{ file, view, env: given, cwd, targetsFile, targets = [], includeOutside }: BundleOptions,
	assumed: Environment,
): LoadedSource {
	const env = { ...given, ...assumed };
	const override = targetsFile === undefined ? {} : { targetsFile: resolve(cwd, targetsFile) };
	const allowed = includeOutside ? [parse(cwd).root] : ownLinks([resolve(cwd, file)], given, view);
	const reach = { allowed, ownFiles: Object.values(override), option: "--include-outside" } as const;
	const loaded = loadEval(file, { view, env, cwd, reach });
	const evalEnv = evalEnvironment(loaded.scope, env, view);
	const scope = loadTargets(loaded.scope, { view, env: evalEnv, ...override });
	return { loaded, scope, selection: selectTargets(loaded, scope, targets), env: evalEnv };
}

/** Variables without a value at places that have another shape than they should. */
function unsetVariables({ loaded, scope, selection, env }: LoadedSource): string[] {
	const wrong = new Set(
		[...loaded.diagnostics, ...scope.diagnostics, ...selection.diagnostics]
			.filter(isShapeError)
			.map(({ at }) => placeKey(at)),
	);
	const variables = [...loaded.variables, ...[...scope.sources.values()].flatMap((source) => source.variables)];
	return variables.flatMap(({ name, state, at }) =>
		wrong.has(placeKey(at)) && (state === "unset" || standIns.includes(env[name] ?? "")) ? [name] : [],
	);
}

function isShapeError({ severity, rule }: Diagnostic): boolean {
	return severity === "error" && /^(schema\.shape|assertions\.weight)$/.test(rule);
}
