import { basename, join } from "node:path";
import type { DiskView } from "./disk-view.ts";
import { type EvalScope, withParents } from "./eval-scope.ts";

/** Extensions of custom graders, in search order. */
export const programEndings = ["mjs", "js", "ts", "py", "sh"] as const;

const programFolders = [".agentv/graders", ".agentv/assertions"];

/** Returns the nearest program from the eval's directory up to its root. */
export function findCustomGrader(type: string, scope: EvalScope, view: DiskView): string | undefined {
	for (const directory of withParents(scope.directory, scope.root)) {
		for (const folder of programFolders) {
			for (const ending of programEndings) {
				const path = join(directory, folder, `${type}.${ending}`);
				if (view.kind(path) === "file") return path;
			}
		}
	}
	return undefined;
}

/** Returns the names of the custom types that an eval can use. */
export function customGraderNames(scope: EvalScope, view: DiskView): string[] {
	return [...withParents(scope.directory, scope.root)].flatMap((directory) =>
		programFolders.flatMap((folder) =>
			view.list(join(directory, folder)).map((name) => basename(name).replace(/\.[^.]+$/, "")),
		),
	);
}
