import { relative } from "node:path";
import type { EvalContext } from "../eval-context.ts";
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
			if (state === "outside") continue;
			const inside = state === "tracked" ? addedBelow(path, context) : undefined;
			if (state === "tracked" && !inside) continue;
			const data = { path: relative(context.loaded.scope.directory, path) || path, kind, ignored: state === "ignored" };
			if (state === "ignored") yield { data, at };
			else yield { data: { ...data, ...(inside ? { inside } : {}) }, at, severity: "warning" };
		}
	},
});

/** Files of a directory that are not added yet, relative to it; undefined without any. */
function addedBelow(path: string, { repository, run }: EvalContext): string[] | undefined {
	if (!repository || run.view.kind(path) !== "directory") return undefined;
	const added = repository.changed(path).filter((file) => repository.state(file) === "untracked");
	return added.length === 0 ? undefined : added.map((file) => relative(path, file));
}

function count(files: readonly string[]): string {
	return files.length === 1 ? "a file" : `${files.length} files`;
}

function some(files: readonly string[]): string {
	return files.length > 3 ? `${files.slice(0, 3).join(", ")}, …` : files.join(", ");
}
