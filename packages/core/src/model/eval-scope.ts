import { dirname, join, relative, resolve, sep } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { type JsonReading, readJson } from "../base/read-json.ts";
import { isInside } from "../io/files/path-inside.ts";
import { type DiskView, entriesOf } from "./disk-view.ts";

/** How far an eval may look: its own directory, and the root that bounds every search through parent directories. */
export interface EvalScope {
	/** Directory of the eval file. */
	readonly directory: string;
	/** Repository root, bundle root, or the bound where there is neither. */
	readonly root: string;
	/** What the root is. */
	readonly rootKind: "repository" | "bundle" | "working-directory" | "eval-directory";
	/** What may be read outside of the root; every loaded eval has it. */
	readonly reach?: Reach;
}

/** What the user lets evals read outside of their root. */
export interface Reach {
	/** Real paths of files and directories. */
	readonly allowed: readonly string[];
	/** Files that the user names to the command: the paths in them may lead anywhere. Absolute. */
	readonly ownFiles: readonly string[];
	/** The option that allows more, if the command has one. */
	readonly option?: "--allow-outside" | "--include-outside";
}

/** How messages call the root of a scope. */
export const rootNames: Readonly<Record<EvalScope["rootKind"], string>> = {
	repository: "the repository",
	bundle: "the bundle",
	"working-directory": "the current directory",
	"eval-directory": "the eval's directory, and there is no repository around it",
};

/** Finds the scope of an eval in `directory`; `cwd` bounds it where there is no repository. */
export function findScope(directory: string, cwd: string, view: DiskView): EvalScope {
	for (const candidate of withParents(directory)) {
		if (isBundle(candidate, view)) return { directory, root: candidate, rootKind: "bundle" };
		if (view.kind(join(candidate, ".git")) !== "missing") return { directory, root: candidate, rootKind: "repository" };
	}
	if (isInside(resolve(cwd), directory)) return { directory, root: resolve(cwd), rootKind: "working-directory" };
	return { directory, root: directory, rootKind: "eval-directory" };
}

/** `path` for messages: as seen from the eval's directory where it lies below the root, so that every checkout says the same; else absolute. */
export function shownPath(path: string, { directory, root }: Pick<EvalScope, "directory" | "root">): string {
	return isInside(root, path) ? relative(directory, path).split(sep).join("/") || "." : path;
}

/** `directory` and its parents up to and including `root` (the file system's root when not given), nearest first. */
export function* withParents(directory: string, root?: string): Generator<string> {
	let current = directory;
	while (true) {
		yield current;
		const parent = dirname(current);
		if (current === root || parent === current) return;
		current = parent;
	}
}

/** A bundle is recognised by its manifest: a JSON object with `format_version` and `digest`. One that can't be parsed is a damaged bundle's. */
export function isBundle(directory: string, view: DiskView): boolean {
	const manifest = join(directory, "manifest.json");
	if (view.kind(manifest) !== "file" || view.kind(join(directory, "eval.yaml")) !== "file") return false;
	const reading = readManifestJson(manifest, view);
	if (!reading || !("value" in reading)) return true;
	const { value } = reading;
	return typeof value === "object" && value !== null && "format_version" in value && "digest" in value;
}

/**
 * Returns whether what is in `directory` was received, as far as its manifest says: also one that is damaged, is not a file, or whose eval
 * has another name. A JSON object without `format_version` and `digest` is of something else: of a web app, of a browser extension.
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
