import { join } from "node:path";
import { layerDotEnv, loadDotEnv } from "../io/dot-env.ts";
import type { Environment } from "../io/environment.ts";
import type { DiskView } from "./disk-view.ts";
import { type EvalScope, withParents } from "./eval-scope.ts";

/**
 * The variables an eval sees: the process environment, then `.env` files from the eval's directory up to its root, nearest
 * first; none overrides what is already set. Serves `${{ }}` and the eval's own child processes, never git or AgentV itself.
 */
export function evalEnvironment(scope: EvalScope, env: Environment, view: DiskView): Environment {
	const files = [...withParents(scope.directory, scope.root)]
		.map((directory) => join(directory, ".env"))
		.filter((file) => view.kind(file) === "file");
	return files.length === 0
		? env
		: layerDotEnv(
				env,
				files.map((file) => loadDotEnv(view.readText(file))),
			);
}
