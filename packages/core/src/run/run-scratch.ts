import { join } from "node:path";
import { makeDirectories } from "../io/files/make-directories.ts";
import { makeOwnDirectory } from "../io/files/own-files.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import type { Scratch } from "../io/files/scratch.ts";
import { pathKind, targetKind } from "../io/files/stat-path.ts";
import { makeTempDir } from "../io/files/temp-dir.ts";
import type { ScratchSpace } from "./attempt-context.ts";

/** Directories for attempts below one of the system's temporary ones. */
export function runScratch(): ScratchSpace & { close(): Promise<void> } {
	const roots: string[] = [];
	let count = 0;
	const usableRoot = () => {
		const last = roots.at(-1);
		if (last !== undefined && pathKind(last) === "directory") return last;
		// The first one, or in place of one that an agent removed.
		const root = makeTempDir("agentv-run-");
		roots.push(root);
		return root;
	};
	return {
		next(): Scratch {
			count += 1;
			const root = usableRoot();
			const path = join(root, String(count));
			return {
				path,
				make() {
					if (pathKind(root) === "missing") makeDirectories(root, 0o700);
					makeOwnDirectory(path);
					return path;
				},
			};
		},
		async remove({ path }) {
			if (targetKind(path) !== "missing") await removeTree(path);
		},
		close: async () => {
			for (const root of roots) await removeTree(root);
		},
	};
}
