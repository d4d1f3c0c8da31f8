import type { RegistryEntry, SourceAccess } from "../eval/registry.ts";
import { AgentvError } from "../lib/errors.ts";
import { GitError } from "../machine/git.ts";
import { withLock } from "../machine/lock.ts";
import {
	type BenchmarkReport,
	lockDirectory,
	problemReport,
	type Revision,
	reportOf,
	type WorkTree,
} from "./benchmark-report.ts";
import {
	commits,
	isOnWantedRef,
	listed,
	makePlan,
	revisionOf,
	type StatusOptions,
	sentence,
	short,
} from "./make-plan.ts";
import { type Edit, type LocalClone, lookLocal, type Remote, type Wanted } from "./observation.ts";
import { localEdits, type ObserveOptions, observe, type Seen } from "./observe.ts";
import { readJournal } from "./recover.ts";

export async function sourceStatus(
	entry: RegistryEntry,
	access: SourceAccess,
	options: StatusOptions,
): Promise<BenchmarkReport> {
	const { env, signal, timeoutMs = 60_000, offline = false } = options;
	try {
		const remote = { ...access, env, signal, timeoutMs };
		const seen = await look(entry, remote, { offline, fetch: false, files: false });
		const edits = seen.clone ? await localEdits(seen.clone.git, signal, seen.journal) : [];
		return await comparedReport(entry, remote, seen, edits);
	} catch (error) {
		// An error in this directory says nothing about the others.
		if (!(error instanceof AgentvError) || error.code === "internal" || error.code === "interrupted") throw error;
		if (error instanceof GitError && error.reason === "git-missing") throw error;
		return problemReport(entry, sentence(error.message, error.hint), env);
	}
}

export async function problemStatus(
	entry: RegistryEntry,
	problem: string,
	{ env, signal }: StatusOptions,
): Promise<BenchmarkReport> {
	try {
		const local = await lookLocal(entry.path, "", env);
		if (local.kind !== "clone") return problemReport(entry, problem, env);
		const { clone } = local;
		const edits = await localEdits(clone.git, signal, readJournal(clone.git.gitDir));
		return problemReport(entry, problem, env, await commitOf(clone), workTreeOf(edits));
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code === "internal" || error.code === "interrupted") throw error;
		return problemReport(entry, problem, env);
	}
}

/** Only takes the lock to fetch the tip, and doesn't wait for a running sync. */
async function look(entry: RegistryEntry, remote: Remote, options: ObserveOptions): Promise<Seen> {
	const seen = await observe(entry, remote, options);
	const { clone, remote: remoteLook } = seen.observation;
	if (options.offline || !clone || remoteLook.problem || clone.relation || clone.underWay) return seen;
	try {
		return await withLock(entry.path, () => observe(entry, remote, { ...options, fetch: true }), {
			...{ lockDirectory: lockDirectory(remote.env), waitMs: 0, signal: remote.signal },
		});
	} catch (error) {
		if (!(error instanceof AgentvError) || error instanceof GitError || error.code !== "failed") throw error;
		return seen;
	}
}

const maxFiles = 1000;

function workTreeOf(edits: readonly Edit[]): WorkTree {
	const files = edits.slice(0, maxFiles).map(({ path }) => path);
	return { state: files.length === 0 ? "clean" : "modified", files };
}

async function comparedReport(
	entry: RegistryEntry,
	{ env, ref }: Remote,
	seen: Seen,
	edits: readonly Edit[],
): Promise<BenchmarkReport> {
	const { disk, foreign, remote } = seen.observation;
	const { wanted, problem } = remote;
	const wants = { wantedRef: wanted?.name ?? ref ?? null, wantedSha: wanted?.sha ?? null };
	if (disk === "foreign") {
		const message = `${foreign}; move it away, or change the benchmark's path`;
		return reportOf(entry, env, { ...wants, reason: foreign ?? "" }, message, { state: "foreign", files: [] });
	}
	if (!seen.clone) {
		const state = "missing";
		if (!problem || problem.reason === "offline")
			return reportOf(entry, env, { ...wants, state }, `not cloned yet; agentv benchmark sync ${entry.id} clones it`);
		const message = `not cloned yet, and ${sentence(problem.message, problem.hint)}`;
		return reportOf(entry, env, { ...wants, state, reason: problem.message }, message);
	}
	const { message, ...compared } = wanted
		? compare(entry, seen, wanted)
		: { reason: problem.message, message: sentence(problem.message, problem.hint) };
	const leftover = edits.length === 0 ? "" : `; local edits (${listed(edits.map(({ path }) => path))})`;
	const revision = { ...wants, ...(await commitOf(seen.clone)), ...compared };
	return reportOf(entry, env, revision, message + leftover, workTreeOf(edits));
}

async function commitOf({ git, head }: LocalClone): Promise<Pick<Revision, "sha" | "subject" | "committedAt">> {
	if (!head.sha) return { sha: null, subject: null, committedAt: null };
	const format = "--format=%H%x00%cI%x00%s";
	const { stdout } = await git.local(["log", "-1", "--no-show-signature", "--encoding=UTF-8", format, head.sha, "--"]);
	const [sha = null, committedAt = null, subject = null] = stdout.replace(/\n$/, "").split("\0");
	return { sha, subject, committedAt };
}

interface Compared extends Pick<Revision, "state" | "reason"> {
	readonly message: string;
}

function compare({ id }: RegistryEntry, { observation, journal }: Seen, wanted: Wanted): Compared {
	const { clone } = observation;
	if (!clone) return { state: "missing", reason: null, message: "not cloned yet" };
	const sync = `agentv benchmark sync ${id}`;
	const plan = makePlan(observation, false);
	const isOn = isOnWantedRef(clone, wanted);
	const state = isOn || plan.action === "refuse" ? revisionOf(clone, wanted) : "behind";
	if (journal) {
		const reason = "a sync was interrupted";
		return { state, reason, message: `${reason}; ${sync} recovers it` };
	}
	if (plan.action === "refuse")
		return { state: state === "synced" && !isOn ? "diverged" : state, reason: plan.message, message: plan.message };
	if (clone.urlChanged) return { state, reason: "the URL changed", message: `the URL changed; ${sync} moves to it` };
	if (state === "synced") return { state, reason: null, message: `up to date, ${wanted.name} at ${short(wanted.sha)}` };
	if (!isOn) {
		const reason = `the registry specifies ${wanted.name}`;
		const present = clone.branch ?? short(clone.sha);
		return { state, reason, message: `${reason}, the clone is on ${present}; ${sync} moves to it` };
	}
	const count = clone.relation?.behind ?? 0;
	const far = count > 0 ? `${commits(count)} behind ${wanted.name}` : `behind ${wanted.name}`;
	return { state, reason: null, message: `${far}; ${sync} updates it` };
}
