import type { Diagnostic } from "../base/diagnostic.ts";
import type { Environment } from "../io/environment.ts";
import type { BundleManifest } from "../schema/bundle-manifest.ts";
import type { PlannedCopy } from "./collect-copies.ts";
import type { VendorStep } from "./pinned-repositories.ts";

/** A manifest but for what is known only once its files are written. */
export type ManifestDraft = Omit<BundleManifest, "files" | "filesDigest" | "digest" | "manifestSha256">;

/** What bundling would do: printed by `--dry-run`, shown by Studio, carried out by `writeBundle`. */
export interface BundlePlan {
	/** `copy`: the source is itself a bundle and is copied byte by byte; `unchanged`: it is also the goal. */
	readonly kind: "bundle" | "copy" | "unchanged";
	/** Absolute path of the eval file. */
	readonly evalFile: string;
	/** Absolute path of the directory that becomes the bundle. */
	readonly output: string;
	/** Whether a former bundle at `output` gives way. */
	readonly replaces: boolean;
	/** Directory that the recorded sources are relative to. */
	readonly sourceRoot: string;
	/** In byte order of their bundle paths. */
	readonly copies: readonly PlannedCopy[];
	readonly emptyDirectories: readonly string[];
	/** Texts of the files that bundling writes itself, by bundle path. */
	readonly generated: ReadonlyMap<string, string>;
	readonly vendored: readonly VendorStep[];
	readonly manifest: ManifestDraft;
	/** Warnings: what the bundle may lack, what it settled. */
	readonly warnings: readonly Diagnostic[];
	/** Bytes to copy. */
	readonly bytes: number;
	/** The eval's environment: the values that must not be in the bundle. */
	readonly env: Environment;
	readonly allowedSecrets: readonly string[];
	/** The environment of the record that notes the bundle as made by the user; undefined if others wrote a part of its source. */
	readonly trustIn: Environment | undefined;
	/** What the eval means; the written bundle must mean the same. Null for a copy. */
	readonly meaning: unknown;
	/** Whether the tests' choice of targets is part of that. */
	readonly keepsChoices: boolean;
}
