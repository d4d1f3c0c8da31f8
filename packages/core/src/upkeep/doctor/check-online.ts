import { dirname } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { mapPool } from "../../base/pool.ts";
import type { Environment } from "../../io/environment.ts";
import { listRemoteRefs } from "../../io/git/remote-git.ts";
import { reachServer } from "../../io/reach-server.ts";
import { accessOf } from "../../model/access.ts";
import { sourceAccess } from "../../model/benchmark-source.ts";
import { newAccess, shownSubject } from "../../model/consent.ts";
import { type RegistryEntry, readRegistry } from "../../model/registry.ts";
import { targetDestination } from "../../model/target-destination.ts";
import { TrustSubjects } from "../../model/trust-subjects.ts";
import { resolvedTargets } from "../../model/used-targets.ts";
import type { DoctorItem } from "./doctor-item.ts";
import type { ExaminedEvals } from "./observe-evals.ts";

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
