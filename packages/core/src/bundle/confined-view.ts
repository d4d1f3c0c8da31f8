import { join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { isInside } from "../io/files/path-inside.ts";
import { type DiskView, entriesOf } from "../model/disk-view.ts";
import { manifestName } from "../model/manifest.ts";

/** Enough of a manifest to be recognised as a bundle: reading the real one, of 50,000 files, would cost for nothing. */
const stubManifest = `{"format_version": 1, "digest": "${"0".repeat(64)}"}`;

/** The view with nothing but the bundle at `root` in reach. */
export function confinedView(view: DiskView, root: string): DiskView {
	const inside = (path: string) => isInside(root, path);
	return {
		kind: (path) => (inside(path) ? view.kind(path) : "missing"),
		list: (directory) => (inside(directory) ? view.list(directory) : []),
		entries: (directory) => (inside(directory) ? entriesOf(view, directory) : new Map()),
		otherCase: (path) => (inside(path) ? view.otherCase(path) : undefined),
		readText(path) {
			if (!inside(path)) throw new AgentvError("not-found", `${path} is outside the bundle`);
			return path === join(root, manifestName) ? stubManifest : view.readText(path);
		},
	};
}
