import { join } from "node:path";
import { noteSecrets, secretsOf } from "../base/redact.ts";
import { layerDotEnv, loadDotEnv } from "../io/dot-env.ts";
import type { Environment } from "../io/environment.ts";
import type { DiskView } from "./disk-view.ts";
import { type EvalScope, withParents } from "./eval-scope.ts";

/**
 * The variables an eval sees: the process environment, then `.env` files from the eval's directory up to its root, nearest
 * first; none overrides what is already set. Serves `${{ }}` and the eval's own child processes, never git or AgentV itself.
 */
export function evalEnvironment(scope: EvalScope, env: Environment, view: DiskView): Environment {
	let files = "";
	for (const directory of withParents(scope.directory, scope.root)) {
		const file = join(directory, ".env");
		if (view.kind(file) === "file") files += `${file}\0`;
	}
	const own = files === "" ? env : layered(files, env, view);
	// What Python writes beside a bundle's scripts would no longer match its manifest.
	return scope.rootKind === "bundle" ? { PYTHONDONTWRITEBYTECODE: "1", ...own } : own;
}

interface Layered {
	readonly env: Environment;
	readonly result: Environment;
}

/** Evals of one directory tree share their variables: each combination of files is read once a view. */
const known = new WeakMap<DiskView, Map<string, Layered>>();

function layered(files: string, env: Environment, view: DiskView): Environment {
	const ofView = known.get(view) ?? new Map<string, Layered>();
	known.set(view, ofView);
	const before = ofView.get(files);
	if (before?.env === env) return before.result;
	const paths = files.split("\0").filter((file) => file !== "");
	const read = paths.map((file) => loadDotEnv(view.readText(file)));
	for (const variables of read) noteSecrets(secretsOf(variables));
	const result = layerDotEnv(env, read);
	if (ofView.size > 1000) ofView.clear();
	ofView.set(files, { env, result });
	return result;
}
