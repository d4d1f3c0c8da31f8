import { createHash } from "node:crypto";
import { compareByBytes } from "../io/files/path-order.ts";
import type { BundleFile, BundleManifest } from "../schema/bundle-manifest.ts";

/** Returns a line of `sha256sum`: a leading backslash marks an escaped name. */
export function sumLine(sha256: string, path: string): string {
	const name = path.replace(/[\\\n\r]/g, (character) => escapes[character] ?? character);
	return `${name === path ? "" : "\\"}${sha256}  ${name}`;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };

function digestLine(sha256: string, { mode, path }: BundleFile): string {
	const line = sumLine(sha256, path);
	const at = line.indexOf("  ") + 2;
	return `${line.slice(0, at)}${mode}  ${line.slice(at)}\n`;
}

/**
 * Returns the bundle digest: SHA-256 over the lines `sha256  mode  path`, in byte order of the
 * paths. A vendored repository's line has its commit's SHA: packing is not reproducible.
 */
export function bundleDigest({ files, repos }: Pick<BundleManifest, "files" | "repos">): string {
	const commits = new Map(repos.flatMap(({ vendored, sha }) => (vendored && sha ? [[vendored, sha] as const] : [])));
	const hash = createHash("sha256");
	for (const file of [...files].sort((a, b) => compareByBytes(a.path, b.path)))
		hash.update(digestLine(commits.get(file.path) ?? file.sha256, file));
	return hash.digest("hex");
}

/** Returns an entry of `files` as written in the manifest. */
export function renderFileEntry({ path, size, mode, sha256, kind, source }: BundleFile): string {
	return JSON.stringify({ path, size, mode, sha256, kind, source });
}

/** Returns the SHA-256 over the entries as written in the manifest. */
export function filesDigest(files: readonly BundleFile[]): string {
	const hash = createHash("sha256");
	for (const file of files) hash.update(`${renderFileEntry(file)}\n`);
	return hash.digest("hex");
}

/** Returns the regular files of a bundle in the format of `sha256sum --check`. */
export function listBundle(manifest: BundleManifest): string {
	const regular = manifest.files.filter(({ mode }) => mode !== "link");
	return regular.map(({ sha256, path }) => `${sumLine(sha256, path)}\n`).join("");
}
