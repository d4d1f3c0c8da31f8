import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { bundleDigest, filesDigest, manifestName, readManifest, renderManifest } from "../eval/bundle-manifest.ts";
import { addTrust, madeHere } from "../eval/run-digest.ts";
import { bundleSubject } from "../eval/trust.ts";
import type { BundleFile, BundleManifest } from "../format/bundle-manifest.ts";
import { AgentvError } from "../lib/errors.ts";
import { findFileSecrets } from "../lib/redact.ts";
import { isSearchable, isSecretName } from "../lib/secret-shapes.ts";
import { type ArchiveEntry, ObservedCopier, writeArchive, writeLink } from "../machine/copy-tree.ts";
import {
	besideName,
	formerName,
	makeDirectory,
	makeTempDir,
	sweepStaged,
	systemTempDir,
} from "../machine/directories.ts";
import { type Environment, missingParent } from "../machine/environment.ts";
import { compareByBytes, isInside, largestTree, pathKind, removeTree, throwIfAborted } from "../machine/files.ts";
import { emptyDirectories, listEntry, listTree } from "../machine/find-files.ts";
import { type FileStream, readUpTo, streamFile, withRegular } from "../machine/read-file.ts";
import { digestFile, digestText } from "../machine/tree-notes.ts";
import { renamePath, writeNewFile } from "../machine/write-file.ts";
import { type BundlePlan, type PlannedCopy, recordedPath } from "./bundle-plan.ts";
import { checkBundle } from "./meaning.ts";
import { vendorRepository } from "./pinned-repositories.ts";

/** The last event is `done`. */
export type BundleProgress =
	| {
			readonly type: "copying";
			readonly files: number;
			readonly totalFiles: number;
			readonly bytes: number;
			readonly totalBytes: number;
	  }
	| { readonly type: "vendoring"; readonly repository: string }
	| { readonly type: "checking" }
	| { readonly type: "done"; readonly output: string; readonly manifest: BundleManifest };

/**
 * Writes a bundle next to its output, checks it there in isolation, and renames it into place. On
 * failure nothing partial remains, and an existing bundle stays.
 * @throws AgentvError `refused` for secrets and if it is not self-contained, `interrupted` once the
 * signal is aborted
 */
export async function* writeBundle(
	plan: BundlePlan,
	options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<BundleProgress, void> {
	if (plan.kind === "unchanged") {
		yield { type: "done", output: plan.output, manifest: completed(plan, []) };
		return;
	}
	await sweepStaged(systemTempDir());
	const parent = missingParent(dirname(plan.output));
	makeDirectory(dirname(plan.output));
	const staging = besideName(plan.output);
	let placed = false;
	try {
		makeDirectory(staging);
		const writing = new Writing(plan, staging, options.signal);
		yield* writing.copy();
		yield* writing.vendor();
		yield { type: "checking" };
		const manifest = writing.finish();
		checkBundle(plan, staging);
		throwIfAborted(options.signal, "bundling");
		// First, so that a killed process never leaves a bundle that its maker would need to trust.
		await noteAsOwn(plan, staging);
		await place(plan, staging);
		placed = true;
		yield { type: "done", output: plan.output, manifest };
	} finally {
		if (!placed) {
			await removeTree(staging);
			if (parent !== undefined) await removeTree(parent);
		}
	}
}

/** Records that the user made the bundle, so that it runs without consent. */
async function noteAsOwn({ trustIn }: BundlePlan, staging: string): Promise<void> {
	if (!trustIn) return;
	try {
		await addTrust(bundleSubject(staging).key, [madeHere], trustIn);
	} catch (error) {
		// Not required: without it, a run of the bundle needs consent like a received one.
		if (!(error instanceof AgentvError)) throw error;
	}
}

async function place({ output, replaces }: BundlePlan, staging: string): Promise<void> {
	const previous = formerName(output);
	if (replaces) renamePath(output, previous);
	try {
		renamePath(staging, output);
	} catch (error) {
		if (replaces) renamePath(previous, output);
		throw error;
	}
	if (replaces) await removeTree(previous);
}

/** Milliseconds of copying before yielding to other work, including Ctrl-C. */
const turn = 50;

class Writing {
	readonly #plan: BundlePlan;
	readonly #staging: string;
	readonly #signal: AbortSignal | undefined;
	readonly #files: BundleFile[] = [];
	readonly #made = new Set<string>();
	readonly #scanner: SecretScanner;

	constructor(plan: BundlePlan, staging: string, signal: AbortSignal | undefined) {
		this.#plan = plan;
		this.#staging = staging;
		this.#signal = signal;
		this.#scanner = new SecretScanner(plan.env, plan.allowedSecrets);
	}

	async *copy(): AsyncGenerator<BundleProgress> {
		const { copies, generated, emptyDirectories, sourceRoot } = this.#plan;
		const totalBytes = copies.reduce((sum, { size }) => sum + size, 0);
		for (const [path, text] of generated) this.#generate(path, text);
		for (const path of emptyDirectories) makeDirectory(join(this.#staging, path));
		const copier = new ObservedCopier(this.#scanner.overlap);
		let bytes = 0;
		let since = performance.now();
		for (const [index, copy] of copies.entries()) {
			const { source, link, mode } = copy;
			const to = this.#placeOf(copy.target);
			if (link === undefined) {
				const observe = (seen: Buffer, at: number) => this.#scanner.scan(source, seen, at);
				const { size, sha256 } = await copier.copy(source, to, mode === "755", observe, this.#signal);
				this.#files.push(new CopiedFile(copy, size, sha256, sourceRoot));
				bytes += size;
			} else {
				writeLink(to, link);
				this.#files.push(new CopiedFile(copy, copy.size, digestText(link), sourceRoot));
			}
			if (performance.now() - since < turn && index < copies.length - 1) continue;
			yield { type: "copying", files: index + 1, totalFiles: copies.length, bytes, totalBytes };
			await new Promise((next) => setImmediate(next));
			throwIfAborted(this.#signal, "bundling");
			since = performance.now();
		}
		const { hits } = this.#scanner;
		if (hits.length > 0) {
			const locations = locateSecrets(hits, generated).map((hit) => `  ${hit}`);
			throw new AgentvError("refused", `suspected secrets would be bundled:\n${locations.join("\n")}`, {
				hint: "remove them, or allow one with --allow-secret and the digits in brackets",
			});
		}
	}

	async *vendor(): AsyncGenerator<BundleProgress> {
		for (const step of this.#plan.vendored) {
			yield { type: "vendoring", repository: step.source.shown };
			const file = this.#placeOf(step.to);
			await vendorRepository(step, file, { env: this.#plan.env, signal: this.#signal });
			this.#list(step.to, listEntry(file).size, digestFile(file, largestTree), "repository");
		}
	}

	finish(): BundleManifest {
		const manifest = completed(this.#plan, this.#files);
		// A copied bundle has its own manifest.
		if (this.#plan.kind === "bundle") writeNewFile(join(this.#staging, manifestName), renderManifest(manifest));
		return manifest;
	}

	#generate(path: string, text: string): void {
		writeNewFile(this.#placeOf(path), text);
		const bytes = Buffer.from(text);
		this.#scanner.scan(path, bytes, 0);
		this.#list(path, bytes.length, digestText(bytes), "generated");
	}

	/** Absolute; creates the directory. */
	#placeOf(path: string): string {
		const absolute = join(this.#staging, path);
		const directory = dirname(absolute);
		if (!this.#made.has(directory)) {
			makeDirectory(directory);
			this.#made.add(directory);
		}
		return absolute;
	}

	#list(path: string, size: number, sha256: string, kind: BundleFile["kind"]): void {
		this.#files.push({ path, size, mode: "644", sha256, kind, source: null });
	}
}

function completed(plan: BundlePlan, written: readonly BundleFile[]): BundleManifest {
	if (plan.kind !== "bundle") return plan.manifest as BundleManifest;
	const files = [...written].sort((a, b) => compareByBytes(a.path, b.path));
	const digest = bundleDigest({ files, repos: plan.manifest.repos });
	return { ...plan.manifest, files, filesDigest: filesDigest(files), digest };
}

/** Computes paths on use, since a manifest can have 100,000 files. */
class CopiedFile implements BundleFile {
	readonly size: number;
	readonly sha256: string;
	readonly #copy: PlannedCopy;
	readonly #sourceRoot: string;

	constructor(copy: PlannedCopy, size: number, sha256: string, sourceRoot: string) {
		this.#copy = copy;
		this.size = size;
		this.sha256 = sha256;
		this.#sourceRoot = sourceRoot;
	}

	get path(): string {
		return this.#copy.target;
	}

	get mode(): BundleFile["mode"] {
		return this.#copy.mode;
	}

	get kind(): BundleFile["kind"] {
		return this.#copy.root.kind;
	}

	get source(): string {
		return recordedPath(this.#sourceRoot, this.#copy.source);
	}
}

/** Checks whether an archive may be written to `file`. @throws AgentvError `refused` */
export function judgeArchive(file: string, output: string, force: boolean): void {
	if (isInside(output, file))
		throw new AgentvError("refused", `the archive ${file} is inside the bundle`, { hint: "choose a file next to it" });
	const kind = pathKind(file);
	if (kind === "directory") throw new AgentvError("refused", `the archive ${file} is a directory`);
	if (kind !== "missing" && !force)
		throw new AgentvError("refused", `the archive ${file} already exists`, { hint: "--force overwrites it" });
}

interface ArchiveOptions {
	readonly signal?: AbortSignal | undefined;
}

/** Writes an archive with a top-level directory of the bundle's name. */
export async function archiveBundle(directory: string, file: string, options: ArchiveOptions = {}): Promise<void> {
	const folder = basename(directory);
	const listed = listTree(directory);
	const empty = new Set(emptyDirectories(listed));
	const entries = listed.flatMap(({ path, kind, size, mode, target }): ArchiveEntry[] => {
		if (kind === "other" || (kind === "directory" && !empty.has(path))) return [];
		const place = { path: `${folder}/${path}`, from: join(directory, path) };
		return [{ kind, ...place, size, executable: (mode & 0o100) !== 0, link: target }];
	});
	await writeArchive(file, entries, { ...options, time: new Date(readManifest(directory).createdAt) });
}

interface ArchiveStream extends FileStream {
	readonly name: string;
}

/** Streams an archive from a temporary file, which is removed after reading. */
export async function streamArchive(
	directory: string,
	format: "tgz" | "zip",
	options: ArchiveOptions = {},
): Promise<ArchiveStream> {
	const place = makeTempDir("agentv-archive-");
	const name = `${basename(directory)}.${format}`;
	try {
		await archiveBundle(directory, join(place, name), options);
		return { name, ...streamFile(join(place, name), () => void removeTree(place)) };
	} catch (error) {
		await removeTree(place);
		throw error;
	}
}

/** Messages never contain the secret. */
interface SecretHit {
	readonly file: string;
	/** In bytes. */
	readonly offset: number;
	/** For example `the value of OPENAI_API_KEY`, `a GitHub token`. */
	readonly what: string;
	/** First hex digits of its SHA-256, for `--allow-secret`. */
	readonly fingerprint: string;
}

const fingerprintLength = 12;
const maxHits = 50;
/** In bytes: windows overlap by this much, so that a shorter key is found across two of them. */
const maxKeyBytes = 1024;
/** Bytes at the start of a later window that were already searched, and lack their context. */
const before = 16;

/** Searches copied bytes for values of secret variables and for known forms of secrets. */
class SecretScanner {
	/** In bytes, between windows of a large file. */
	readonly overlap: number;
	readonly #values: readonly { readonly bytes: Buffer; readonly what: string }[];
	readonly #allowed: readonly string[];
	readonly #found = new Map<string, SecretHit>();

	/** @param allowed SHA-256 prefixes (at least 8 hex digits) of non-secrets */
	constructor(env: Environment, allowed: readonly string[]) {
		this.#allowed = allowed.map((prefix) => prefix.toLowerCase());
		this.#values = Object.entries(env).flatMap(([name, value]) =>
			value !== undefined && isSecretName(name) && isSearchable(value)
				? [{ bytes: Buffer.from(value), what: `the value of ${name}` }]
				: [],
		);
		this.overlap = Math.max(maxKeyBytes, ...this.#values.map(({ bytes }) => bytes.length)) + before;
	}

	get hits(): readonly SecretHit[] {
		return [...this.#found.values()];
	}

	scan(file: string, bytes: Buffer, offset: number): void {
		for (const { bytes: value, what } of this.#values)
			for (let at = bytes.indexOf(value); at !== -1; at = bytes.indexOf(value, at + 1))
				this.#hit(file, offset + at, what, value);
		for (const { span, name } of findFileSecrets(bytes.toString("latin1"))) {
			const [start, end] = span;
			if (start < before && offset > 0) continue;
			this.#hit(file, offset + start, `${/^[AEIOUx]/.test(name) ? "an" : "a"} ${name}`, bytes.subarray(start, end));
		}
	}

	#hit(file: string, offset: number, what: string, match: Buffer): void {
		const key = `${file}\0${offset}`;
		// A match that the window's end truncated is found again in the next one.
		const known = this.#found.get(key);
		if (known ? known.what.startsWith("the value") : this.#found.size >= maxHits) return;
		const digest = createHash("sha256").update(match).digest("hex");
		if (this.#allowed.some((prefix) => prefix.length >= 8 && digest.startsWith(prefix))) this.#found.delete(key);
		else this.#found.set(key, { file, offset, what, fingerprint: digest.slice(0, fingerprintLength) });
	}
}

/** Lines are counted only up to this offset. */
const maxCountedBytes = 64 * 1024 * 1024;

/** For example `file:line: what [digits]`. @param generated texts that are not in the source */
function locateSecrets(hits: readonly SecretHit[], generated: ReadonlyMap<string, string>): string[] {
	return hits.map(({ file, offset, what, fingerprint }) => {
		const text = generated.get(file);
		const bytes = text === undefined ? beginning(file, offset) : Buffer.from(text).subarray(0, offset);
		const line = bytes?.reduce((count, byte) => (byte === 10 ? count + 1 : count), 1);
		return `${file}:${line ?? `byte ${offset}`}: ${what} [${fingerprint}]`;
	});
}

function beginning(file: string, length: number): Buffer | undefined {
	if (length > maxCountedBytes) return undefined;
	return withRegular(file, ({ descriptor, stat }) => readUpTo(descriptor, Math.min(stat.size, length)));
}
