import type { Environment } from "../io/environment.ts";
import { targetKind } from "../io/files/stat-path.ts";
import type { SourceAccess } from "../model/benchmark-source.ts";
import type { RegistryEntry } from "../model/registry.ts";
import { shownSource } from "../model/written-source.ts";
import type { BenchmarkReport, Revision, ShownSource, WorkTree } from "./benchmark-report.ts";
import type { LocalClone } from "./look-local.ts";
import type { RemoteProblem, Wanted } from "./look-remote.ts";
import { commits, isOnWantedRef, listed, makePlan, revisionOf, sentence, short } from "./make-plan.ts";
import type { Edit } from "./observation.ts";
import type { Seen } from "./observe.ts";
import { readState } from "./state-file.ts";

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
