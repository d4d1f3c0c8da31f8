import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Environment } from "../io/environment.ts";
import { openDiskView } from "../model/disk-view.ts";
import { loadEval } from "../model/load-eval.ts";
import { loadTargets } from "../model/load-targets.ts";
import { collectReferences } from "../model/references.ts";
import type { BundlePlan } from "./bundle-plan.ts";
import { confinedView } from "./confined-view.ts";
import { cwdInBundle, firstDifference, meaningOf, nameInBundle } from "./meaning.ts";
import { selectTargets } from "./select-targets.ts";

/**
 * Loads the bundle written at `root` with nothing but itself in reach, and compares what it means with what the source does.
 * @throws AgentvError `refused` where it could not stand alone
 */
export function checkBundle(plan: BundlePlan, root: string): void {
	if (plan.kind !== "bundle") return;
	const alone = load(plan, root, plan.env);
	const problems = [...errors(alone.loaded.diagnostics), ...errors(alone.selection.diagnostics)];
	if (problems.length > 0) throw refused("the written bundle does not load", problems);
	for (const { state, raw, kind } of alone.references.files) {
		const needed = kind !== "metadata-file" && (state === "missing" || state === "outside-root");
		if (needed && !isExpected(plan, raw)) throw refused(`the bundle would be missing ${JSON.stringify(raw)}`);
	}
	const meaning = meaningOf(
		{
			view: alone.view,
			loaded: alone.loaded,
			path: (_kind, path) => nameInBundle(root, path),
			cwd: (kind, command) => cwdInBundle(root, kind, command),
		},
		alone.selection.named,
		plan.keepsChoices,
	);
	const difference = firstDifference(plan.meaning, meaning);
	if (difference !== undefined)
		throw refused(`the bundle would differ in meaning from its source: ${difference} differs`);
	checkWithoutEnvironment(plan, root);
}

/** What the source lacked as well, or what stays a path of the machine: said in a warning. */
function isExpected(plan: BundlePlan, raw: string): boolean {
	return plan.warnings.some(({ data, rule }) => data.raw === raw && /^path\.(missing|absolute)$/.test(rule));
}

/** Where nothing is set, only the variables that are listed as required may be missed. */
function checkWithoutEnvironment(plan: BundlePlan, root: string): void {
	const required = plan.manifest.variables.filter((variable) => variable.required).map(({ name }) => name);
	if (required.length > 0) return;
	const alone = load(plan, root, {});
	const problems = [...errors(alone.loaded.diagnostics), ...errors(alone.selection.diagnostics)];
	if (problems.length > 0) throw refused("the written bundle does not load with no variable set", problems);
}

function load(plan: BundlePlan, root: string, env: Environment) {
	const view = confinedView(openDiskView(), root);
	const loaded = loadEval(join(root, "eval.yaml"), { view, env, cwd: root });
	const scope = loadTargets(loaded.scope, { view, env });
	const selection = selectTargets(loaded, scope, []);
	return { view, loaded, selection, references: collectReferences(loaded, selection.all, view), plan };
}

function errors(diagnostics: readonly Diagnostic[]): Diagnostic[] {
	return diagnostics.filter(({ severity }) => severity === "error");
}

function refused(message: string, diagnostics: readonly Diagnostic[] = []): AgentvError {
	// Their places lie in a directory that is gone by the time they are read.
	const said = diagnostics.map((found) => found.message).slice(0, 5);
	return new AgentvError("refused", [message, ...said].join(": "), {
		hint: "nothing was written; this is probably a bug in AgentV",
	});
}
