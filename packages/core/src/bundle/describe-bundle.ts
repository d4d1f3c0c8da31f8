import { relative, sep } from "node:path";
import type { BundlePlan } from "./bundle-plan.ts";
import { copySource, copyTarget } from "./collect-copies.ts";

/** A plan as plain data, for `--dry-run --json` and Studio's preview. Sizes in bytes. */
export interface BundleDescription {
	readonly kind: BundlePlan["kind"];
	readonly output: string;
	readonly replaces: boolean;
	readonly bytes: number;
	readonly files: readonly {
		readonly path: string;
		/** Relative to the source's repository; null for what is generated. */
		readonly source: string | null;
		readonly size: number | null;
	}[];
	readonly manifest: BundlePlan["manifest"];
	readonly warnings: BundlePlan["warnings"];
}

export function describeBundle(plan: BundlePlan): BundleDescription {
	const files = [
		...[...plan.generated].map(([path, text]) => ({ path, source: null, size: Buffer.byteLength(text) })),
		...plan.vendored.map(({ to, source }) => ({ path: to, source: source.shown, size: null })),
		...plan.copies.map((copy) => ({
			path: copyTarget(copy),
			source: relative(plan.sourceRoot, copySource(copy)).split(sep).join("/"),
			size: copy.size,
		})),
	].sort((a, b) => (a.path < b.path ? -1 : 1));
	const { kind, output, replaces, manifest, warnings } = plan;
	const bytes = files.reduce((sum, { size }) => sum + (size ?? 0), 0);
	return { kind, output, replaces, bytes, files, manifest, warnings };
}
