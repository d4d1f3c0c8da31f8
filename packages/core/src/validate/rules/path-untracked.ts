import { join } from "node:path";
import { directoryEntries } from "../../io/files/directory-entries.ts";
import { listTree, type TreeEntry } from "../../io/files/list-tree.ts";
import { repositoryOf } from "../eval-context.ts";
import { evalFiles } from "../eval-files.ts";
import { shownPath } from "../path-references.ts";
import type { RepositoryFacts } from "../repository-facts.ts";
import { rule } from "../rule.ts";
import { remembered } from "../validation-run.ts";

interface Data {
	readonly path: string;
	readonly kind: string;
	readonly ignored: boolean;
	/** It is an empty directory, which git does not keep. */
	readonly empty?: boolean;
	/** What of a directory is left out, relative to it; a directory of which git has nothing ends in `/`. */
	readonly inside?: readonly string[];
}

export const pathUntracked = rule<Data>({
	id: "path.untracked",
	group: "paths",
	severity: "error",
	summary: "a file of the eval that git ignores (error) or does not track yet (warning)",
	docs: {
		why: "It exists on this machine, but a colleague's clone and CI won't have it.",
		bad: `tests: ./build/cases.jsonl   # .gitignore: build/`,
		good: `tests: ./data/cases.jsonl`,
		mend: "`git add` the file; if it is ignored, move it or change .gitignore.",
	},
	message: ({ path, kind, ignored, inside, empty }) =>
		empty
			? `${kind} ${JSON.stringify(path)} is an empty directory, which git does not track`
			: inside
				? `${kind} ${JSON.stringify(path)} contains files that git ${ignored ? "ignores" : "does not track yet"}: ${some(inside)}`
				: `${kind} ${JSON.stringify(path)} is ${ignored ? "ignored by git" : "not added to git yet"}`,
	hint: ({ ignored, empty }) =>
		empty
			? "add a file to it, or a clone won't have it"
			: ignored
				? "a clone won't have it: move it, or change .gitignore"
				: "git add it, or a clone won't have it",
	*check(context) {
		const { run } = context;
		const repository = repositoryOf(context);
		if (!repository) return;
		for (const { path, kind, at, whole } of evalFiles(context)) {
			const state = repository.state(path);
			if (state === "tracked" && !whole) continue;
			const data = { path: shownPath(path, context), kind };
			const empty = state === "ignored" && isEmpty(path);
			if (state === "ignored") yield { data: { ...data, ignored: true, ...(empty ? { empty } : {}) }, at };
			if (state === "untracked") yield { data: { ...data, ignored: false }, at, severity: "warning" };
			if (state !== "tracked") continue;
			const left = remembered(run, `left out\0${path}`, () => leftOut(path, repository));
			if (left.ignored.length > 0) yield { data: { ...data, ignored: true, inside: left.ignored }, at };
			if (left.untracked.length > 0)
				yield { data: { ...data, ignored: false, inside: left.untracked }, at, severity: "warning" };
		}
	},
});

/** What systems and interpreters leave behind wherever they look: no eval needs it. */
const leftBehind = /^(\.DS_Store|Thumbs\.db|__pycache__|.*\.pyc)$/;

/** What of a directory a clone would not have, relative to it. */
function leftOut(directory: string, repository: RepositoryFacts) {
	const left: Readonly<Record<"ignored" | "untracked", string[]>> = { ignored: [], untracked: [] };
	const filter = (path: string, kind: TreeEntry["kind"]) => {
		if (leftBehind.test(path.slice(path.lastIndexOf("/") + 1))) return false;
		const state = repository.state(join(directory, path));
		if (state !== "ignored" && state !== "untracked") return true;
		if (kind === "directory" && isEmpty(join(directory, path))) return false;
		left[state].push(kind === "directory" ? `${path}/` : path);
		return false;
	};
	listTree(directory, { skipGit: true, filter });
	return left;
}

function isEmpty(directory: string): boolean {
	return directoryEntries(directory)?.size === 0;
}

function some(files: readonly string[]): string {
	return files.length > 3 ? `${files.slice(0, 3).join(", ")}, and ${files.length - 3} more` : files.join(", ");
}
