import { AgentvError } from "../base/agentv-error.ts";
import { copyPreparedTree, type PreparedTree, prepareTree } from "../io/files/copy-tree.ts";
import type { DiskView } from "../model/disk-view.ts";
import type { EvalScope } from "../model/eval-scope.ts";
import type { PathText } from "../model/path-text.ts";
import { resolveWithinReach } from "../model/reach.ts";
import { isGitsOwn } from "./pristine.ts";
import { WorkspaceError } from "./workspace-error.ts";

/**
 * Copies a template, without `.git`, into the empty directory `to`.
 * @throws WorkspaceError `not-found`, or `path.symlink-escape` for links that leave the template
 */
export async function placeTemplate(
	template: PathText,
	to: string,
	at: { readonly scope: EvalScope; readonly view: DiskView; readonly signal?: AbortSignal | undefined },
): Promise<void> {
	const from = resolveWithinReach(template, "workspace template", at.scope, at.view);
	if (from.kind !== "directory") {
		const what = from.kind === "missing" ? "does not exist" : "is not a directory";
		throw new WorkspaceError("template", "not-found", `the template ${from.path} ${what}`);
	}
	let tree: PreparedTree;
	try {
		tree = prepareTree(from.path, { filter: (path) => !isGitsOwn(path) });
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code !== "refused") throw error;
		const options = { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) };
		const reason = /lead out of it/.test(error.message) ? "path.symlink-escape" : "refused";
		throw new WorkspaceError("template", reason, `the template ${error.message}`, options);
	}
	await copyPreparedTree(tree, to, { signal: at.signal });
}
