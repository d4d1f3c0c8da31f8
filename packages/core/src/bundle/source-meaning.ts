import { workingDirectory } from "../model/command-files.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { LoadedEval } from "../model/eval-types.ts";
import { resolvePath } from "../model/path-text.ts";
import { meaningOf } from "./meaning.ts";
import type { RewriteInput } from "./rewriter.ts";
import type { TargetSelection } from "./select-targets.ts";

/** What the source means, its paths named as the bundle will have them. */
export function sourceMeaning(
	loaded: LoadedEval,
	selection: TargetSelection,
	{ places, bound, evalDirectory }: RewriteInput,
	view: DiskView,
	withChoices: boolean,
): unknown {
	const isDirectory = (path: string) => view.kind(path) === "directory";
	return meaningOf(
		{
			view,
			loaded,
			path: (kind, path) => places.named(kind, path, isDirectory(path)) ?? path,
			cwd(kind, command) {
				if ((kind === "target-command" && !command.cwd) || command.cwd?.raw.includes("{{")) return undefined;
				const directory = command.cwd
					? resolvePath(command.cwd, loaded.scope, view).path
					: workingDirectory(command, kind, evalDirectory);
				if (directory === undefined) return undefined;
				if (command.cwd && places.named("working-directory", directory, true) === undefined) return directory;
				return places.workingDirectory(directory, bound.has(command));
			},
		},
		selection.named,
		withChoices,
	);
}
