import { dirname, join } from "node:path";
import { findEntry, type Registry, type RegistryEntry } from "../eval/registry.ts";
import { shownSource } from "../eval/source.ts";
import type { Diagnostic } from "../lib/errors.ts";
import { readJson } from "../lib/json.ts";
import { createRedactor, redactDeep, secretsOf } from "../lib/redact.ts";
import { safeName } from "../lib/text.ts";
import { type LockOwner, makeDirectory, ourselves, ownerState } from "../machine/directories.ts";
import { agentvHome, type Environment } from "../machine/environment.ts";
import { targetKind } from "../machine/files.ts";
import { readTextFile } from "../machine/read-file.ts";
import { writeNote } from "../machine/write-file.ts";

/** `local`: no source. `unknown`: the remote was unreachable. */
type RevisionState = "local" | "missing" | "synced" | "behind" | "ahead" | "diverged" | "rewritten" | "unknown";

export interface Revision {
	readonly state: RevisionState;
	/** Null if it is the remote's HEAD branch and that is unknown. */
	readonly wantedRef: string | null;
	readonly wantedSha: string | null;
	readonly sha: string | null;
	readonly subject: string | null;
	/** Commit time, ISO 8601. */
	readonly committedAt: string | null;
	readonly reason: string | null;
}

/** `foreign`: what is at the path is not the source's repository. */
type WorkTreeState = "clean" | "modified" | "foreign";

export interface WorkTree {
	readonly state: WorkTreeState;
	/** Changed and untracked files, relative to the benchmark; at most 1,000. */
	readonly files: readonly string[];
}

/** Stored in `$AGENTV_HOME/state/`. */
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

/** As in the registry: variables are unresolved, passwords are never shown. */
interface ShownSource {
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

export interface BenchmarkReports {
	readonly benchmarks: readonly BenchmarkReport[];
	/** Problems with single registry entries; an entry without a usable id is only here. */
	readonly diagnostics: readonly Diagnostic[];
}

export function reportOf(
	{ id, name, path, source }: RegistryEntry,
	env: Environment,
	revision: Partial<Revision>,
	message: string,
	workTree: WorkTree = { state: "clean", files: [] },
): BenchmarkReport {
	const shown = source ? { url: shownSource(source.url), ref: source.ref ?? null } : null;
	const nothing = { wantedRef: null, wantedSha: null, sha: null, subject: null, committedAt: null, reason: null };
	const known: Revision = { state: "unknown", ...nothing, ...revision };
	return { id, name, path, source: shown, revision: known, workTree, lastSync: readState(id, env), message };
}

export function localReport(entry: RegistryEntry, env: Environment): BenchmarkReport {
	const reason =
		entry.problem ?? (targetKind(entry.path) === "directory" ? null : `${entry.path} does not exist; fix the path`);
	return reportOf(entry, env, { state: "local", reason }, reason ?? "local, used in place");
}

export function problemReport(
	entry: RegistryEntry,
	problem: string,
	env: Environment,
	commit: Partial<Revision> = {},
	workTree?: WorkTree,
): BenchmarkReport {
	const revision = { ...commit, wantedRef: entry.source?.ref ?? null, reason: problem };
	return reportOf(entry, env, revision, problem, workTree);
}

export function lockDirectory(env: Environment): string {
	return join(agentvHome(env), "state", "locks");
}

function stateFile(id: string, env: Environment): string {
	const name = id.length <= 100 ? id : safeName(id);
	return join(agentvHome(env), "state", "benchmarks", `${name}.json`);
}

interface StateOnDisk extends Omit<LastSync, "startedAt" | "finishedAt"> {
	readonly started_at: string;
	readonly finished_at: string | null;
	/** Present while a sync runs. */
	readonly owner?: LockOwner;
}

export function writeState(id: string, state: LastSync, env: Environment): void {
	const file = stateFile(id, env);
	makeDirectory(dirname(file), { mode: 0o700 });
	const { startedAt, finishedAt, ...rest } = state;
	const owner = state.status === "running" ? { owner: ourselves("") } : {};
	const note: StateOnDisk = { ...rest, started_at: startedAt, finished_at: finishedAt, ...owner };
	writeNote(file, `${JSON.stringify(redactDeep(note, createRedactor(secretsOf(env))))}\n`);
}

/**
 * Reads the last sync; one that ended without finishing has failed. Null without a readable state.
 */
export function readState(id: string, env: Environment): LastSync | null {
	const file = stateFile(id, env);
	if (targetKind(file) !== "file") return null;
	const reading = readJson(readTextFile(file, { maxBytes: 1_000_000 }));
	const value = "value" in reading ? reading.value : undefined;
	if (typeof value !== "object" || value === null || !("status" in value) || !("started_at" in value)) return null;
	const { status, started_at: startedAt, finished_at: finishedAt, from, to, message, owner } = value as StateOnDisk;
	const last = { status, startedAt, finishedAt, from, to, message };
	const died = status === "running" && (owner === undefined || ownerState(owner) === "dead");
	return died ? { ...last, status: "failed", message: "interrupted" } : last;
}

export function chosenEntries(registry: Registry, ids: readonly string[] | undefined): readonly RegistryEntry[] {
	if (ids === undefined || ids.length === 0) return registry.entries;
	return [...new Set(ids)].map((id) => findEntry(registry, id));
}
