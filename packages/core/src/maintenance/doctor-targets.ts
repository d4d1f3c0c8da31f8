import { dirname } from "node:path";
import { accessOf } from "../eval/access.ts";
import { type RegistryEntry, readRegistry, sourceAccess } from "../eval/registry.ts";
import { commandRunner, emptyCredentials } from "../eval/resolve-command.ts";
import {
	type ResolvedTarget,
	resolvedTargets,
	resolveTarget,
	type TargetUse,
	targetDestination,
} from "../eval/resolve-target.ts";
import { newAccess, shownSubject, TrustSubjects } from "../eval/trust.ts";
import { AgentvError } from "../lib/errors.ts";
import { mapPool } from "../lib/pool.ts";
import type { Environment } from "../machine/environment.ts";
import { listRemoteRefs } from "../machine/git.ts";
import { reachServer } from "../machine/http.ts";
import type { TargetProblem } from "../targets/contract.ts";
import { providers } from "../targets/providers/index.ts";
import type { ExaminedEval, ExaminedEvals } from "./doctor-evals.ts";
import type { DoctorItem } from "./doctor-item.ts";

const atOnce = 4;

export interface OnlineOptions {
	readonly env: Environment;
	/** Time for each question. */
	readonly timeoutMs: number;
	readonly signal?: AbortSignal | undefined;
}

/** Asks the remotes of benchmarks for their refs, as a sync would, and the servers of used targets whether they are there, without a key. */
export async function checkOnline({ evals, view }: ExaminedEvals, options: OnlineOptions): Promise<DoctorItem[]> {
	const remotes = registered(options.env).map((entry) => () => remote(entry, options));
	const { servers, left } = serversOf(evals, {
		env: options.env,
		view,
		subjects: new TrustSubjects(options.env, view),
	});
	const asked = [...servers].map(
		([origin, neededBy]) =>
			() =>
				server(origin, [...neededBy], options),
	);
	return [...left, ...(await mapPool([...remotes, ...asked], { concurrency: atOnce }, (ask) => ask()))];
}

interface Remote {
	readonly entry: RegistryEntry;
	readonly base: string;
}

/** A registry that can't be read has been told of. */
function registered(env: Environment): Remote[] {
	try {
		const { entries, file } = readRegistry(env);
		return entries
			.filter(({ source, problem }) => source && problem === undefined)
			.map((entry) => ({ entry, base: dirname(file) }));
	} catch (error) {
		if (error instanceof AgentvError) return [];
		throw error;
	}
}

async function remote({ entry, base }: Remote, { env, timeoutMs, signal }: OnlineOptions): Promise<DoctorItem> {
	const shared = { group: "online", name: entry.id } as const;
	try {
		const { url, credentials } = sourceAccess(entry.source ?? { url: "" }, base, env);
		await listRemoteRefs("/", url, ["HEAD"], { env, signal, credentials, timeoutMs });
		return { ...shared, state: "ok", says: "its remote responds" };
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code === "interrupted") throw error;
		const action = error.hint ?? `\`agentv benchmark status ${entry.id}\` shows details`;
		return { ...shared, state: "problem", says: error.message, action };
	}
}

/** Where used targets send their questions → the evals that use them. A name may hold a secret: hosts that need consent are left out. */
function serversOf(evals: ExaminedEvals["evals"], machine: Parameters<typeof newAccess>[1]) {
	const servers = new Map<string, Set<string>>();
	const left: DoctorItem[] = [];
	for (const { label, loaded, scope, env, uses } of evals) {
		const sources = new Map([...scope.sources, ...loaded.sources]);
		const targets = resolvedTargets(uses.filter(({ role, implied }) => role !== "grader" || !implied));
		for (const target of targets) {
			const { host } = targetDestination(target, { sources }, env);
			const address = target.wire["base_url"] ?? target.wire["endpoint"] ?? `https://${host}`;
			if (host === undefined || typeof address !== "string" || !/^https?:\/\//i.test(address)) continue;
			const { origin } = new URL(address);
			const access = accessOf({ loaded, scope, targets: [target], tests: [], env, view: machine.view });
			const [found] = newAccess(access, machine).filter(
				({ item }) => item.kind === "host" && item.value === host.toLowerCase(),
			);
			if (found) {
				const says = `not contacted: you have not allowed ${shownSubject(found.subject)} to contact its host`;
				left.push({ group: "online", name: target.name, state: "note", says, neededBy: [label] });
				continue;
			}
			servers.set(origin, (servers.get(origin) ?? new Set()).add(label));
		}
	}
	return { servers, left };
}

async function server(
	origin: string,
	neededBy: readonly string[],
	{ timeoutMs, signal }: OnlineOptions,
): Promise<DoctorItem> {
	const reach = await reachServer(new URL(origin), timeoutMs, signal);
	const shared = { group: "online", name: origin, neededBy } as const;
	if (reach.ok) return { ...shared, state: "ok", says: "answers" };
	return { ...shared, state: "problem", says: reach.reason, action: "check the network and the target's `base_url`" };
}

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
