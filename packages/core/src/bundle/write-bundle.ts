import { dirname, join, relative, sep } from "node:path";
import { bundleDigest, filesDigest, manifestName, renderManifest } from "../eval/bundle-manifest.ts";
import { benchmarkOfFile, type EvalScope } from "../eval/discover-evals.ts";
import type { LoadedEval, TestCase } from "../eval/eval-types.ts";
import type { References } from "../eval/references.ts";
import { bundleSubject } from "../eval/trust.ts";
import { addTrust, madeHere } from "../eval/trust-record.ts";
import type { BundleFile, BundleManifest } from "../format/bundle-manifest.ts";
import { AgentvError, type Diagnostic, finding, type Place } from "../lib/errors.ts";
import { redactUrl } from "../lib/git-url.ts";
import { createRedactor, redactText, secretsOf } from "../lib/redact.ts";
import { isSecretField, isSecretName, redactAddress } from "../lib/secret-shapes.ts";
import { scanReferences } from "../lib/template-text.ts";
import { ObservedCopier, writeLink } from "../machine/copy-tree.ts";
import { makeDirectory, systemTempDir } from "../machine/directories.ts";
import type { Environment } from "../machine/environment.ts";
import { compareByBytes, largestTree, removeTree, throwIfAborted } from "../machine/files.ts";
import { listEntry } from "../machine/find-files.ts";
import { GitError } from "../machine/git-error.ts";
import {
	currentBranch,
	foreignRepository,
	headCommit,
	isDirty,
	remoteUrl,
	repositoryRoot,
} from "../machine/git-repository.ts";
import { missingParent } from "../machine/own-files.ts";
import { besideName, formerName, sweepStaged } from "../machine/staged-files.ts";
import { digestFile, digestText } from "../machine/tree-notes.ts";
import { renamePath, writeNewFile, writeTextPieces } from "../machine/write-file.ts";
import { locateSecrets, SecretScanner, variablePath } from "./bundled-content.ts";
import { type BundlePlan, CopiedFile, copySource, copyTarget, vendorRepository } from "./collect-copies.ts";
import { type ComposedEval, composeEval, flattenTarget } from "./compose-eval.ts";
import { type GatheredSources, indexReferences, type TargetSelection } from "./gather-sources.ts";
import { isRecord, type Layout, placeKey, type RawValues, type SuitePlace } from "./layout.ts";
import { checkBundle } from "./meaning.ts";
import type { PinnedRepositories } from "./pinned-repositories.ts";
import { patchYaml, printJson, printYaml } from "./print-yaml.ts";
import { type BundlePlaces, bundlePlaces, type RewriteInput, Rewriter } from "./rewriter.ts";

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

/** The files that bundling writes itself. */
export interface GeneratedFiles {
	/** By bundle path; of JSON Lines the rows. */
	readonly values: ReadonlyMap<string, unknown>;
	/** The texts of `values`, or of what was made of them. */
	print(values: ReadonlyMap<string, unknown>): Map<string, string>;
	readonly rewrite: RewriteInput;
	readonly diagnostics: readonly Diagnostic[];
}

/** Makes `eval.yaml`, `targets.yaml`, imported suites and large test data. */
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

/** A path of the bundle that nothing else has: `data/tests.jsonl`, else `data/tests-2.jsonl`, … */
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

/** Names of targets that stand behind a variable: today's choice is kept. */
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
 * Returns the variables that `--capture-env` writes into a bundle: those that its files name, without secrets and what a default can't hold.
 * A variable is a secret by its name, by its value, and by each place that uses it: under `api_key`, a header, the user part of a URL.
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

/** Notes of each variable whether any place of it is one for secrets. */
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

/** A value that is redacted wherever a secret would be. */
function standIn(index: number): string {
	return `Zq${index}x7Kd2Lm4Vt`;
}

/** `value` with what the captured variables are today as the defaults of its `${{ VAR }}` references, in every string. */
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

/** Where an eval came from: repository, commit, branch, local changes, and the benchmark that holds it. */
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
		// Without git, or in a repository that git refuses, a bundle says less about where it came from.
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
		// A registry that can't be read is the registry's trouble, not this eval's.
		if (error instanceof AgentvError) return null;
		throw error;
	}
}
