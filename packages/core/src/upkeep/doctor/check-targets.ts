import { emptyCredentials } from "../../model/empty-credentials.ts";
import type { ResolvedTarget } from "../../model/resolve-target.ts";
import { resolveTarget } from "../../model/resolve-target.ts";
import { commandRunner } from "../../model/run-command.ts";
import { targetDestination } from "../../model/target-destination.ts";
import type { TargetUse } from "../../model/used-targets.ts";
import type { TargetProblem } from "../../targets/contract.ts";
import { providers } from "../../targets/providers/index.ts";
import type { DoctorItem } from "./doctor-item.ts";
import type { ExaminedEval, ExaminedEvals } from "./observe-evals.ts";

interface Seen {
	readonly use: TargetUse;
	readonly examined: ExaminedEval;
	readonly neededBy: string[];
}

/** The targets that evals use, whether each is fit to run, and those that no eval uses. Asks no target, runs none of their commands. */
export async function checkTargets({ evals, view }: ExaminedEvals): Promise<DoctorItem[]> {
	const seen = new Map<string, Seen>();
	for (const examined of evals)
		for (const use of examined.uses) {
			// A grader that nobody needs is like any other target that no eval uses.
			if (use.role === "grader" && use.implied) continue;
			const known = seen.get(keyOf(use, examined));
			if (!known) seen.set(keyOf(use, examined), { use, examined, neededBy: [examined.label] });
			else if (!known.neededBy.includes(examined.label)) known.neededBy.push(examined.label);
		}
	const used = await Promise.all([...seen.values()].map((one) => usedItem(one, view)));
	return [...alikeOnce(used), ...unusedItems(evals, new Set([...seen.values()].map(({ use }) => use.choice.name)))];
}

/** One name can mean several things, by the target files that an eval sees. */
function keyOf({ choice, resolution }: TargetUse, { loaded }: ExaminedEval): string {
	const via = resolution.ok ? resolution.target.via : resolution.via;
	const inline = "inline" in choice ? `${loaded.file} ${JSON.stringify(choice.at)}` : "";
	return [choice.name, via[0]?.definition.file ?? loaded.file, inline].join("\0");
}

/** Evals may each have a file of their own that says the same of a target. */
function alikeOnce(items: readonly DoctorItem[]): DoctorItem[] {
	const once = new Map<string, DoctorItem>();
	for (const item of items) {
		const key = [item.name, item.state, item.says, item.action].join("\0");
		const neededBy = [...(once.get(key)?.neededBy ?? []), ...(item.neededBy ?? [])];
		once.set(key, { ...item, neededBy });
	}
	return [...once.values()];
}

async function usedItem({ use, examined, neededBy }: Seen, view: ExaminedEvals["view"]): Promise<DoctorItem> {
	const { choice, resolution } = use;
	const shared = { group: "targets", name: choice.name, neededBy } as const;
	if (!resolution.ok) {
		const found = resolution.diagnostics.find(({ severity }) => severity === "error") ?? resolution.diagnostics[0];
		const says = found?.message ?? "can't be used";
		return { ...shared, state: "problem", says, action: found?.hint ?? "fix it in its targets file" };
	}
	const sources = new Map([...examined.scope.sources, ...examined.loaded.sources]);
	const [empty] = emptyCredentials(resolution.target, { sources });
	const problem = empty ?? (await problemOf(resolution.target, examined, view));
	if (!problem) return { ...shared, state: "ok", says: describe(resolution.target, examined) };
	const says = `${describe(resolution.target, examined)}: ${problem.message}`;
	return { ...shared, state: "problem", says, action: problem.hint ?? "fix it in its targets file" };
}

async function problemOf(
	target: ResolvedTarget,
	{ env, loaded }: ExaminedEval,
	view: ExaminedEvals["view"],
): Promise<TargetProblem | undefined> {
	const open = providers[target.provider] as (() => Promise<{ create: CallableFunction }>) | undefined;
	if (!open) return { message: `the provider ${target.provider} is not available in this version` };
	const services = { env, scope: loaded.scope, view };
	const runCommand = commandRunner(services);
	// A health check is a program or an address of somebody's choosing: that is for a run.
	const { healthcheck: _, ...settings } = target.settings as { readonly healthcheck?: unknown };
	const quiet = { ...target, settings, healthcheck: undefined };
	return (await open()).create(quiet, { ...services, runCommand }).check(AbortSignal.timeout(5000));
}

/** What it is and where it goes; keys by name. */
function describe(target: ResolvedTarget, { scope, loaded, env }: ExaminedEval): string {
	const sources = new Map([...scope.sources, ...loaded.sources]);
	const { host, keys } = targetDestination(target, { sources }, env);
	const model = target.wire["model"];
	const where = host === undefined ? "" : ` at ${host}`;
	const what = `${target.provider}${typeof model === "string" ? ` ${model}` : ""}${where}`;
	return [what, ...keys.map(({ name, set }) => `${name} ${set ? "set" : "not set"}`)].join(", ");
}

function unusedItems(evals: readonly ExaminedEval[], used: ReadonlySet<string>): DoctorItem[] {
	const items = new Map<string, DoctorItem>();
	for (const examined of evals)
		for (const name of examined.scope.names) {
			if (used.has(name) || items.has(name)) continue;
			const at = { file: examined.loaded.file };
			const resolution = resolveTarget({ name, at }, examined.scope);
			const what = resolution.ok ? describe(resolution.target, examined) : "incomplete";
			items.set(name, { group: "targets", name, state: "note", says: `${what}; no eval here uses it` });
		}
	return [...items.values()];
}
