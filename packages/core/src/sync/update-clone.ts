import type { Environment } from "../io/environment.ts";
import { throwIfAborted } from "../io/files/throw-if-aborted.ts";
import { GitError } from "../io/git/git-error.ts";
import { type FetchSettings, fetchContents } from "./fetch-tip.ts";
import { withJournal } from "./journal.ts";
import type { LocalClone } from "./look-local.ts";
import type { Wanted } from "./look-remote.ts";
import type { Decision } from "./make-plan.ts";
import type { Edit } from "./observation.ts";
import { recover } from "./recover.ts";
import { settle } from "./settle.ts";

/** Why git itself refused to touch the work tree; nothing was changed. */
export interface Refusal {
	readonly refused: string;
}

export interface UpdateSettings {
	readonly env: Environment;
	/** Without credentials. */
	readonly url: string;
}

/** Fetches what the wanted commit's files hold, as far as it is not here: after that nothing needs the network. */
export async function fetchFiles(clone: LocalClone, wanted: Wanted, settings: FetchSettings): Promise<void> {
	if (clone.head.sha === wanted.sha) return;
	await withJournal(clone.git.gitDir, { phase: "fetch" }, (marked) =>
		fetchContents(clone, wanted.sha, settings, marked),
	);
	throwIfAborted(settings.signal, "the sync");
}

/**
 * Moves the clone's work tree to the wanted commit (whose files are here) as the plan says, sparing local edits and ignored files.
 * Offline; a journal covers it.
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
			if (needsMove(clone, wanted)) await git.shielded(marked(moveCommand(decision, wanted)));
			await settle(clone, wanted, settings.url);
		});
	} catch (error) {
		const refused = refusalOf(error);
		if (refused === undefined && error instanceof GitError) await recover(git.root, settings.env);
		if (refused === undefined) throw error;
		return { refused };
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

/** The files that git names when it refuses to overwrite them. */
function refusalOf(error: unknown): string | undefined {
	if (!(error instanceof GitError)) return undefined;
	if (/index\.lock': File exists/.test(error.stderr))
		return "another git program is at work in the clone; try again later";
	if (!/would be overwritten|would lose untracked files|would be removed/.test(error.stderr)) return undefined;
	const files = [...error.stderr.matchAll(/^\t(.+)$/gm)].map((match) => match[1] ?? "");
	const some = files.slice(0, 3).join(", ");
	const more = files.length > 3 ? ` and ${files.length - 3} more` : "";
	return `local files are in the way (${some}${more}); move them away or commit them`;
}
