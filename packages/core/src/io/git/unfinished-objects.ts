import { join } from "node:path";
import { listTree } from "../files/list-tree.ts";
import { pathKind } from "../files/stat-path.ts";
import { removeFile } from "../files/write-note.ts";

/**
 * Removes partial objects of a killed git in a repository that changed at `since` or later. @throws
 * AgentvError
 */
export function removeUnfinishedObjects(gitDir: string, since = 0): void {
	const objects = join(gitDir, "objects");
	if (pathKind(objects) !== "directory") return;
	const entries = listTree(objects, {
		filter: (path, kind) => kind === "directory" || /(^|\/)(tmp_|\.tmp-)[^/]+$/.test(path),
	});
	for (const { path, kind, mtimeMs } of entries)
		if (kind === "file" && mtimeMs >= since) removeFile(join(objects, path));
}
