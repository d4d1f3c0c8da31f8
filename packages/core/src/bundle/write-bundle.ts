import { dirname, join } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { digestFile, digestText } from "../io/files/digest-tree.ts";
import { listEntry } from "../io/files/list-entry.ts";
import { makeDirectory } from "../io/files/make-directory.ts";
import { missingParent } from "../io/files/missing-parent.ts";
import { ObservedCopier, writeLink } from "../io/files/observed-copy.ts";
import { compareByBytes } from "../io/files/path-order.ts";
import { removeTree } from "../io/files/remove-tree.ts";
import { largestTree } from "../io/files/size-limits.ts";
import { besideName, formerName, sweepStaged } from "../io/files/staged-files.ts";
import { systemTempDir } from "../io/files/temp-dir.ts";
import { throwIfAborted } from "../io/files/throw-if-aborted.ts";
import { renamePath, writeNewFile } from "../io/files/write-new.ts";
import { writeTextPieces } from "../io/files/write-text-pieces.ts";
import { bundleDigest, filesDigest } from "../model/bundle-digest.ts";
import { manifestName, renderManifest } from "../model/manifest.ts";
import { addTrust, madeHere } from "../model/trust-record.ts";
import { bundleSubject } from "../model/trust-subjects.ts";
import type { BundleFile, BundleManifest } from "../schema/bundle-manifest.ts";
import type { BundlePlan } from "./bundle-plan.ts";
import { checkBundle } from "./check-bundle.ts";
import { copySource, copyTarget } from "./collect-copies.ts";
import { CopiedFile } from "./copied-file.ts";
import { locateSecrets } from "./locate-secrets.ts";
import { SecretScanner } from "./secret-scanner.ts";
import { vendorRepository } from "./vendor-repository.ts";

/** How far a bundle is; the last one is `done`. */
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
 * Carries out a plan: writes the bundle beside its goal, checks it there with nothing but itself in reach, and renames it into place.
 * Whatever fails, nothing half-made is left behind, and a former bundle stays.
 * @throws AgentvError `refused` for secrets and what could not stand alone, `interrupted` once the signal is aborted
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
		// First: what is killed in between leaves no bundle that its own maker is asked to trust.
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

/** Lets a run of the bundle go without consent: it was the user who made it. */
async function noteAsOwn({ trustIn }: BundlePlan, staging: string): Promise<void> {
	if (!trustIn) return;
	try {
		await addTrust(bundleSubject(staging).key, [madeHere], trustIn);
	} catch (error) {
		// The bundle is whole without: a run of it then needs the consent that a received one needs.
		if (!(error instanceof AgentvError)) throw error;
	}
}

async function place(plan: BundlePlan, staging: string): Promise<void> {
	if (!plan.replaces) {
		renamePath(staging, plan.output);
		return;
	}
	const former = formerName(plan.output);
	renamePath(plan.output, former);
	try {
		renamePath(staging, plan.output);
	} catch (error) {
		renamePath(former, plan.output);
		throw error;
	}
	await removeTree(former);
}

/** Milliseconds of copying after which other work, Ctrl-C included, gets its turn. */
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
		const { copies, bytes: totalBytes, generated, emptyDirectories } = this.#plan;
		for (const [path, text] of generated) this.#generate(path, text);
		for (const path of emptyDirectories) makeDirectory(join(this.#staging, path));
		const copier = new ObservedCopier(this.#scanner.overlap);
		let bytes = 0;
		let since = performance.now();
		for (const [index, copy] of copies.entries()) {
			const path = copyTarget(copy);
			const from = copySource(copy);
			const to = this.#directoryOf(path);
			if (copy.link === undefined) {
				const observe = (seen: Buffer, at: number) => this.#scanner.scan(from, seen, at);
				const { size, sha256 } = await copier.copy(from, to, copy.executable, observe, this.#signal);
				this.#files.push(new CopiedFile(copy, size, sha256, this.#plan.sourceRoot));
				bytes += size;
			} else {
				writeLink(to, copy.link);
				this.#files.push(new CopiedFile(copy, copy.size, digestText(copy.link), this.#plan.sourceRoot));
			}
			if (performance.now() - since < turn && index < copies.length - 1) continue;
			yield { type: "copying", files: index + 1, totalFiles: copies.length, bytes, totalBytes };
			await new Promise((next) => setImmediate(next));
			throwIfAborted(this.#signal, "bundling");
			since = performance.now();
		}
		const { hits } = this.#scanner;
		if (hits.length > 0) throw secretsFound(locateSecrets(hits, new Map(generated)));
	}

	async *vendor(): AsyncGenerator<BundleProgress> {
		for (const step of this.#plan.vendored) {
			yield { type: "vendoring", repository: step.source.shown };
			const file = this.#directoryOf(step.to);
			await vendorRepository(step, file, { env: this.#plan.env, signal: this.#signal });
			this.#list(step.to, listEntry(file).size, digestFile(file, largestTree), "repository");
		}
	}

	/** Writes the manifest. */
	finish(): BundleManifest {
		const manifest = completed(this.#plan, this.#files);
		// A copied bundle brings its own.
		if (this.#plan.kind === "bundle") writeTextPieces(join(this.#staging, manifestName), renderManifest(manifest));
		return manifest;
	}

	#generate(path: string, text: string): void {
		writeNewFile(this.#directoryOf(path), text);
		const bytes = Buffer.from(text);
		this.#scanner.scan(path, bytes, 0);
		this.#list(path, bytes.length, digestText(bytes), "generated");
	}

	/** The absolute path of a file in the staged bundle; its directory is made. */
	#directoryOf(path: string): string {
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

/** The manifest of what was written; of a copied bundle its own. */
function completed(plan: BundlePlan, written: readonly BundleFile[]): BundleManifest {
	if (plan.kind !== "bundle") return plan.manifest as BundleManifest;
	const files = [...written].sort((a, b) => compareByBytes(a.path, b.path));
	const digest = bundleDigest({ files, repos: plan.manifest.repos });
	return { ...plan.manifest, files, filesDigest: filesDigest(files), digest };
}

function secretsFound(found: readonly string[]): AgentvError {
	return new AgentvError(
		"refused",
		`suspected secrets would be bundled:\n${found.map((one) => `  ${one}`).join("\n")}`,
		{
			hint: "remove them, or allow one with --allow-secret and the digits in brackets",
		},
	);
}
