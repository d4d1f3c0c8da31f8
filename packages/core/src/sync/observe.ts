import { isFullSha, type RegistryEntry, type SourceAccess } from "../eval/registry.ts";
import { fetchHistory, fetchTip, isHere, isShallow, remoteHolds } from "./clone.ts";
import { editsAgainst, isOnWantedRef, namesInTheWay } from "./make-plan.ts";
import {
	baseRef,
	type CloneState,
	hasLocalCommits,
	type LocalClone,
	type LocalLook,
	lookLocal,
	lookRemote,
	type Observation,
	type Relation,
	type RemoteLook,
	type RemoteSettings,
	relate,
	remoteProblem,
	remoteRef,
	shareHistory,
	type Wanted,
} from "./observation.ts";
import { type Journal, readJournal, type TreeChange, treeDiff, withJournal } from "./recover.ts";

export interface ObserveSettings extends RemoteSettings {
	/** Compare with the last known state of the remote, offline. */
	readonly offline?: boolean;
	/** Whether to fetch an unknown tip, which otherwise stays unknown. */
	readonly fetch: boolean;
	/** Whether to check local edits and incoming files if files would change. */
	readonly files: boolean;
}

/** Plain data for the plan, and the clone for carrying it out. */
export interface Seen {
	readonly observation: Observation;
	readonly clone: LocalClone | undefined;
	/** The differences between HEAD and the wanted commit. */
	readonly incoming: readonly TreeChange[];
	/** Left by a killed sync, not recovered yet. */
	readonly journal: Journal | undefined;
}

/** Inspects a benchmark's disk and remote concurrently, fetches an unknown tip, and compares. */
export async function observe(entry: RegistryEntry, access: SourceAccess, settings: ObserveSettings): Promise<Seen> {
	const [local, asked] = await Promise.all([
		lookLocal(entry.path, access.url, settings.env),
		settings.offline ? undefined : lookRemote(access, settings),
	]);
	const clone = local.kind === "clone" ? local.clone : undefined;
	const remote = asked ?? lastSeen(access, clone);
	const seen = { id: entry.id, path: entry.path, disk: local.kind, foreign: foreignText(local) };
	const journal = clone && readJournal(clone.git.gitDir);
	if (!clone) return { observation: { ...seen, remote, clone: undefined }, clone, incoming: [], journal };
	const { state, remote: found, incoming } = await compare(clone, remote, access, settings, journal);
	return { observation: { ...seen, remote: found, clone: state }, clone, incoming, journal };
}

function foreignText(local: LocalLook): string | undefined {
	return local.kind === "foreign" ? local.message : undefined;
}

/** Returns the last known state of the remote for the registry's current ref. */
function lastSeen({ ref }: SourceAccess, clone: LocalClone | undefined): RemoteLook {
	if (ref !== undefined && isFullSha(ref)) {
		const sha = ref.toLowerCase();
		return { wanted: { kind: "commit", ref: sha, name: sha.slice(0, 12), sha } };
	}
	const full = clone && knownRef(ref, clone);
	const sha =
		full && (full === clone.git.syncedRef ? (clone.refs.get(remoteRef) ?? clone.refs.get(baseRef)) : undefined);
	const tracked = sha ?? (full && clone?.refs.get(full.replace("refs/heads/", "refs/remotes/origin/")));
	if (full === undefined || tracked === undefined)
		return { problem: { reason: "offline", message: "the remote was not contacted", hint: undefined } };
	const kind = full.startsWith("refs/heads/") ? "branch" : full.startsWith("refs/tags/") ? "tag" : "commit";
	return { wanted: { kind, ref: full, name: full.replace(/^refs\/(heads|tags)\//, ""), sha: tracked } };
}

function knownRef(ref: string | undefined, { git, refs }: LocalClone): string | undefined {
	if (ref === undefined) return git.syncedRef;
	if (ref.startsWith("refs/")) return ref;
	if (git.syncedRef === `refs/tags/${ref}` || git.syncedRef === `refs/heads/${ref}`) return git.syncedRef;
	return refs.has(`refs/remotes/origin/${ref}`) ? `refs/heads/${ref}` : undefined;
}

interface Comparison {
	readonly state: CloneState;
	readonly remote: RemoteLook;
	readonly incoming: readonly TreeChange[];
}

async function compare(
	clone: LocalClone,
	asked: RemoteLook,
	access: SourceAccess,
	settings: ObserveSettings,
	journal: Journal | undefined,
): Promise<Comparison> {
	const { git, head, refs } = clone;
	const standing = {
		branch: head.branch,
		sha: head.sha,
		base: refs.get(baseRef),
		syncedRef: git.syncedRef,
		urlChanged: !clone.isOrigin,
		underWay: journal && clone.underWay === "lock" ? undefined : clone.underWay,
		refusedKey: git.refusedKey,
	};
	const nothing = { sameHistory: true, relation: undefined, targetHasLocalCommits: false, edits: [], incoming: [] };
	const isStuck = standing.underWay !== undefined || standing.refusedKey !== undefined;
	if (head.sha === undefined || "problem" in asked)
		return { state: { ...standing, ...nothing }, remote: asked, incoming: [] };
	const found = await bringTip(clone, asked.wanted, access, { ...settings, fetch: settings.fetch && !isStuck });
	if ("problem" in found) return { state: { ...standing, ...nothing }, remote: found, incoming: [] };
	const { wanted } = found;
	if (!found.isHere) return { state: { ...standing, ...nothing }, remote: { wanted }, incoming: [] };
	const sameHistory = standing.urlChanged && !isStuck ? await isSameHistory(clone, wanted, access, settings) : true;
	const relation = await relateFully(clone, wanted, access, { ...settings, fetch: settings.fetch && !isStuck });
	const state = { ...standing, sameHistory, relation };
	const changes = settings.files && head.sha !== wanted.sha;
	const incoming = changes ? await treeDiff(git, head.sha, wanted.sha) : [];
	return {
		state: {
			...state,
			targetHasLocalCommits: await targetHasLocalCommits(clone, { ...state, ...nothing }, wanted),
			edits: changes ? await editsAgainst(incoming, git, settings, journal) : [],
			incoming: incoming.map(({ path }) => path),
		},
		remote: { wanted },
		incoming,
	};
}

type Tip = { readonly wanted: Wanted; readonly isHere: boolean } | Extract<RemoteLook, { problem: unknown }>;

/** Makes the wanted commit available, as far as the settings allow. */
async function bringTip(
	clone: LocalClone,
	wanted: Wanted,
	access: SourceAccess,
	settings: ObserveSettings,
): Promise<Tip> {
	if (await isHere(clone, wanted.sha)) return { wanted, isHere: true };
	if (!settings.fetch || settings.offline) return { wanted, isHere: false };
	const { url, credentials } = access;
	try {
		const sha = await withJournal(clone.git.gitDir, { phase: "fetch" }, (marked) =>
			fetchTip(clone, wanted, { ...settings, url, credentials }, marked),
		);
		return { wanted: { ...wanted, sha }, isHere: true };
	} catch (error) {
		return { problem: remoteProblem(error) };
	}
}

/** Undefined if the comparison needs a fetch that is not allowed now. */
async function relateFully(
	clone: LocalClone,
	wanted: Wanted,
	{ url, credentials }: SourceAccess,
	settings: ObserveSettings,
): Promise<Relation | undefined> {
	const { git, head } = clone;
	const relation = await relate(clone, wanted.sha);
	const isOnBranch = wanted.kind === "branch" && head.branch === wanted.name;
	if (relation.ahead === 0 || !isOnBranch || head.sha === undefined || !isShallow(clone)) return relation;
	if (await shareHistory(git, head.sha, wanted.sha)) return relation;
	if (!settings.fetch || settings.offline) return undefined;
	await withJournal(git.gitDir, { phase: "fetch" }, (marked) =>
		fetchHistory(clone, wanted, { ...settings, url, credentials }, marked),
	);
	return relate(clone, wanted.sha);
}

async function isSameHistory(
	{ git, refs, head }: LocalClone,
	wanted: Wanted,
	{ url, credentials }: SourceAccess,
	settings: ObserveSettings,
): Promise<boolean> {
	const ours = refs.get(baseRef) ?? head.sha;
	if (ours === undefined || (await shareHistory(git, ours, wanted.sha))) return true;
	if (settings.offline) return true;
	const { env, signal, timeoutMs } = settings;
	return remoteHolds(ours, { env, signal, timeoutMs, url, credentials });
}

/** Also covers branches whose names conflict with the wanted one. */
async function targetHasLocalCommits(clone: LocalClone, state: CloneState, wanted: Wanted): Promise<boolean> {
	if (wanted.kind !== "branch" || isOnWantedRef(state, wanted)) return false;
	const { git } = clone;
	const own = `refs/heads/${wanted.name}`;
	const { stdout } = await git.local(["for-each-ref", "--format=%(objectname) %(refname)", own]);
	const there = stdout.split("\n").flatMap((line) => (line.endsWith(` ${own}`) ? [line.split(" ")[0] ?? ""] : []));
	const others = (await namesInTheWay(clone, wanted.name)).filter(({ ref }) => ref.startsWith("refs/heads/"));
	for (const sha of [...there, ...others.map((other) => other.sha)])
		if (sha !== wanted.sha && (await hasLocalCommits(git, sha, wanted.sha))) return true;
	return false;
}
