import { dirname, join, relative, resolve, sep } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { type JsonReading, readJson } from "../base/read-json.ts";
import { isInside } from "../io/files/path-inside.ts";
import { type DiskView, entriesOf } from "./disk-view.ts";

/** The bounds of an eval's searches through directories. */
export interface EvalScope {
	readonly directory: string;
	/** Repository root, bundle root, or the search bound if there is neither. */
	readonly root: string;
	readonly rootKind: "repository" | "bundle" | "working-directory" | "eval-directory";
	/** What may be read outside the root; set on every loaded eval. */
	readonly reach?: Reach;
}

/** What the user allows evals to read outside their root. */
export interface Reach {
	/** Real paths of files and directories. */
	readonly allowed: readonly string[];
	/** Files that the user passed to the command: their paths may refer to anything. Absolute. */
	readonly ownFiles: readonly string[];
	/** The option that allows more, if the command has one. */
	readonly option?: "--allow-outside" | "--include-outside";
}

/** Names of a scope's root in messages. */
export const rootNames: Readonly<Record<EvalScope["rootKind"], string>> = {
	repository: "the repository",
	bundle: "the bundle",
	"working-directory": "the current directory",
	"eval-directory": "the eval's directory, which is not in a repository",
};

/** Finds the scope of an eval in `directory`; without a repository `cwd` bounds it. */
export function findScope(directory: string, cwd: string, view: DiskView): EvalScope {
	for (const candidate of withParents(directory)) {
		if (isBundle(candidate, view)) return { directory, root: candidate, rootKind: "bundle" };
		if (view.kind(join(candidate, ".git")) !== "missing") return { directory, root: candidate, rootKind: "repository" };
	}
	if (isInside(resolve(cwd), directory)) return { directory, root: resolve(cwd), rootKind: "working-directory" };
	return { directory, root: directory, rootKind: "eval-directory" };
}

/**
 * Returns `path` for messages: relative to the eval's directory if it is below the root, so that
 * messages are equal in every checkout; else absolute.
 */
export function shownPath(path: string, { directory, root }: Pick<EvalScope, "directory" | "root">): string {
	return isInside(root, path) ? relative(directory, path).split(sep).join("/") || "." : path;
}

/** Yields `directory` and its parents up to and including `root`, nearest first. */
export function* withParents(directory: string, root?: string): Generator<string> {
	let current = directory;
	while (true) {
		yield current;
		const parent = dirname(current);
		if (current === root || parent === current) return;
		current = parent;
	}
}

/**
 * Returns whether a directory is a bundle: its manifest is a JSON object with `format_version` and
 * `digest`. An unparsable manifest counts as a damaged bundle.
 */
export function isBundle(directory: string, view: DiskView): boolean {
	const manifest = join(directory, "manifest.json");
	if (view.kind(manifest) !== "file" || view.kind(join(directory, "eval.yaml")) !== "file") return false;
	const reading = readManifestJson(manifest, view);
	if (!reading || !("value" in reading)) return true;
	const { value } = reading;
	return typeof value === "object" && value !== null && "format_version" in value && "digest" in value;
}

/**
 * Returns whether the manifest shows that a directory was received, even if it is damaged, not a
 * file, or for an eval of another name. A JSON object without `format_version` and `digest` belongs
 * to something else, such as a web app or browser extension.
 */
export function hasBundleManifest(directory: string, view: DiskView): boolean {
	const names = [...entriesOf(view, directory).keys()].filter((name) => name.toLowerCase() === "manifest.json");
	if (names.length > 0) return names.some((name) => mayBeOfBundle(join(directory, name), view));
	// A directory that may not be listed.
	const path = join(directory, "manifest.json");
	return view.kind(path) !== "missing" && mayBeOfBundle(path, view);
}

function mayBeOfBundle(manifest: string, view: DiskView): boolean {
	if (view.kind(manifest) !== "file") return true;
	const reading = readManifestJson(manifest, view);
	if (!reading || !("value" in reading)) return true;
	const { value } = reading;
	if (typeof value !== "object" || value === null || Array.isArray(value)) return true;
	// Other tools' manifests are not empty.
	return "format_version" in value || "digest" in value || Object.keys(value).length === 0;
}

function readManifestJson(file: string, view: DiskView): JsonReading | undefined {
	try {
		return readJson(view.readText(file));
	} catch (error) {
		if (error instanceof AgentvError) return undefined;
		throw error;
	}
}
