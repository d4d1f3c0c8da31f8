import { createHash } from "node:crypto";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { BundleFileKind } from "../format/bundle-manifest.ts";
import { type Diagnostic, type FindingKind, finding, type Place } from "../lib/errors.ts";
import { findFileSecrets } from "../lib/redact.ts";
import { isSearchable, isSecretName } from "../lib/secret-shapes.ts";
import { linksLeavingTree } from "../machine/copy-tree.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, pathKind, readLink, targetKind } from "../machine/files.ts";
import { listTree, type TreeEntry } from "../machine/find-files.ts";
import { readUpTo, withRegular } from "../machine/read-file.ts";
import { isGitsOwn } from "../workspace/change-store.ts";

/** Findings of bundling. Errors stop it, after all of them were collected. */

const quote = (text: string) => JSON.stringify(text);

export const referenceMissing: FindingKind<{ raw: string; kind: string; lookedIn: string }> = {
	rule: "path.missing",
	severity: "error",
	message: ({ raw, kind, lookedIn }) => `${kind} ${quote(raw)} does not exist (looked in ${lookedIn})`,
	hint: () => "paths are relative to the file that contains them",
};

export const argumentMissing: FindingKind<{ raw: string }> = {
	rule: "path.missing",
	severity: "warning",
	message: ({ raw }) => `the argument ${quote(raw)} is not a file, so nothing is bundled for it`,
};

export const linkEscapes: FindingKind<{ path: string; target: string }> = {
	rule: "path.symlink-escape",
	severity: "error",
	message: ({ path, target }) => `the link ${path} points outside its tree, to ${quote(target)}`,
	hint: () => "a bundle only keeps links to its own files: make it relative, with a target inside",
};

export const outsideRepository: FindingKind<{ raw: string; path: string }> = {
	rule: "path.outside-repo",
	severity: "warning",
	message: ({ raw }) => `${quote(raw)} is outside the repository; it is copied from this machine`,
};

export const machinePath: FindingKind<{ raw: string }> = {
	rule: "path.absolute",
	severity: "warning",
	message: ({ raw }) => `${quote(raw)} stays a path on this machine: the bundle needs it wherever it runs`,
};

export const opaqueCommand: FindingKind<{ command: string }> = {
	rule: "path.opaque",
	severity: "warning",
	message: ({ command }) =>
		`the files of a shell command can't be determined: ${quote(command.length > 80 ? `${command.slice(0, 79)}…` : command)}`,
	hint: () => "write the command as a list, or list the files it needs under `bundle.include` or with --include",
};

export const partialDirectory: FindingKind<{ path: string }> = {
	rule: "path.outside-eval",
	severity: "warning",
	message: ({ path }) =>
		`${quote(path)} contains the eval itself: only files of that directory that are known to be needed are bundled`,
	hint: () => "list additional files under `bundle.include`, or with --include",
};

export const metadataAbove: FindingKind<{ raw: string }> = {
	rule: "bundle.metadata-path",
	severity: "warning",
	message: ({ raw }) =>
		`the metadata refers to ${quote(raw)}, which is above the eval: scripts will not find it in the bundle`,
	hint: () => "move the file into the eval's directory",
};

export const variablePath: FindingKind<{ names: readonly string[]; path: string }> = {
	rule: "env.path",
	severity: "warning",
	message: ({ names, path }) => `the path depends on ${names.join(", ")}; the bundle keeps the current one: ${path}`,
};

export const variableChoice: FindingKind<{ names: readonly string[]; target: string }> = {
	rule: "targets.chosen-by-variable",
	severity: "warning",
	message: ({ names, target }) =>
		`${names.join(", ")} selected the target ${quote(target)}; the bundle keeps that selection`,
	hint: () => "--target NAME selects another",
};

export const dotEnvFile: FindingKind<{ path: string }> = {
	rule: "bundle.dot-env",
	severity: "error",
	message: ({ path }) => `${path} would be bundled, but files of this name contain secrets`,
	hint: () => "move it elsewhere, or add it with --include if it contains none",
};

export const caseCollision: FindingKind<{ first: string; second: string }> = {
	rule: "bundle.case-collision",
	severity: "error",
	message: ({ first, second }) =>
		`${first} and ${second} differ only in letter case: one would replace the other on case-insensitive file systems`,
};

export const pathCollision: FindingKind<{ path: string; first: string; second: string }> = {
	rule: "bundle.collision",
	severity: "error",
	message: ({ path, first, second }) => `${first} and ${second} would both be ${quote(path)} in the bundle`,
	hint: () => "rename one of them",
};

const specialFile: FindingKind<{ path: string }> = {
	rule: "bundle.special-file",
	severity: "error",
	message: ({ path }) => `${path} is not a file, directory or link`,
};

export const unpinned: FindingKind<{ repo: string; requested: string | null }> = {
	rule: "repos.unpinned",
	severity: "warning",
	message: ({ repo, requested }) =>
		`${repo} is not pinned: ${requested === null ? "its default branch" : quote(requested)} can move to another commit`,
	hint: () => "--pin writes its current commit",
};

export const localRepository: FindingKind<{ repo: string }> = {
	rule: "repos.local",
	severity: "warning",
	message: ({ repo }) => `${repo} is a repository on this machine; it is bundled as a git bundle file`,
};

/** A path with the links on the way. */
export interface FollowedPath {
	/** Each with its text. Relative texts stay valid if all of them are copied. */
	readonly links: readonly { readonly path: string; readonly target: string }[];
	/** The end of the chain below `bound`, without links. */
	readonly real: string;
	/** The first link that leaves `bound`. */
	readonly escape?: { readonly path: string; readonly target: string };
}

const mostHops = 40;

/** Follows `path` link by link below `bound`, which is not resolved. */
export function followLinks(path: string, bound: string): FollowedPath {
	if (!isInside(bound, path)) return { links: [], real: path };
	const links: { path: string; target: string }[] = [];
	let real = bound;
	const todo = relative(bound, path).split(sep).filter(Boolean);
	for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
		const next = join(real, part);
		if (pathKind(next) !== "link") {
			real = next;
			continue;
		}
		const target = readLink(next);
		const goal = resolve(dirname(next), target);
		if (isAbsolute(target) || !isInside(bound, goal) || links.length > mostHops)
			return { links, real: next, escape: { path: next, target } };
		links.push({ path: next, target });
		todo.unshift(...relative(bound, goal).split(sep).filter(Boolean));
		real = bound;
	}
	return { links, real };
}

/** A directory that is copied as a whole. */
export interface CopiedTree {
	readonly kind: BundleFileKind;
	readonly entries: readonly TreeEntry[];
}

/** Directories that are not copied, except in templates, which are copied exactly like in a run. */
const leftOut = new Set([".git", "node_modules", "__pycache__"]);

/** Files, links and whole directories of a bundle's area, by absolute source path. */
export class AreaContent {
	readonly files = new Map<string, BundleFileKind>();
	readonly links = new Map<string, string>();
	readonly trees = new Map<string, CopiedTree>();
	/** Directories without copied files in which commands run. */
	readonly anchors = new Set<string>();
	/** Directories whose own name must stay. */
	readonly named = new Set<string>();
	readonly #root: string;
	readonly #report: (diagnostic: Diagnostic) => void;

	/** `root` bounds the targets of links. */
	constructor(root: string, report: (diagnostic: Diagnostic) => void) {
		this.#root = root;
		this.#report = report;
	}

	/** Adds a file or directory, including links in its path. `at` is where it is referenced. */
	add(path: string, kind: BundleFileKind, at: Place): void {
		const { links, real, escape: leaving } = followLinks(path, this.#root);
		if (leaving) {
			this.#report(finding(linkEscapes, leaving, at));
			return;
		}
		for (const link of links) this.links.set(link.path, link.target);
		const onDisk = targetKind(real);
		if (onDisk === "file") {
			if (!this.files.has(real)) this.files.set(real, kind);
		} else if (onDisk === "directory") this.#addTree(real, kind, at);
		else this.#report(finding(specialFile, { path: real }, at));
	}

	/** Copies like a run. Returns the real path; undefined if it can't be bundled. */
	addTemplate(path: string, at: Place): string | undefined {
		const { real, escape: leaving } = followLinks(path, this.#root);
		if (leaving) {
			this.#report(finding(linkEscapes, leaving, at));
			return undefined;
		}
		if (this.trees.has(real)) return real;
		const entries = listTree(real, { filter: (inner) => !isGitsOwn(inner) });
		for (const { path: inner, target = "" } of linksLeavingTree(entries))
			this.#report(finding(linkEscapes, { path: join(real, inner), target }, at));
		this.#keep(real, { kind: "template", entries }, at);
		return real;
	}

	#addTree(directory: string, kind: BundleFileKind, at: Place): void {
		if (this.trees.has(directory)) return;
		const entries = listTree(directory, { filter: (path) => !leftOut.has(path.slice(path.lastIndexOf("/") + 1)) });
		this.#keep(directory, { kind, entries }, at);
		for (const { path, target = "" } of linksLeavingTree(entries)) {
			const link = join(directory, path);
			const goal = resolve(dirname(link), target);
			if (target.startsWith("/") || !isInside(this.#root, goal))
				this.#report(finding(linkEscapes, { path: link, target }, at));
			else if (targetKind(goal) !== "missing") this.add(goal, kind, at);
		}
	}

	#keep(directory: string, tree: CopiedTree, at: Place): void {
		for (const entry of tree.entries)
			if (entry.kind === "other") this.#report(finding(specialFile, { path: join(directory, entry.path) }, at));
		this.trees.set(directory, tree);
	}

	/** Returns whether something below `directory` is copied. */
	hasBelow(directory: string): boolean {
		for (const path of this.files.keys()) if (isInside(directory, path)) return true;
		for (const [path, { entries }] of this.trees) {
			if (isInside(directory, path) && entries.length > 0) return true;
			if (isInside(path, directory)) return true;
		}
		return false;
	}

	/** Files of directories that are copied as a whole. */
	*treeFiles(): Generator<string> {
		for (const [directory, { entries }] of this.trees)
			for (const entry of entries) if (entry.kind === "file") yield join(directory, entry.path);
	}

	/** Yields every directory that needs a place. */
	*directories(): Generator<string> {
		for (const path of this.files.keys()) yield dirname(path);
		for (const path of this.links.keys()) yield dirname(path);
		yield* this.trees.keys();
		yield* this.anchors;
	}

	isEmpty(): boolean {
		return this.files.size + this.links.size + this.trees.size === 0;
	}
}

/** A secret in a file. Messages never contain the secret. */
interface SecretHit {
	readonly file: string;
	/** Byte offset in the file. */
	readonly offset: number;
	/** `the value of OPENAI_API_KEY`, `a GitHub token`. */
	readonly what: string;
	/** First hex digits of its SHA-256, for `--allow-secret`. */
	readonly fingerprint: string;
}

const fingerprintLength = 12;
const mostHits = 50;
/** The longest key of a known form that is found across two windows. */
const longestKey = 1024;
/** Bytes at the start of a later window that were already searched, and lack their context. */
const before = 16;

/** Searches copied bytes for values of secret variables and for secrets by their form. */
export class SecretScanner {
	/** Bytes by which windows of a large file must overlap. */
	readonly overlap: number;
	readonly #values: readonly { readonly bytes: Buffer; readonly what: string }[];
	readonly #allowed: readonly string[];
	readonly #found = new Map<string, SecretHit>();

	/** `allowed`: SHA-256 prefixes (at least 8 hex digits) of non-secrets. */
	constructor(env: Environment, allowed: readonly string[]) {
		this.#allowed = allowed.map((prefix) => prefix.toLowerCase());
		this.#values = Object.entries(env).flatMap(([name, value]) =>
			value !== undefined && isSecretName(name) && isSearchable(value)
				? [{ bytes: Buffer.from(value), what: `the value of ${name}` }]
				: [],
		);
		this.overlap = Math.max(longestKey, ...this.#values.map(({ bytes }) => bytes.length)) + before;
	}

	get hits(): readonly SecretHit[] {
		return [...this.#found.values()];
	}

	/** Searches a window of a file; `offset` is its position there. */
	scan(file: string, bytes: Buffer, offset: number): void {
		for (const { bytes: value, what } of this.#values)
			for (let at = bytes.indexOf(value); at !== -1; at = bytes.indexOf(value, at + 1))
				this.#hit(file, offset + at, what, value);
		for (const { span, name } of findFileSecrets(bytes.toString("latin1"))) {
			const [start, end] = span;
			if (start < before && offset > 0) continue;
			this.#hit(file, offset + start, `${article(name)} ${name}`, bytes.subarray(start, end));
		}
	}

	#hit(file: string, offset: number, what: string, found: Buffer): void {
		const key = `${file}\0${offset}`;
		// A match that the window's end truncated is found again in the next one.
		const known = this.#found.get(key);
		if (known ? known.what.startsWith("the value") : this.#found.size >= mostHits) return;
		const digest = createHash("sha256").update(found).digest("hex");
		if (this.#allowed.some((prefix) => prefix.length >= 8 && digest.startsWith(prefix))) this.#found.delete(key);
		else this.#found.set(key, { file, offset, what, fingerprint: digest.slice(0, fingerprintLength) });
	}
}

function article(name: string): string {
	return /^[AEIOUx]/.test(name) ? "an" : "a";
}

/** Returns `file:line: what [digits]`. `generated` has texts that are not in the source. */
export function locateSecrets(hits: readonly SecretHit[], generated: ReadonlyMap<string, string>): string[] {
	return hits.map(({ file, offset, what, fingerprint }) => {
		const text = generated.get(file);
		const bytes = text === undefined ? beginning(file, offset) : Buffer.from(text);
		const place = bytes === undefined ? `byte ${offset}` : lineAt(bytes, offset);
		return `${file}:${place}: ${what} [${fingerprint}]`;
	});
}

/** Undefined if the file is too large to count its lines. */
function beginning(file: string, length: number): Buffer | undefined {
	if (length > longestCounted) return undefined;
	return withRegular(file, ({ descriptor, stat }) => readUpTo(descriptor, Math.min(stat.size, length + 1)));
}

const longestCounted = 64 * 1024 * 1024;

function lineAt(bytes: Buffer, offset: number): number {
	let line = 1;
	for (let at = bytes.indexOf(10); at !== -1 && at < offset; at = bytes.indexOf(10, at + 1)) line += 1;
	return line;
}
