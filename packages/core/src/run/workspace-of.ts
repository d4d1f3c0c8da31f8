import type { TestCase } from "../model/eval-types.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { WorkspaceSpec } from "../workspace/contract.ts";
import { workspaceKey } from "../workspace/workspace-key.ts";
import type { PlannedCase } from "./run-plan.ts";

/** What a test works in against a target; tests of one key share a prepared base. Remembers specs, since most tests share one. */
export class WorkspaceChooser {
	readonly #known = new Map<unknown, Map<unknown, PlannedCase["workspace"]>>();

	of(test: TestCase, target: ResolvedTarget): PlannedCase["workspace"] {
		const workspace = test.workspace ?? test.suite.workspace;
		const { extensions, scope } = test.suite;
		const targetHooks = Object.keys(target.hooks).length > 0 ? target.hooks : undefined;
		if (!workspace && extensions.length === 0 && !targetHooks) return undefined;
		const byTarget = this.#known.get(workspace ?? extensions) ?? new Map();
		this.#known.set(workspace ?? extensions, byTarget);
		const known = byTarget.get(target);
		if (known) return known;
		const spec: WorkspaceSpec = { workspace, extensions, targetHooks, scope };
		// Targets never share a directory: what one leaves behind must not help the other.
		const made = { spec, key: `${target.name} ${workspaceKey(spec)}` };
		byTarget.set(target, made);
		return made;
	}
}
