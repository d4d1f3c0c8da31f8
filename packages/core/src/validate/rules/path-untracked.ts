import { relative } from "node:path";
import type { Place } from "../../base/diagnostic.ts";
import { evalFiles } from "../eval-files.ts";
import { rule } from "../rule.ts";

interface Data {
	readonly path: string;
	readonly kind: string;
	readonly ignored: boolean;
	/** Files of a directory that are not added yet, relative to it. */
	readonly inside?: readonly string[];
}

export const pathUntracked = rule<Data>({
	id: "path.untracked",
	group: "paths",
	severity: "error",
	summary: "a file of the eval that git ignores (error) or does not have yet (warning)",
	docs: {
		why: "It exists on this machine, but a colleague's clone and CI won't have it.",
		bad: `tests: ./build/cases.jsonl   # .gitignore: build/`,
		good: `tests: ./data/cases.jsonl`,
		mend: "`git add` the file; move it, or change .gitignore, where it is ignored.",
	},
	message: ({ path, kind, ignored, inside }) =>
		inside
			? `${kind} ${JSON.stringify(path)} holds ${count(inside)} that git does not have yet: ${some(inside)}`
			: `${kind} ${JSON.stringify(path)} is ${ignored ? "ignored by git" : "not added to git yet"}`,
	hint: ({ ignored }) =>
		ignored ? "a clone won't have it: move it, or change .gitignore" : "git add it, or a clone won't have it",
	*check(context) {
		const { repository } = context;
		if (!repository) return;
		for (const { path, kind, at } of evalFiles(context)) {
			const state = repository.state(path);
			const shown = relative(context.loaded.scope.directory, path) || path;
			if (state === "ignored") yield { data: { path: shown, kind, ignored: true }, at };
			else if (state === "untracked") yield { data: { path: shown, kind, ignored: false }, at, severity: "warning" };
			else if (state === "tracked" && context.run.view.kind(path) === "directory")
				yield* inDirectory(path, { path: shown, kind }, at);
		}

		function* inDirectory(path: string, about: { path: string; kind: string }, at: Place) {
			const added = (repository?.changed(path) ?? []).filter((file) => repository?.state(file) === "untracked");
			if (added.length === 0) return;
			const inside = added.map((file) => relative(path, file));
			yield { data: { ...about, ignored: false, inside }, at, severity: "warning" as const };
		}
	},
});

function count(files: readonly string[]): string {
	return files.length === 1 ? "a file" : `${files.length} files`;
}

function some(files: readonly string[]): string {
	return files.length > 3 ? `${files.slice(0, 3).join(", ")}, …` : files.join(", ");
}
