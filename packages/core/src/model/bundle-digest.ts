import { createHash } from "node:crypto";
import { compareByBytes } from "../io/files/path-order.ts";
import type { BundleFile, BundleManifest } from "../schema/bundle-manifest.ts";

/** A file as its digest line says it. For a vendored repository `sha256` is its commit's SHA: packing differs from run to run. */
export interface DigestLine {
	readonly path: string;
	readonly mode: BundleFile["mode"];
	readonly sha256: string;
}

/** The line that `sha256sum` would print for a name, with its escapes: a leading backslash marks a name that has any. */
export function sumLine(sha256: string, path: string): string {
	const name = path.replace(/[\\\n\r]/g, (character) => escapes[character] ?? character);
	return `${name === path ? "" : "\\"}${sha256}  ${name}`;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };

function digestLine({ sha256, mode, path }: DigestLine): string {
	const line = sumLine(sha256, path);
	const at = line.indexOf("  ") + 2;
	return `${line.slice(0, at)}${mode}  ${line.slice(at)}\n`;
}

/** The bundle digest: SHA-256 over the lines `sha256  mode  path`, sorted by the bytes of the paths. */
export function bundleDigest(lines: readonly DigestLine[]): string {
	const hash = createHash("sha256");
	for (const line of [...lines].sort((a, b) => compareByBytes(a.path, b.path))) hash.update(digestLine(line));
	return hash.digest("hex");
}

/** One entry of the manifest's `files`, as the manifest writes it. */
export function renderFileEntry({ path, size, mode, sha256, kind, source }: BundleFile): string {
	return JSON.stringify({ path, size, mode, sha256, kind, source });
}

/** SHA-256 over the entries as the manifest writes them. */
export function filesDigest(files: readonly BundleFile[]): string {
	const hash = createHash("sha256");
	for (const file of files) hash.update(`${renderFileEntry(file)}\n`);
	return hash.digest("hex");
}

/** The digest lines of a manifest's files; a vendored repository stands for its commit. */
export function digestLines(
	files: readonly BundleFile[],
	repos: readonly { readonly vendored: string | null; readonly sha: string | null }[],
): DigestLine[] {
	const commits = new Map(repos.flatMap(({ vendored, sha }) => (vendored && sha ? [[vendored, sha] as const] : [])));
	return files.map((file) => ({ path: file.path, mode: file.mode, sha256: commits.get(file.path) ?? file.sha256 }));
}

/** The regular files of a bundle as `sha256sum --check` reads them. */
export function listBundle(manifest: BundleManifest): string {
	const regular = manifest.files.filter(({ mode }) => mode !== "link");
	return regular.map(({ sha256, path }) => `${sumLine(sha256, path)}\n`).join("");
}
