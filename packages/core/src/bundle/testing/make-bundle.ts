import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { openDiskView } from "../../eval/source.ts";
import type { BundleManifest } from "../../format/bundle-manifest.ts";
import type { BundleOptions, BundlePlan } from "../bundle-plan.ts";
import { planBundle } from "../plan-bundle.ts";
import { writeBundle } from "../write-bundle.ts";

export type MakeOptions = Partial<Omit<BundleOptions, "file" | "view" | "agentvVersion">>;

export interface MadeBundle {
	readonly output: string;
	readonly plan: BundlePlan;
	readonly manifest: BundleManifest;
	/** Returns the text of a file of the bundle. */
	read(path: string): string;
}

/** The default output is `bundle-of-<name of its directory>` next to that directory. */
export async function makeBundle(file: string, options: MakeOptions = {}): Promise<MadeBundle> {
	const directory = dirname(file);
	const output = options.output ?? join(dirname(directory), `bundle-of-${basename(directory)}`);
	const plan = await planBundle({
		...{ cwd: directory, view: openDiskView(), agentvVersion: "1.2.3" },
		...options,
		// The tests must not write to the home directory of the user who runs them.
		...{ file, output, env: { AGENTV_HOME: join(tempTree(), "home"), ...options.env } },
	});
	for await (const progress of writeBundle(plan, { signal: options.signal })) {
		if (progress.type !== "done") continue;
		const read = (path: string) => readFileSync(join(output, path), "utf8");
		return { output, plan, manifest: progress.manifest, read };
	}
	throw new Error("the bundle was not finished");
}

/** Maps paths to content and executable bit, or `-> text`; directories end in `/`. */
export function treeOf(root: string): Record<string, string> {
	const tree: Record<string, string> = {};
	const walk = (directory: string, prefix: string): void => {
		for (const name of readdirSync(directory)) {
			const path = join(directory, name);
			const stat = lstatSync(path);
			if (stat.isSymbolicLink()) tree[prefix + name] = `-> ${readlinkSync(path)}`;
			else if (stat.isDirectory()) {
				if (readdirSync(path).length === 0) tree[`${prefix}${name}/`] = "";
				walk(path, `${prefix}${name}/`);
			} else tree[prefix + name] = `${stat.mode & 0o100 ? "x" : "-"} ${readFileSync(path, "latin1")}`;
		}
	};
	walk(root, "");
	return tree;
}
