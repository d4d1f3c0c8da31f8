import { join } from "node:path";
import { gitTestEnvironment, tempTree } from "@agentv/test-support";
import type { EvalScope } from "../../eval/discover-evals.ts";
import { loadTargets } from "../../eval/load-targets.ts";
import { commandRunner } from "../../eval/resolve-command.ts";
import { resolveTarget } from "../../eval/resolve-target.ts";
import { openDiskView } from "../../eval/source.ts";
import type { Target } from "../contract.ts";
import { providers, vendorKeys } from "../providers/index.ts";

/** Creates a target from `entry`, YAML in flow style without the name; `files` are next to it. */
export function localTarget(
	entry: string,
	files: Readonly<Record<string, string>> = {},
): { readonly target: Target; readonly root: string } {
	const root = tempTree({ ...files, "targets.yaml": `targets:\n  - ${entry.replace("{", "{name: it, ")}\n` });
	const view = openDiskView();
	const env = { ...gitTestEnvironment, HOME: root };
	const scope: EvalScope = { directory: root, root, rootKind: "eval-directory" };
	const resolution = resolveTarget(
		{ name: "it", at: { file: join(root, "x.eval.yaml") } },
		loadTargets(scope, { view, env }),
	);
	if (!resolution.ok) throw new Error(resolution.diagnostics.map(({ message }) => message).join("\n"));
	const services = { env, scope, view, runCommand: commandRunner({ view, scope, env }), vendorKeys };
	return { target: providers[resolution.target.provider].create(resolution.target, services), root };
}
