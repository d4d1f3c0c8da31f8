import { join } from "node:path";
import { noteVariables } from "../base/noted-secrets.ts";
import { secretsOf } from "../base/redact.ts";
import { layerDotEnv, loadDotEnv } from "../io/dot-env.ts";
import type { Environment } from "../io/environment.ts";
import { readTextFile } from "../io/files/read-text.ts";
import { type DiskView, hasFile } from "./disk-view.ts";
import { type EvalScope, withParents } from "./eval-scope.ts";

const madeForBundles = { PYTHONDONTWRITEBYTECODE: "1" };

/** Variables that AgentV sets itself; they never contain a secret. */
export const ownVariables: ReadonlySet<string> = new Set(Object.keys(madeForBundles));

/**
 * Returns the process environment merged over the user's `.env` file. @throws AgentvError if that
 * is unreadable
 */
export function withEnvFile(env: Environment, file: string | undefined): Environment {
	if (file === undefined) return env;
	const variables = loadDotEnv(readTextFile(file));
	noteVariables(secretsOf(variables));
	return layerDotEnv(env, [variables]);
}

/**
 * Returns the variables of an eval: the process environment, then `.env` files from the eval's
 * directory up to its root, nearest first; none overrides what is already set. For `${{ }}` and the
 * eval's own child processes, never for git or AgentV itself.
 */
export function evalEnvironment(scope: EvalScope, env: Environment, view: DiskView): Environment {
	const files = dotEnvFiles(scope, view);
	const own = files.length === 0 ? env : layered(files.join("\0"), env, view);
	// Files that Python writes next to a bundle's scripts would break its manifest.
	return scope.rootKind === "bundle" ? { ...madeForBundles, ...own } : own;
}

/** Returns the `.env` files of an eval, nearest first. */
export function dotEnvFiles({ directory, root }: EvalScope, view: DiskView): string[] {
	const files = [...withParents(directory, root)].map((parent) => join(parent, ".env"));
	return files.filter((file) => hasFile(view, file));
}

interface Layered {
	readonly env: Environment;
	readonly result: Environment;
}

/** Evals of one tree share variables: each set of files is read once per view. */
const known = new WeakMap<DiskView, Map<string, Layered>>();

function layered(files: string, env: Environment, view: DiskView): Environment {
	const ofView = known.get(view) ?? new Map<string, Layered>();
	known.set(view, ofView);
	const before = ofView.get(files);
	if (before?.env === env) return before.result;
	const read = files.split("\0").map((file) => loadDotEnv(view.readText(file)));
	for (const variables of read) noteVariables(secretsOf(variables));
	const result = layerDotEnv(env, read);
	if (ofView.size > 1000) ofView.clear();
	ofView.set(files, { env, result });
	return result;
}
