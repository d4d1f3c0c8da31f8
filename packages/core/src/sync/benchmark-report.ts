import { dirname, join } from "node:path";
import { findEntry, type Registry, type RegistryEntry, type SourceAccess } from "../eval/registry.ts";
import { shownSource } from "../eval/source.ts";
import { createRedactor, redactDeep, secretsOf } from "../lib/redact.ts";
import { safeName } from "../lib/text.ts";
import { type LockOwner, makeDirectory, ourselves, ownerState } from "../machine/directories.ts";
import { agentvHome, type Environment } from "../machine/environment.ts";
import { targetKind } from "../machine/files.ts";
import { readTextFile } from "../machine/read-file.ts";
import { writeNote } from "../machine/write-file.ts";
import { commits, isOnWantedRef, listed, makePlan, revisionOf, sentence, short } from "./make-plan.ts";
import type { Edit, LocalClone, RemoteProblem, Wanted } from "./observation.ts";
import type { Seen } from "./observe.ts";

/** `local`: no source. `unknown`: the remote was unreachable. */
export type RevisionState = "local" | "missing" | "synced" | "behind" | "ahead" | "diverged" | "rewritten" | "unknown";

/** The wanted and the present commit. */
export interface Revision {
	readonly state: RevisionState;
	/** Null: the remote's HEAD branch, if that is not known yet. */
	readonly wantedRef: string | null;
	/** The commit of `wantedRef`, if known. */
	readonly wantedSha: string | null;
	/** The checked-out commit. */
	readonly sha: string | null;
	/** First line of its message. */
	readonly subject: string | null;
	/** Commit time, ISO 8601. */
	readonly committedAt: string | null;
	/** Explains the state if necessary. */
	readonly reason: string | null;
}

/** `foreign`: what is at the path is not the source's repository. */
export type WorkTreeState = "clean" | "modified" | "foreign";

export interface WorkTree {
	readonly state: WorkTreeState;
	/** Changed and untracked files, relative to the benchmark; at most 1,000. */
	readonly files: readonly string[];
}

/** The last sync of a benchmark, stored in `$AGENTV_HOME/state/`. */
export interface LastSync {
	/** `running` only while its process is alive. */
	readonly status: "running" | "succeeded" | "failed";
	/** ISO 8601. */
	readonly startedAt: string;
	readonly finishedAt: string | null;
	readonly from: string | null;
	readonly to: string | null;
	readonly message: string;
}

/** A benchmark's source as in the registry: variables unresolved, passwords never shown. */
export interface ShownSource {
	readonly url: string;
	readonly ref: string | null;
}

export interface BenchmarkReport {
	readonly id: string;
	readonly name: string;
	/** Absolute. */
	readonly path: string;
	readonly source: ShownSource | null;
	readonly revision: Revision;
	readonly workTree: WorkTree;
	readonly lastSync: LastSync | null;
	/** What differs, why, and the next action, in one sentence. */
	readonly message: string;
}

/** Result of `list` and `status`. */
export interface BenchmarkReports {
	readonly benchmarks: readonly BenchmarkReport[];
	/** Problems of single registry entries; an entry without a usable id is only here. */
	readonly diagnostics: readonly import("../lib/errors.ts").Diagnostic[];
}

const clean: WorkTree = { state: "clean", files: [] };
const nothing: Revision = {
	...{ state: "unknown", wantedRef: null, wantedSha: null, sha: null, subject: null, committedAt: null, reason: null },
};
const mostFiles = 1000;

function report(
	entry: RegistryEntry,
	env: Environment,
	revision: Revision,
	workTree: WorkTree,
	message: string,
): BenchmarkReport {
	const { id, name, path } = entry;
	return { id, name, path, source: shown(entry), revision, workTree, lastSync: readState(id, env), message };
}

function shown({ source }: RegistryEntry): ShownSource | null {
	return source ? { url: shownSource(source.url), ref: source.ref ?? null } : null;
}

export function localReport(entry: RegistryEntry, env: Environment): BenchmarkReport {
	const reason =
		entry.problem ?? (targetKind(entry.path) === "directory" ? null : `${entry.path} does not exist; fix the path`);
	return report(entry, env, { ...nothing, state: "local", reason }, clean, reason ?? "local, used in place");
}

/** Reports a benchmark that can't be compared; `there` is its state on disk, if inspected. */
export async function problemReport(
	entry: RegistryEntry,
	problem: string,
	env: Environment,
	there?: { readonly clone: LocalClone; readonly edits: readonly Edit[] },
): Promise<BenchmarkReport> {
	const got = there ? await commitOf(there.clone) : {};
	const revision = { ...nothing, ...got, wantedRef: entry.source?.ref ?? null, reason: problem };
	return report(entry, env, revision, workTreeOf(there?.edits ?? []), problem);
}

function workTreeOf(edits: readonly Edit[]): WorkTree {
	return edits.length === 0 ? clean : { state: "modified", files: edits.slice(0, mostFiles).map(({ path }) => path) };
}

/** Reports an inspected git-backed benchmark. */
export async function reportOf(
	entry: RegistryEntry,
	access: SourceAccess,
	seen: Seen,
	edits: readonly Edit[],
	env: Environment,
): Promise<BenchmarkReport> {
	const { observation } = seen;
	const wanted = "wanted" in observation.remote ? observation.remote.wanted : undefined;
	const problem = "problem" in observation.remote ? observation.remote.problem : undefined;
	const wants = { wantedRef: wanted?.name ?? access.ref ?? null, wantedSha: wanted?.sha ?? null };
	if (observation.disk === "foreign") {
		const reason = observation.foreign ?? "";
		const message = `${reason}; move it away, or change the benchmark's path`;
		return report(entry, env, { ...nothing, ...wants, reason }, { state: "foreign", files: [] }, message);
	}
	if (!seen.clone) {
		const isAsked = problem && problem.reason !== "offline";
		const reason = isAsked ? problem.message : null;
		const message = isAsked
			? `not cloned yet, and ${sentence(problem.message, problem.hint)}`
			: `not cloned yet; agentv benchmark sync ${entry.id} clones it`;
		return report(entry, env, { ...nothing, ...wants, state: "missing", reason }, clean, message);
	}
	const got = await commitOf(seen.clone);
	const files = edits.map(({ path }) => path);
	const compared = wanted ? compare(entry, seen, wanted) : uncompared(problem);
	const leftover = files.length === 0 ? "" : `; local edits (${listed(files)})`;
	const revision = { ...nothing, ...wants, ...got, state: compared.state, reason: compared.reason };
	return report(entry, env, revision, workTreeOf(edits), compared.message + leftover);
}

async function commitOf({ git, head }: LocalClone): Promise<Pick<Revision, "sha" | "subject" | "committedAt">> {
	if (!head.sha) return { sha: null, subject: null, committedAt: null };
	const format = "--format=%H%x00%cI%x00%s";
	const { stdout } = await git.local(["log", "-1", "--no-show-signature", "--encoding=UTF-8", format, head.sha, "--"]);
	const [sha = null, committedAt = null, subject = null] = stdout.replace(/\n$/, "").split("\0");
	return { sha, subject, committedAt };
}

interface Compared {
	readonly state: Revision["state"];
	readonly reason: string | null;
	readonly message: string;
}

function uncompared(problem: RemoteProblem | undefined): Compared {
	const reason = problem?.message ?? "the remote was not contacted";
	return { state: "unknown", reason, message: sentence(reason, problem?.hint) };
}

/** Returns state and message of a clone whose wanted commit is known. */
function compare(entry: RegistryEntry, seen: Seen, wanted: Wanted): Compared {
	const { clone } = seen.observation;
	if (!clone) return { state: "missing", reason: null, message: "not cloned yet" };
	const sync = `agentv benchmark sync ${entry.id}`;
	const plan = makePlan(seen.observation, { reset: false });
	const isOn = isOnWantedRef(clone, wanted);
	const isKnown = clone.relation !== undefined || clone.sha === wanted.sha;
	const state = isOn || plan.action === "refuse" ? revisionOf(clone, wanted) : "behind";
	if (seen.journal)
		return { state, reason: "a sync was interrupted", message: `a sync was interrupted; ${sync} recovers it` };
	if (plan.action === "refuse")
		return { state: state === "synced" && !isOn ? "diverged" : state, reason: plan.message, message: plan.message };
	if (state === "synced" && !clone.urlChanged)
		return { state, reason: null, message: `up to date, ${wanted.name} at ${short(wanted.sha)}` };
	if (clone.urlChanged) return { state, reason: "the URL changed", message: `the URL changed; ${sync} moves to it` };
	if (!isOn) {
		const reason = `the registry specifies ${wanted.name}`;
		return {
			state,
			reason,
			message: `${reason}, the clone is on ${clone.branch ?? short(clone.sha)}; ${sync} moves to it`,
		};
	}
	const count = clone.relation?.behind ?? 0;
	const far = isKnown && count > 0 ? `${commits(count)} behind ${wanted.name}` : `behind ${wanted.name}`;
	return { state, reason: null, message: `${far}; ${sync} updates it` };
}

/** Directory of locks for benchmark directories. */
export function lockDirectory(env: Environment): string {
	return join(agentvHome(env), "state", "locks");
}

function stateFile(id: string, env: Environment): string {
	const name = id.length <= 100 ? id : safeName(id);
	return join(agentvHome(env), "state", "benchmarks", `${name}.json`);
}

interface StateOnDisk {
	readonly status: LastSync["status"];
	readonly started_at: string;
	readonly finished_at: string | null;
	readonly from: string | null;
	readonly to: string | null;
	readonly message: string;
	/** The process of the sync. */
	readonly owner?: LockOwner;
}

export function writeState(id: string, state: LastSync, env: Environment): void {
	const file = stateFile(id, env);
	makeDirectory(dirname(file), { mode: 0o700 });
	const { startedAt, finishedAt, ...rest } = state;
	const owner = state.status === "running" ? { owner: ourselves("") } : {};
	const note = redactDeep(
		{ ...rest, started_at: startedAt, finished_at: finishedAt, ...owner },
		createRedactor(secretsOf(env)),
	);
	writeNote(file, `${JSON.stringify(note)}\n`);
}

/** A sync that ended without finishing failed. Null if there is no readable one. */
export function readState(id: string, env: Environment): LastSync | null {
	const file = stateFile(id, env);
	if (targetKind(file) !== "file") return null;
	const state = parsed(readTextFile(file, { maxBytes: 1_000_000 }));
	if (!state) return null;
	const { status, started_at: startedAt, finished_at: finishedAt, from, to, message, owner } = state;
	const last = { status, startedAt, finishedAt, from, to, message };
	const died = status === "running" && (owner === undefined || ownerState(owner) === "dead");
	return died ? { ...last, status: "failed", message: "interrupted" } : last;
}

function parsed(text: string): StateOnDisk | undefined {
	try {
		const value: unknown = JSON.parse(text);
		const isState = typeof value === "object" && value !== null && "status" in value && "started_at" in value;
		return isState ? (value as StateOnDisk) : undefined;
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/** Returns the entries of `ids`, each once, or all of them. */
export function chosenEntries(registry: Registry, ids: readonly string[] | undefined): readonly RegistryEntry[] {
	if (ids === undefined || ids.length === 0) return registry.entries;
	return [...new Set(ids)].map((id) => findEntry(registry, id));
}
