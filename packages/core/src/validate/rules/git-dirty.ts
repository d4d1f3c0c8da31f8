import { relative } from "node:path";
import { repositoryOf } from "../eval-context.ts";
import { evalFiles } from "../eval-files.ts";
import { rule } from "../rule.ts";

interface Data {
	/** Relative to the eval's directory. */
	readonly files: readonly string[];
}

export const gitDirty = rule<Data>({
	id: "git.dirty",
	group: "provenance",
	severity: "warning",
	summary: "files of the eval that differ from the commit",
	docs: {
		why: "A result is recorded with the commit; uncommitted changes can't be reproduced.",
		bad: `$ git status --short
 M evals/greeting/cases.jsonl`,
		good: `$ git commit --all --message "Add a case"`,
		mend: "Commit the eval's files before recording results.",
	},
	message: ({ files }) =>
		`${files.length === 1 ? "a file" : `${files.length} files`} of the eval ${files.length === 1 ? "differs" : "differ"} from the commit: ${files.slice(0, 3).join(", ")}${files.length > 3 ? ", …" : ""}`,
	*check(context) {
		const { loaded, run } = context;
		const repository = repositoryOf(context);
		if (!repository) return;
		const needed = evalFiles(context).filter(({ path, whole }) => whole || run.view.kind(path) !== "directory");
		const changed = new Set(needed.flatMap(({ path }) => repository.changed(path)));
		const files = [...changed]
			.filter((file) => repository.state(file) === "tracked")
			.map((file) => relative(loaded.scope.directory, file))
			.sort();
		if (files.length > 0) yield { data: { files }, at: { file: loaded.file, path: [] } };
	},
});
