import { posix } from "node:path";
import { type DigestEntry, digestTree } from "../io/files/digest-tree.ts";
import type { TreeEntry } from "../io/files/list-tree.ts";
import type { BundleFile, BundleManifest } from "../schema/bundle-manifest.ts";
import { bundleDigest, filesDigest } from "./bundle-digest.ts";
import { manifestName, manifestTextProblems, readManifestText } from "./manifest.ts";

/** A problem with a path of a bundle. */
export interface BundleProblem {
	readonly kind: "missing" | "changed" | "added" | "mode" | "manifest";
	readonly path: string;
	/** A sentence about the path, without a full stop or the path. */
	readonly message: string;
}

export interface BundleVerification {
	/** No file is missing, changed or added, and the manifest is consistent. */
	readonly ok: boolean;
	readonly manifest: BundleManifest;
	readonly problems: readonly BundleProblem[];
	/** Links that an archiver turned into equal files or directories: accepted. */
	readonly replacedLinks: readonly string[];
}

/**
 * Recomputes every digest of the bundle at `directory` and compares it with the manifest.
 * @throws AgentvError `not-found` or `config` if the manifest is unreadable, `interrupted` once the
 * signal is aborted
 */
export async function verifyBundle(
	directory: string,
	options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<BundleVerification> {
	const { text, manifest } = readManifestText(directory);
	const strangers = new Strangers(manifest);
	const found = await digestTree(directory, { ...options, filter: (path, kind) => strangers.isListed(path, kind) });
	const comparison = new Comparison(manifest, found);
	const problems = [
		...manifestProblems(manifest, text, found),
		...comparison.problems(),
		...strangers.problems(found),
	].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
	return { ok: problems.length === 0, manifest, problems, replacedLinks: comparison.replacedLinks };
}

function manifestProblems(manifest: BundleManifest, text: string, found: readonly DigestEntry[]): BundleProblem[] {
	const problem = (message: string): BundleProblem => ({ kind: "manifest", path: manifestName, message });
	const problems: BundleProblem[] = [];
	if (filesDigest(manifest.files) !== manifest.filesDigest) problems.push(problem("its list of files was changed"));
	if (bundleDigest(manifest) !== manifest.digest) problems.push(problem("its digest does not match its files"));
	if (new Set(manifest.files.map(({ path }) => path)).size !== manifest.files.length)
		problems.push(problem("it lists a file more than once"));
	problems.push(...manifestTextProblems(text, manifest).map(problem));
	if (found.find(({ path }) => path === manifestName)?.mode !== "644")
		problems.push(problem("it is a link or executable"));
	return problems;
}

/** Special files, and directories without listed files: each is reported once and not entered. */
class Strangers {
	readonly #directories: ReadonlySet<string>;
	readonly #links: ReadonlySet<string>;
	readonly #found: string[] = [];
	/** Directories below a former link: an archiver may have created a directory there. */
	readonly #belowLinks: string[] = [];

	constructor({ files, emptyDirectories = [] }: BundleManifest) {
		const parents = files.flatMap(({ path }) => [...directoriesOf(path)]);
		this.#directories = new Set([...parents, ...emptyDirectories.flatMap((path) => [...directoriesOf(path), path])]);
		this.#links = new Set(files.flatMap(({ path, mode }) => (mode === "link" ? [path] : [])));
	}

	/** Returns whether to compare the entry with the manifest. */
	isListed(path: string, kind: TreeEntry["kind"]): boolean {
		if (kind === "file" || kind === "link") return true;
		if (kind === "directory" && this.#directories.has(path)) return true;
		const isBelow = kind === "directory" && [...directoriesOf(path), path].some((at) => this.#links.has(at));
		(isBelow ? this.#belowLinks : this.#found).push(path);
		return isBelow;
	}

	problems(found: readonly DigestEntry[]): BundleProblem[] {
		const filled = new Set(found.flatMap(({ path }) => [...directoriesOf(path)]));
		return [...this.#found, ...this.#belowLinks.filter((path) => !filled.has(path))].map((path) => ({
			kind: "added",
			path,
			message: "is not in the manifest",
		}));
	}
}

function* directoriesOf(path: string): Generator<string> {
	for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) yield path.slice(0, at);
}

class Comparison {
	readonly replacedLinks: string[] = [];
	readonly #expected: ReadonlyMap<string, BundleFile>;
	readonly #found: ReadonlyMap<string, DigestEntry>;
	readonly #contents: ReadonlySet<string>;
	readonly #accepted = new Set<string>([manifestName]);

	constructor(manifest: BundleManifest, found: readonly DigestEntry[]) {
		this.#expected = new Map(manifest.files.map((file) => [file.path, file]));
		this.#found = new Map(found.map((entry) => [entry.path, entry]));
		this.#contents = new Set(manifest.files.flatMap((file) => (file.mode === "link" ? [] : [file.sha256])));
	}

	problems(): BundleProblem[] {
		const problems: BundleProblem[] = [];
		for (const file of this.#expected.values()) {
			const problem = this.#judge(file);
			if (problem) problems.push(problem);
		}
		for (const path of this.#found.keys())
			if (!this.#expected.has(path) && !this.#accepted.has(path))
				problems.push({ kind: "added", path, message: "is not in the manifest" });
		return problems;
	}

	#judge(file: BundleFile): BundleProblem | undefined {
		const { path } = file;
		const entry = this.#found.get(path);
		if (file.mode === "link" && entry?.mode !== "link" && this.#standsForLink(file, entry)) {
			this.replacedLinks.push(path);
			return undefined;
		}
		if (!entry) return { kind: "missing", path, message: "is missing" };
		if (file.mode === "link" || entry.mode === "link") {
			if (file.mode !== entry.mode)
				return { kind: "changed", path, message: file.mode === "link" ? "is no longer a link" : "became a link" };
			return entry.sha256 === file.sha256
				? undefined
				: { kind: "changed", path, message: "links to a different target" };
		}
		if (entry.sha256 !== file.sha256 || entry.size !== file.size)
			return { kind: "changed", path, message: "has different content" };
		if (entry.isSpecial) return { kind: "mode", path, message: "became setuid, setgid or sticky" };
		if (entry.mode === file.mode) return undefined;
		return { kind: "mode", path, message: entry.mode === "755" ? "became executable" : "is no longer executable" };
	}

	/** An archiver that followed the link left the content of a listed file or directory. */
	#standsForLink(link: BundleFile, entry: DigestEntry | undefined): boolean {
		if (entry) return this.#contents.has(entry.sha256);
		const below = [...this.#found.keys()].filter((path) => path.startsWith(`${link.path}/`));
		if (below.length === 0) return false;
		const inner = below.map((path) => path.slice(link.path.length + 1));
		const target = this.#directoriesLike(link, inner[0] ?? "").find((directory) =>
			inner.every((rest) => this.#sameFile(posix.join(link.path, rest), posix.join(directory, rest))),
		);
		if (target === undefined) return false;
		for (const path of below) this.#accepted.add(path);
		return true;
	}

	/** Returns directories of the manifest that contain a file of that inner path. */
	#directoriesLike(link: BundleFile, inner: string): string[] {
		const ending = `/${inner}`;
		return [...this.#expected.keys()].flatMap((path) =>
			path === inner ? ["."] : path.endsWith(ending) && path !== link.path ? [path.slice(0, -ending.length)] : [],
		);
	}

	#sameFile(found: string, listed: string): boolean {
		const actual = this.#found.get(found);
		const expected = this.#expected.get(posix.normalize(listed));
		return actual !== undefined && expected?.sha256 === actual.sha256;
	}
}
