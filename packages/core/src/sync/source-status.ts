import type { RegistryEntry, SourceAccess } from "../eval/registry.ts";
import { AgentvError } from "../lib/errors.ts";
import { GitError } from "../machine/git-error.ts";
import { withLock } from "../machine/lock.ts";
import { type BenchmarkReport, lockDirectory, problemReport, reportOf } from "./benchmark-report.ts";
import { localEdits, type StatusOptions, sentence } from "./make-plan.ts";
import { lookLocal } from "./observation.ts";
import { type ObserveSettings, observe, type Seen } from "./observe.ts";
import { readJournal } from "./recover.ts";

/** Compares a git-backed benchmark with its remote. */
export async function sourceStatus(
	entry: RegistryEntry,
	access: SourceAccess,
	options: StatusOptions,
): Promise<BenchmarkReport> {
	const { env, signal } = options;
	const settings = {
		env,
		signal,
		timeoutMs: options.timeoutMs ?? 60_000,
		offline: options.offline === true,
		files: false,
	};
	try {
		const seen = await look(entry, access, { ...settings, fetch: false });
		const edits = seen.clone ? await localEdits(seen.clone.git, settings, seen.journal) : [];
		return await reportOf(entry, access, seen, edits, env);
	} catch (error) {
		// An error in this directory says nothing about the others.
		if (!(error instanceof AgentvError) || error.code === "internal" || error.code === "interrupted") throw error;
		if (error instanceof GitError && error.reason === "git-missing") throw error;
		return problemReport(entry, sentence(error.message, error.hint), env);
	}
}

/** Includes the state on disk, for example if a variable of the source is unset. */
export async function problemStatus(
	entry: RegistryEntry,
	problem: string,
	{ env, signal }: StatusOptions,
): Promise<BenchmarkReport> {
	try {
		const local = await lookLocal(entry.path, "", env);
		if (local.kind !== "clone") return problemReport(entry, problem, env);
		const { clone } = local;
		const edits = await localEdits(clone.git, { env, signal }, readJournal(clone.git.gitDir));
		return await problemReport(entry, problem, env, { clone, edits });
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code === "internal" || error.code === "interrupted") throw error;
		return problemReport(entry, problem, env);
	}
}

/** Takes the lock only to fetch the tip; does not wait for a running sync. */
async function look(entry: RegistryEntry, access: SourceAccess, settings: ObserveSettings): Promise<Seen> {
	const seen = await observe(entry, access, settings);
	const { clone, remote } = seen.observation;
	if (settings.offline || !clone || "problem" in remote || clone.relation || clone.underWay) return seen;
	let fetched: Seen | undefined;
	try {
		const options = { lockDirectory: lockDirectory(settings.env), waitMs: 0, signal: settings.signal };
		await withLock(
			entry.path,
			async () => {
				fetched = await observe(entry, access, { ...settings, fetch: true });
			},
			options,
		);
	} catch (error) {
		if (!(error instanceof AgentvError) || error instanceof GitError || error.code !== "failed") throw error;
	}
	return fetched ?? seen;
}
