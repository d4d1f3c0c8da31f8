import { join, resolve } from "node:path";
import { emptyDirectories } from "../io/files/empty-directories.ts";
import { listTree } from "../io/files/list-tree.ts";
import { realPath } from "../io/files/stat-path.ts";
import type { LoadedEval } from "../model/eval-types.ts";
import { verifyBundle } from "../model/verify-bundle.ts";
import type { BundleOptions } from "./bundle-options.ts";
import type { BundlePlan } from "./bundle-plan.ts";
import type { PlannedCopy } from "./collect-copies.ts";
import { judgeOutput } from "./judge-output.ts";

/**
 * The plan for an eval that is itself a bundle, as its manifest says: onto itself nothing changes, elsewhere it is copied as it is.
 * Undefined for anything else, edited bundles and new flags included: those are bundled like any eval.
 */
export async function planCopy(loaded: LoadedEval, options: BundleOptions): Promise<BundlePlan | undefined> {
	const { scope, file } = loaded;
	if (scope.rootKind !== "bundle" || file !== join(scope.root, "eval.yaml") || changesContent(options))
		return undefined;
	const verification = await verifyBundle(scope.root, { signal: options.signal });
	if (!verification.ok) return undefined;
	const { manifest } = verification;
	const output = resolve(options.cwd, options.output);
	const unchanged = realPath(output) === realPath(scope.root);
	const root = { from: scope.root, to: "", kind: "data" } as const;
	const entries = listTree(scope.root);
	const copies = entries.flatMap(({ path, kind, size, mode, target }): PlannedCopy[] => {
		if (kind === "directory") return [];
		const link = target === undefined ? {} : { link: target };
		return [{ root, path, size, executable: (mode & 0o100) !== 0, ...link }];
	});
	return {
		kind: unchanged ? "unchanged" : "copy",
		evalFile: file,
		output,
		replaces: unchanged ? false : judgeOutput(output, scope.root, options.force ?? false),
		sourceRoot: scope.root,
		copies: unchanged ? [] : copies,
		emptyDirectories: unchanged ? [] : emptyDirectories(entries),
		generated: new Map(),
		vendored: [],
		manifest,
		warnings: [],
		bytes: copies.reduce((sum, { size }) => sum + size, 0),
		env: options.env,
		allowedSecrets: options.allowedSecrets ?? [],
		trustIn: undefined,
		meaning: null,
		keepsChoices: true,
	};
}

function changesContent(options: BundleOptions): boolean {
	const { targets = [], targetsFile, captureEnv, pin, vendorRepos, include = [], includeOutside } = options;
	const adds = captureEnv || pin || vendorRepos || includeOutside;
	return Boolean(targets.length > 0 || targetsFile !== undefined || adds || include.length > 0);
}
