import { basename, dirname, join, relative, sep } from "node:path";
import { bundleDigest, filesDigest, manifestName, readManifest, renderManifest } from "../eval/bundle-manifest.ts";
import { benchmarkOfFile, type EvalScope } from "../eval/discover-evals.ts";
import type { LoadedEval, TestCase } from "../eval/eval-types.ts";
import type { References } from "../eval/references.ts";
import { addTrust, madeHere } from "../eval/run-digest.ts";
import { bundleSubject } from "../eval/trust.ts";
import type { BundleFile, BundleManifest } from "../format/bundle-manifest.ts";
import { AgentvError, type Diagnostic, finding, type Place } from "../lib/errors.ts";
import { redactUrl } from "../lib/git-url.ts";
import { createRedactor, redactText, secretsOf } from "../lib/redact.ts";
import { isSecretField, isSecretName, redactAddress } from "../lib/secret-shapes.ts";
import { scanReferences } from "../lib/template-text.ts";
import { type ArchiveEntry, writeArchive } from "../machine/archive.ts";
import { ObservedCopier, writeLink } from "../machine/copy-tree.ts";
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
import { GitError } from "../machine/git-error.ts";
import {
	currentBranch,
	foreignRepository,
	headCommit,
	isDirty,
	remoteUrl,
	repositoryRoot,
} from "../machine/git-repository.ts";
import { type FileStream, streamFile } from "../machine/read-file.ts";
import { digestFile, digestText } from "../machine/tree-notes.ts";
import { renamePath, writeNewFile } from "../machine/write-file.ts";
import { locateSecrets, SecretScanner, variablePath } from "./bundled-content.ts";
import { type BundlePlan, CopiedFile, copySource, copyTarget, vendorRepository } from "./collect-copies.ts";
import { type ComposedEval, composeEval, flattenTarget } from "./compose-eval.ts";
import { type GatheredSources, indexReferences, type TargetSelection } from "./gather-sources.ts";
import { isRecord, type Layout, placeKey, type RawValues, type SuitePlace } from "./layout.ts";
import { checkBundle } from "./meaning.ts";
import type { PinnedRepositories } from "./pinned-repositories.ts";
import { patchYaml, printJson, printYaml } from "./print-yaml.ts";
import { type BundlePlaces, bundlePlaces, type RewriteInput, Rewriter } from "./rewriter.ts";

/** Progress of a bundle; the last event is `done`. */
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
 * Applies a plan: writes the bundle next to its output, checks it there in isolation, and renames
 * it into place.
 * On failure nothing partial remains, and an existing bundle stays.
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
		// First: a killed process leaves no bundle that its maker would need to trust.
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
		// Not required: a run of the bundle then needs consent like a received one.
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

	finish(): BundleManifest {
		const manifest = completed(this.#plan, this.#files);
		// A copied bundle has its own.
		if (this.#plan.kind === "bundle") writeNewFile(join(this.#staging, manifestName), renderManifest(manifest));
		return manifest;
	}

	#generate(path: string, text: string): void {
		writeNewFile(this.#directoryOf(path), text);
		const bytes = Buffer.from(text);
		this.#scanner.scan(path, bytes, 0);
		this.#list(path, bytes.length, digestText(bytes), "generated");
	}

	/** Returns the absolute path of a file in the staged bundle; creates its directory. */
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

/** Returns the manifest of written files; a copied bundle's own. */
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

export interface GenerateInput {
	readonly loaded: LoadedEval;
	readonly selection: TargetSelection;
	readonly references: References;
	readonly gathered: GatheredSources;
	readonly layout: Layout;
	readonly suites: ReadonlyMap<string, SuitePlace>;
	readonly pinned: PinnedRepositories;
	readonly chosen: readonly string[];
	readonly raw: RawValues;
}

export interface GeneratedFiles {
	/** By bundle path; rows for JSON Lines. */
	readonly values: ReadonlyMap<string, unknown>;
	/** Returns the texts of `values` or a modified copy. */
	print(values: ReadonlyMap<string, unknown>): Map<string, string>;
	readonly rewrite: RewriteInput;
	readonly diagnostics: readonly Diagnostic[];
}

/** Generates `eval.yaml`, `targets.yaml`, imported suites and large test data. */
export function generateFiles(input: GenerateInput): GeneratedFiles {
	const { loaded, gathered, layout, suites, pinned, raw, selection } = input;
	const places = bundlePlaces(gathered, layout, suites);
	const rewrite: RewriteInput = {
		raw,
		index: indexReferences(loaded, input.references),
		places,
		suites,
		bound: gathered.bound,
		evalDirectory: loaded.scope.directory,
		settled: { ...pinned, texts: new Map([...pinned.texts, ...chosenNames(selection, raw)]) },
	};
	const values = new Map<string, unknown>();
	const composed = new Map<string, { suite: SuitePlace; eval: ComposedEval }>();
	const rows = new Set<string>();
	const freePath = pathFinder(gathered, layout, values);
	for (const suite of suites.values()) {
		const tests: TestCase[] = loaded.tests.filter((test) => test.suite.file === suite.file);
		const made = composeEval({ ...rewrite, loaded, suite, tests, chosen: input.chosen, freePath });
		composed.set(suite.bundleFile, { suite, eval: made });
		values.set(suite.bundleFile, made.value);
		for (const [path, list] of made.testFiles) {
			values.set(path, list);
			rows.add(path);
		}
	}
	if (selection.named.size > 0) {
		const targets = [...selection.named.values()].map((target) => flattenTarget(target, new Rewriter(rewrite, "")));
		values.set("targets.yaml", { targets });
	}
	const print = (path: string, value: unknown): string => {
		if (rows.has(path)) return (value as readonly unknown[]).map((row) => `${printJson(row)}\n`).join("");
		const made = composed.get(path);
		return made ? printEval(made, value, input) : printYaml(value);
	};
	return {
		values,
		print: (changed) => new Map([...changed].map(([path, value]) => [path, print(path, value)])),
		rewrite,
		diagnostics: [...pathsByVariable(input, places)],
	};
}

function printEval(
	{ suite, eval: made }: { suite: SuitePlace; eval: ComposedEval },
	value: unknown,
	{ loaded, raw }: GenerateInput,
): string {
	const source = loaded.sources.get(suite.file);
	const before = raw.document(suite.file);
	if (!source?.document || source.document.value !== before) return printYaml(value);
	return patchYaml(source.text, before, value, (path) =>
		path.length === 1 && path[0] === made.testsKey ? made.origins : undefined,
	);
}

/** Returns an unused bundle path: `data/tests.jsonl`, else `data/tests-2.jsonl`, … */
function pathFinder(gathered: GatheredSources, layout: Layout, values: ReadonlyMap<string, unknown>) {
	const given = new Set<string>();
	const { data } = gathered.areas;
	const isTaken = (path: string) => {
		if (given.has(path) || gathered.own.has(path) || values.has(path)) return true;
		if ([...data.files.keys(), ...data.links.keys()].some((source) => layout.place("data", source) === path))
			return true;
		return [...data.trees].some(([directory, { entries }]) => {
			const prefix = layout.place("data", directory);
			return entries.some((entry) => `${prefix}/${entry.path}` === path);
		});
	};
	return (wanted: string): string => {
		let path = wanted;
		for (let count = 2; isTaken(path); count++) path = wanted.replace(/(\.\w+)$/, `-${count}$1`);
		given.add(path);
		return path;
	};
}

/** Yields targets selected by a variable: the current selection is kept. */
function* chosenNames({ choices }: TargetSelection, raw: RawValues): Generator<[string, string]> {
	const settle = function* (at: Place, name: unknown): Generator<[string, string]> {
		const written = raw.at(at);
		if (typeof written === "string" && written.includes("${{") && typeof name === "string") yield [placeKey(at), name];
	};
	for (const choice of choices) {
		if (!("inline" in choice)) yield* settle(choice.at, choice.name);
		else
			for (const key of ["extends", "use_target"])
				yield* settle({ ...choice.at, path: [...(choice.at.path ?? []), key] }, choice.inline[key]);
	}
}

function* pathsByVariable({ references, raw }: GenerateInput, places: BundlePlaces): Generator<Diagnostic> {
	for (const reference of references.files) {
		const written = raw.at(reference.at);
		if (typeof written !== "string" || !written.includes("${{") || reference.kind === "metadata-file") continue;
		const path = places.target(reference);
		const names = scanReferences(written).flatMap((token) => (token.kind === "reference" ? [token.name] : []));
		if (path !== undefined && names.length > 0)
			yield finding(variablePath, { names: [...new Set(names)], path }, reference.at);
	}
}

/**
 * Returns the variables that `--capture-env` writes into a bundle: those in its files, except
 * secrets and values that a default can't represent.
 * A variable is a secret by its name, its value, or any use: under `api_key`, a header, the user
 * part of a URL.
 */
export function capturedVariables(files: ReadonlyMap<string, unknown>, env: Environment): Environment {
	const uses = new Map<string, boolean>();
	for (const value of files.values()) collectUses(value, false, uses);
	const secret = [...uses].flatMap(([name, isSecret]) => (isSecret ? (env[name] ?? []) : []));
	const redact = createRedactor([...secretsOf(env), ...secret]);
	const isCapturable = (name: string, value: string | undefined): value is string =>
		value !== undefined &&
		value !== "" &&
		uses.get(name) === false &&
		redact(value) === value &&
		!/[\r\n]/.test(value) &&
		!value.includes("}}") &&
		value === value.trim();
	return Object.fromEntries(
		[...uses.keys()].flatMap((name) => {
			const value = Object.hasOwn(env, name) ? env[name] : undefined;
			return isCapturable(name, value) ? [[name, value]] : [];
		}),
	);
}

/** Records for each variable whether any use of it is secret. */
function collectUses(value: unknown, isSecret: boolean, uses: Map<string, boolean>): void {
	if (typeof value === "string") {
		if (value.includes("${{")) noteUses(value, isSecret, uses);
	} else if (Array.isArray(value)) for (const item of value) collectUses(item, isSecret, uses);
	else if (isRecord(value))
		for (const [key, item] of Object.entries(value)) collectUses(item, isSecret || isSecretField(key), uses);
}

function noteUses(text: string, isSecret: boolean, uses: Map<string, boolean>): void {
	const tokens = scanReferences(text).filter((token) => token.kind === "reference");
	let filled = "";
	let done = 0;
	for (const [index, { range }] of tokens.entries()) {
		filled += `${text.slice(done, range[0])}${standIn(index)}`;
		done = range[1];
	}
	const shown = redactAddress(redactText(filled + text.slice(done)));
	for (const [index, { name }] of tokens.entries())
		uses.set(name, uses.get(name) || isSecret || isSecretName(name) || !shown.includes(standIn(index)));
}

/** Returns a value that is redacted wherever a secret would be. */
function standIn(index: number): string {
	return `Zq${index}x7Kd2Lm4Vt`;
}

/** Adds current values as defaults to `${{ VAR }}` references. */
export function captureEnvironment(value: unknown, captured: Environment): unknown {
	if (typeof value === "string") return value.includes("${{") ? captureText(value, captured) : value;
	if (Array.isArray(value)) return value.map((item) => captureEnvironment(item, captured));
	if (!isRecord(value)) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, captureEnvironment(item, captured)]));
}

function captureText(text: string, captured: Environment): string {
	let result = "";
	let done = 0;
	for (const token of scanReferences(text)) {
		if (token.kind !== "reference") continue;
		const today = captured[token.name];
		if (today === undefined) continue;
		result += `${text.slice(done, token.range[0])}\${{ ${token.name}:-${today} }}`;
		done = token.range[1];
	}
	return result + text.slice(done);
}

export type BundleSource = BundleManifest["source"];

/** Returns an eval's origin: repository, commit, branch, local changes, and its benchmark. */
export async function provenance(file: string, scope: EvalScope, env: Environment): Promise<BundleSource> {
	const root = repositoryRoot(scope.directory);
	const git = root === undefined ? undefined : await gitFacts(root, env);
	return {
		eval: relative(root ?? scope.root, file)
			.split(sep)
			.join("/"),
		commit: git?.commit ?? null,
		branch: git?.branch ?? null,
		dirty: git?.dirty ?? null,
		remote: git?.remote === undefined ? null : redactUrl(git.remote),
		benchmark: await benchmark(file, env),
	};
}

async function gitFacts(root: string, env: Environment) {
	try {
		const options = { env, ...foreignRepository(root, env) };
		const [commit, branch, dirty, remote] = await Promise.all([
			headCommit(root, options),
			currentBranch(root, options),
			isDirty(root, options),
			remoteUrl(root, options),
		]);
		return { commit, branch, dirty, remote };
	} catch (error) {
		// Without git, or if git refuses the repository, the manifest has less information.
		if (error instanceof GitError) return undefined;
		throw error;
	}
}

async function benchmark(file: string, env: Environment): Promise<BundleSource["benchmark"]> {
	try {
		const found = benchmarkOfFile(file, env);
		if (!found) return null;
		const root = found.isGitBacked ? repositoryRoot(found.root) : undefined;
		const git = root === undefined ? undefined : await gitFacts(root, env);
		return { id: found.id, revision: git?.commit ?? null };
	} catch (error) {
		// An unreadable registry doesn't affect this eval.
		if (error instanceof AgentvError) return null;
		throw error;
	}
}

/** @throws AgentvError `refused` if the archive must not be written to `file` */
export function judgeArchive(file: string, output: string, force: boolean): void {
	if (isInside(output, file))
		throw new AgentvError("refused", `the archive ${file} is inside the bundle`, { hint: "choose a file next to it" });
	const kind = pathKind(file);
	if (kind === "directory") throw new AgentvError("refused", `the archive ${file} is a directory`);
	if (kind !== "missing" && !force)
		throw new AgentvError("refused", `the archive ${file} already exists`, { hint: "--force overwrites it" });
}

/** Writes the bundle at `directory` as an archive with a top-level directory of its name. */
export async function archiveBundle(
	directory: string,
	file: string,
	options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
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

export interface ArchiveStream extends FileStream {
	/** File name for the download. */
	readonly name: string;
}

/** The archive is a temporary file that is removed after reading. */
export async function streamArchive(
	directory: string,
	format: "tgz" | "zip",
	options: { readonly signal?: AbortSignal | undefined } = {},
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

/** A plan as plain data, for `--dry-run --json` and Studio's preview. Sizes in bytes. */
export interface BundleDescription {
	readonly kind: BundlePlan["kind"];
	readonly output: string;
	readonly replaces: boolean;
	readonly bytes: number;
	readonly files: readonly {
		readonly path: string;
		/** Relative to the source's repository; null for generated files. */
		readonly source: string | null;
		readonly size: number | null;
	}[];
	readonly manifest: BundlePlan["manifest"];
	readonly warnings: BundlePlan["warnings"];
}

export function describeBundle(plan: BundlePlan): BundleDescription {
	const files = [
		...[...plan.generated].map(([path, text]) => ({ path, source: null, size: Buffer.byteLength(text) })),
		...plan.vendored.map(({ to, source }) => ({ path: to, source: source.shown, size: null })),
		...plan.copies.map((copy) => ({
			path: copyTarget(copy),
			source: relative(plan.sourceRoot, copySource(copy)).split(sep).join("/"),
			size: copy.size,
		})),
	].sort((a, b) => (a.path < b.path ? -1 : 1));
	const { kind, output, replaces, manifest, warnings } = plan;
	const bytes = files.reduce((sum, { size }) => sum + (size ?? 0), 0);
	return { kind, output, replaces, bytes, files, manifest, warnings };
}
