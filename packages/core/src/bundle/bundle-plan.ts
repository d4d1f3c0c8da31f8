import { relative, sep } from "node:path";
import type { DiskView } from "../eval/source.ts";
import type { BundleFileKind, BundleManifest } from "../format/bundle-manifest.ts";
import type { Diagnostic } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import type { TreeEntry } from "../machine/find-files.ts";
import type { VendorStep } from "./pinned-repositories.ts";

export interface BundleOptions {
	/** Relative to `cwd`, or absolute. */
	readonly file: string;
	readonly output: string;
	readonly cwd: string;
	readonly env: Environment;
	readonly view: DiskView;
	readonly agentvVersion: string;
	/** Replace the targets of the eval. */
	readonly targets?: readonly string[] | undefined;
	readonly targetsFile?: string | undefined;
	readonly captureEnv?: boolean | undefined;
	readonly pin?: boolean | undefined;
	readonly vendorRepos?: boolean | undefined;
	/** Globs below the eval's directory. */
	readonly include?: readonly string[] | undefined;
	/** SHA-256 prefixes of suspected secrets to allow. */
	readonly allowedSecrets?: readonly string[] | undefined;
	readonly includeOutside?: boolean | undefined;
	readonly force?: boolean | undefined;
	/** Default: `SOURCE_DATE_EPOCH`, else the current time. */
	readonly now?: Date | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface CopyRoot {
	/** Absolute. */
	readonly from: string;
	readonly to: string;
	readonly kind: BundleFileKind;
}

/** A file or link; computes paths on use, since a template can have 100,000 of them. */
export class PlannedCopy {
	readonly root: CopyRoot;
	/** Relative to the root; "" for the root itself. */
	readonly path: string;
	readonly size: number;
	/** The text of a link. */
	readonly link: string | undefined;
	readonly mode: "755" | "644" | "link";

	constructor(root: CopyRoot, path: string, { size, mode, target }: TreeEntry) {
		this.root = root;
		this.path = path;
		this.link = target;
		this.size = target === undefined ? size : Buffer.byteLength(target);
		this.mode = target !== undefined ? "link" : (mode & 0o100) === 0 ? "644" : "755";
	}

	/** Absolute. */
	get source(): string {
		return this.path === "" ? this.root.from : `${this.root.from}/${this.path}`;
	}

	get target(): string {
		const { to } = this.root;
		return this.path === "" ? to : to === "" ? this.path : `${to}/${this.path}`;
	}
}

/** Excludes what is only known after writing the files. */
type ManifestDraft = Omit<BundleManifest, "files" | "filesDigest" | "digest" | "manifestSha256">;

/** Printed by `--dry-run`, shown by Studio, applied by `writeBundle`. */
export interface BundlePlan {
	/** `copy`: the source is itself a bundle; `unchanged`: it is also the output. */
	readonly kind: "bundle" | "copy" | "unchanged";
	/** Absolute. */
	readonly output: string;
	readonly replaces: boolean;
	/** The recorded sources are relative to this directory. */
	readonly sourceRoot: string;
	/** In byte order of their bundle paths. */
	readonly copies: readonly PlannedCopy[];
	readonly emptyDirectories: readonly string[];
	/** Texts of generated files, by bundle path. */
	readonly generated: ReadonlyMap<string, string>;
	readonly vendored: readonly VendorStep[];
	readonly manifest: ManifestDraft;
	readonly warnings: readonly Diagnostic[];
	/** Its secrets must not be in the bundle. */
	readonly env: Environment;
	readonly allowedSecrets: readonly string[];
	/** For recording that the user made the bundle; undefined if others wrote part of it. */
	readonly trustIn: Environment | undefined;
	/** The bundle must keep this meaning. Null for a copy. */
	readonly meaning: unknown;
	/** Whether the meaning includes the tests' choice of targets. */
	readonly keepsChoices: boolean;
}

/** Plain data, for `--dry-run --json` and Studio's preview. Sizes are in bytes. */
interface BundleDescription extends Pick<BundlePlan, "kind" | "output" | "replaces" | "manifest" | "warnings"> {
	readonly bytes: number;
	readonly files: readonly {
		readonly path: string;
		/** Relative to the source's repository; null for generated files. */
		readonly source: string | null;
		readonly size: number | null;
	}[];
}

export function describeBundle(plan: BundlePlan): BundleDescription {
	const files = [
		...[...plan.generated].map(([path, text]) => ({ path, source: null, size: Buffer.byteLength(text) })),
		...plan.vendored.map(({ to, source }) => ({ path: to, source: source.shown, size: null })),
		...plan.copies.map(({ target, source, size }) => {
			return { path: target, source: recordedPath(plan.sourceRoot, source), size };
		}),
	].sort((a, b) => (a.path < b.path ? -1 : 1));
	const { kind, output, replaces, manifest, warnings } = plan;
	const bytes = files.reduce((sum, { size }) => sum + (size ?? 0), 0);
	return { kind, output, replaces, bytes, files, manifest, warnings };
}

export function recordedPath(root: string, path: string): string {
	return relative(root, path).split(sep).join("/");
}
