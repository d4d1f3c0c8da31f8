import { join } from "node:path";
import { makeOwnDirectory } from "../io/files/own-files.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { makeTempDir } from "../io/files/temp-dir.ts";
import type { ScratchSpace } from "./attempt-context.ts";

/** Directories for attempts below one of the system's temporary ones, made when first needed. */
export function runScratch(): ScratchSpace & { close(): Promise<void> } {
	let root: string | undefined;
	let count = 0;
	return {
		directory() {
			root ??= makeTempDir("agentv-run-");
			count += 1;
			const path = join(root, String(count));
			makeOwnDirectory(path);
			return path;
		},
		remove: (path) => removeTree(path),
		close: async () => {
			if (root !== undefined) await removeTree(root);
		},
	};
}
