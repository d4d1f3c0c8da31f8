import { join } from "node:path";
import { makeOwnDirectory } from "../io/files/own-files.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import type { Scratch } from "../io/files/scratch.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { makeTempDir } from "../io/files/temp-dir.ts";
import type { ScratchSpace } from "./attempt-context.ts";

/** Directories for attempts below one of the system's temporary ones. */
export function runScratch(): ScratchSpace & { close(): Promise<void> } {
	let root: string | undefined;
	let count = 0;
	return {
		next(): Scratch {
			root ??= makeTempDir("agentv-run-");
			count += 1;
			const path = join(root, String(count));
			return {
				path,
				make() {
					makeOwnDirectory(path);
					return path;
				},
			};
		},
		async remove({ path }) {
			if (targetKind(path) !== "missing") await removeTree(path);
		},
		close: async () => {
			if (root !== undefined) await removeTree(root);
		},
	};
}
