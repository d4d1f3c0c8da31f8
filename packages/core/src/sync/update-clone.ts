import type { Environment } from "../io/environment.ts";
import { throwIfAborted } from "../io/files/throw-if-aborted.ts";
import { GitError } from "../io/git/git-error.ts";
import { type FetchSettings, fetchContents } from "./fetch-tip.ts";
import { removeJournal, withJournal } from "./journal.ts";
import type { LocalClone } from "./look-local.ts";
import type { Wanted } from "./look-remote.ts";
import { type Decision, listed } from "./make-plan.ts";
import { clearNames } from "./names-in-the-way.ts";
import type { Edit } from "./observation.ts";
import { recover, undo } from "./recover.ts";
import { settle } from "./settle.ts";

/** Why git itself refused to change the work tree, which is then unchanged. */
export interface Refusal {
	readonly refused: string;
}

export interface UpdateSettings {
	readonly env: Environment;
	/** Without credentials. */
	readonly url: string;
}

/** Fetches missing file contents of the wanted commit: after that everything works offline. */
export async function fetchFiles(clone: LocalClone, wanted: Wanted, settings: FetchSettings): Promise<void> {
	if (clone.head.sha === wanted.sha) return;
	await withJournal(clone.git.gitDir, { phase: "fetch" }, (marked) =>
		fetchContents(clone, wanted.sha, settings, marked),
	);
	throwIfAborted(settings.signal, "the sync");
}

/**
 * Moves the clone's work tree to the wanted commit (whose files are available) by the plan, keeping
 * local edits and ignored files.
 * Offline; protected by a journal.
 * @throws GitError
 */
export async function updateClone(
	clone: LocalClone,
	decision: Decision,
	wanted: Wanted,
	edits: readonly Edit[],
	settings: UpdateSettings,
): Promise<Refusal | undefined> {
	const { git, head } = clone;
	const { gitDir } = git;
	const entry = {
		phase: "work-tree",
		from: head.sha ?? "",
		to: wanted.sha,
		edits: edits.map(({ path }) => path),
	} as const;
	try {
		await withJournal(gitDir, entry, async (marked) => {
			if (wanted.kind === "branch" && head.branch !== wanted.name) await clearNames(clone, wanted.name);
			if (needsMove(clone, wanted)) await git.shielded(marked(moveCommand(decision, wanted)));
			await settle(clone, wanted, settings.url);
		});
	} catch (error) {
		if (!(error instanceof GitError)) throw error;
		const refused = refusalOf(error);
		if (refused === undefined && error.exitCode === null) await recover(git.root, settings.env);
		else if (refused === undefined || refused.isHalfDone) await undo(git.root, settings.env);
		else removeJournal(gitDir);
		if (refused === undefined) throw error;
		return refused;
	}
	return undefined;
}

function needsMove({ head }: LocalClone, wanted: Wanted): boolean {
	return head.sha !== wanted.sha || head.branch !== (wanted.kind === "branch" ? wanted.name : undefined);
}

function moveCommand({ action }: Decision, { kind, name, sha }: Wanted): string[] {
	if (action === "update")
		return [
			"merge",
			"--quiet",
			"--ff-only",
			"--no-overwrite-ignore",
			"--no-autostash",
			"--no-stat",
			"--no-verify-signatures",
			sha,
		];
	const goal = kind === "branch" ? ["--no-track", "-C", name] : ["--detach"];
	return ["switch", "--quiet", "--no-overwrite-ignore", ...goal, sha];
}

/** Git's messages about another process's lock, or files that it would overwrite. */
function refusalOf({ stderr }: GitError): (Refusal & { readonly isHalfDone: boolean }) | undefined {
	const lock = /Unable to create '(.+\.lock)': File exists/.exec(stderr)?.[1];
	if (lock !== undefined)
		return {
			refused: `another git process is running in the clone (${lock} exists), or was interrupted; if none is running, remove the file`,
			isHalfDone: !lock.endsWith("/index.lock"),
		};
	if (!/would be overwritten|would lose untracked files|would be removed/.test(stderr)) return undefined;
	const files = [...stderr.matchAll(/^\t(.+)$/gm)].map((match) => match[1] ?? "");
	return {
		refused: `local files would be overwritten (${listed(files)}); move them away or commit them`,
		isHalfDone: false,
	};
}
