import { createHash } from "node:crypto";
import { join, posix } from "node:path";
import { type BundleFile, type BundleManifest, bundleManifestSchema } from "../format/bundle-manifest.ts";
import { shapeIssues } from "../format/inspect-fields.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson, readJson, spellingOf } from "../lib/json.ts";
import { compareByBytes, targetKind } from "../machine/files.ts";
import type { TreeEntry } from "../machine/find-files.ts";
import { readTextFile } from "../machine/read-file.ts";
import { createDigest, type DigestEntry, digestTree } from "../machine/tree-notes.ts";

export const manifestName = "manifest.json";

/** A bundle of 50,000 files has a manifest of some 15 MB. */
const largestManifest = 512 * 1024 * 1024;

/** @throws AgentvError `not-found` without a bundle, `config` if the manifest is unreadable */
export function readManifest(directory: string): BundleManifest {
	return readManifestText(directory).manifest;
}

function readManifestText(directory: string): { readonly text: string; readonly manifest: BundleManifest } {
	const text = manifestText(directory);
	return { text, manifest: parseManifest(text, join(directory, manifestName)) };
}

/** @throws AgentvError `not-found` if there is no bundle */
export function manifestText(directory: string): string {
	const file = join(directory, manifestName);
	if (targetKind(file) !== "file") {
		throw new AgentvError("not-found", `${directory} is not a bundle: it has no ${manifestName}`, {
			hint: "`agentv bundle <eval> --output <dir>` creates one",
		});
	}
	return readTextFile(file, { maxBytes: largestManifest });
}

export function parseManifest(text: string, file: string): BundleManifest {
	const read = readJson(text);
	if (!("value" in read)) throw new AgentvError("config", `${file} is damaged: it is not valid JSON: ${read.reason}`);
	const parsed = bundleManifestSchema.safeParse(read.value);
	if (parsed.success) return parsed.data;
	const [first] = shapeIssues(parsed.error, read.value);
	const place = first && first.path.length > 0 ? `${first.path.join(".")}: ` : "";
	throw new AgentvError("config", `${file} is damaged: ${place}${first?.message ?? "it has an unexpected shape"}`);
}

/** Includes damaged bundles. Stricter than `isBundle`: requires fields that only bundles have. */
export function isBundleDirectory(directory: string): boolean {
	if (targetKind(join(directory, manifestName)) !== "file" || targetKind(join(directory, "eval.yaml")) !== "file")
		return false;
	const text = readTextFile(join(directory, manifestName), { maxBytes: largestManifest });
	return text.includes('"format_version"') && text.includes('"files_digest"');
}

function wireManifest(manifest: BundleManifest): Record<string, unknown> {
	return {
		format_version: manifest.formatVersion,
		agentv_version: manifest.agentvVersion,
		created_at: manifest.createdAt,
		source: manifest.source,
		flags: manifest.flags,
		files: manifest.files,
		...(manifest.emptyDirectories ? { empty_directories: manifest.emptyDirectories } : {}),
		variables: manifest.variables.map(({ name, usedIn, captured, required }) => {
			return { name, used_in: usedIn, captured, required };
		}),
		targets: manifest.targets.map(({ name, via }) => {
			return { name, via: via.map((hop) => ({ name: hop.name, chosen_by: hop.chosenBy })) };
		}),
		repos: manifest.repos,
		requires: manifest.requires,
		files_digest: manifest.filesDigest,
		digest: manifest.digest,
	};
}

const lists: ReadonlySet<string> = new Set(["files", "empty_directories", "variables", "targets", "repos"]);

/** Yields one line per file, so that the text is never in memory as a whole. */
export function* renderManifest(manifest: BundleManifest): Generator<string> {
	const wire = wireManifest(manifest);
	yield* renderWire(wire, manifestDigest(wire), renderFile);
}

function* renderWire(
	wire: Readonly<Record<string, unknown>>,
	digest: unknown,
	fileEntry: (file: unknown) => string,
): Generator<string> {
	yield "{\n";
	for (const [key, value] of Object.entries(wire)) {
		if (!lists.has(key))
			yield `\t${JSON.stringify(key)}: ${JSON.stringify(value, null, "\t").replaceAll("\n", "\n\t")},\n`;
		else yield* rows(key, value as readonly unknown[], key === "files" ? fileEntry : (row) => JSON.stringify(row));
	}
	yield `\t"manifest_sha256": ${JSON.stringify(digest)}\n}\n`;
}

function renderFile(file: unknown): string {
	return renderFileEntry(file as BundleFile);
}

function* rows(key: string, values: readonly unknown[], render: (row: unknown) => string): Generator<string> {
	if (values.length === 0) {
		yield `\t${JSON.stringify(key)}: [],\n`;
		return;
	}
	yield `\t${JSON.stringify(key)}: [\n`;
	for (const [index, value] of values.entries())
		yield `\t\t${render(value)}${index === values.length - 1 ? "" : ","}\n`;
	yield "\t],\n";
}

/** Covers the canonical JSON as written, unknown keys included. */
function manifestDigest({ manifest_sha256: _, ...wire }: Readonly<Record<string, unknown>>): string {
	const digest = createDigest();
	for (const [index, key] of Object.keys(wire).sort().entries()) {
		digest.update(`${index === 0 ? "{" : ","}${JSON.stringify(key)}:`);
		const value = wire[key];
		if (!Array.isArray(value)) digest.update(canonicalJson(value));
		else {
			for (const [position, item] of value.entries())
				digest.update(`${position === 0 ? "[" : ","}${canonicalJson(plain(item))}`);
			digest.update(value.length === 0 ? "[]" : "]");
		}
	}
	digest.update("}");
	return digest.hex();
}

/** While a bundle is written, its files compute some fields lazily. */
function plain(item: unknown): unknown {
	return item instanceof Object && Object.getPrototypeOf(item) !== Object.prototype && !Array.isArray(item)
		? JSON.parse(renderFile(item))
		: item;
}

function manifestTextProblems(text: string, manifest: BundleManifest): string[] {
	const value = JSON.parse(text) as Record<string, unknown>;
	const twice = isRendered(text, manifest) ? undefined : spellingOf(text).duplicate;
	if (twice) return [`it has the key ${JSON.stringify(twice.key)} twice`];
	if (value.manifest_sha256 === undefined)
		return ["it has no manifest_sha256, which covers all of it: an earlier version wrote it, or it was removed"];
	if (value.manifest_sha256 !== manifestDigest(value)) return ["its content was changed"];
	return isRendered(text, manifest) || isRenderedValue(text, value) ? [] : ["its text is not as AgentV wrote it"];
}

function isRendered(text: string, manifest: BundleManifest): boolean {
	return isMadeOf(text, renderManifest(manifest));
}

/** Also accepts manifests of a later version with more keys. */
function isRenderedValue(
	text: string,
	{ manifest_sha256: digest, ...wire }: Readonly<Record<string, unknown>>,
): boolean {
	return isMadeOf(
		text,
		renderWire(wire, digest, (file) => JSON.stringify(file)),
	);
}

function isMadeOf(text: string, pieces: Iterable<string>): boolean {
	let at = 0;
	for (const piece of pieces) {
		if (!text.startsWith(piece, at)) return false;
		at += piece.length;
	}
	return at === text.length;
}

/** A leading backslash marks an escaped name, as in the output of `sha256sum`. */
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

function renderFileEntry({ path, size, mode, sha256, kind, source }: BundleFile): string {
	return JSON.stringify({ path, size, mode, sha256, kind, source });
}

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

interface BundleProblem {
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

/** Recomputes every digest. @throws AgentvError `not-found`, `config`, `interrupted` */
export async function verifyBundle(
	directory: string,
	options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<BundleVerification> {
	const { text, manifest } = readManifestText(directory);
	const strangers = new Strangers(manifest);
	const entries = await digestTree(directory, { ...options, filter: (path, kind) => strangers.isListed(path, kind) });
	const comparison = new Comparison(manifest, entries);
	const problems = [
		...manifestProblems(manifest, text, entries),
		...comparison.problems(),
		...strangers.problems(entries),
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

/** Each special file or directory without listed files is reported once and not entered. */
class Strangers {
	readonly #directories: ReadonlySet<string>;
	readonly #links: ReadonlySet<string>;
	readonly #found: string[] = [];
	/** An archiver may have created directories below these links. */
	readonly #belowLinks: string[] = [];

	constructor({ files, emptyDirectories = [] }: BundleManifest) {
		const parents = files.flatMap(({ path }) => [...directoriesOf(path)]);
		this.#directories = new Set([...parents, ...emptyDirectories.flatMap((path) => [...directoriesOf(path), path])]);
		this.#links = new Set(files.flatMap(({ path, mode }) => (mode === "link" ? [path] : [])));
	}

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
