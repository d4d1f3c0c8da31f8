import { basename, dirname, join, parse, relative, resolve, sep } from "node:path";
import { AgentvError, type Diagnostic, type FindingKind, finding } from "../lib/errors.ts";
import { parseGitUrl } from "../lib/git-url.ts";
import { interpolateEnv } from "../lib/interpolate.ts";
import { createRedactor, type Redactor, secretsOf } from "../lib/redact.ts";
import { agentvHome, type Environment, expandHome } from "../machine/environment.ts";
import { isInside, pathKind, realPath, targetKind } from "../machine/files.ts";
import { readPlainConfig } from "../machine/git-repository.ts";
import { digestText, FileDigests } from "../machine/tree-notes.ts";
import { type AccessItem, accessOf } from "./access.ts";
import { manifestName, manifestText, parseManifest } from "./bundle-manifest.ts";
import { hasBundleManifest, isBundle } from "./discover-evals.ts";
import { evalEnvironment, loadEval, withEnvFile } from "./load-eval.ts";
import { loadTargets } from "./load-targets.ts";
import { type RegistryEntry, readRegistry, type WrittenSource } from "./registry.ts";
import { resolvedTargets, usedTargets } from "./resolve-target.ts";
import { addTrust, benchmarksPlace, madeHere, readTrust } from "./run-digest.ts";
import { type DiskView, openDiskView, urlEnvironment } from "./source.ts";

export interface TrustOptions {
	/** The process environment. */
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	readonly view: DiskView;
	/** Targets to run evals with, in addition to their own. */
	readonly targets?: readonly string[] | undefined;
	/** As for `eval run`; absolute. */
	readonly targetsFile?: string | undefined;
	readonly envFile?: string | undefined;
}

/** What evals of a subject read and contact. */
export interface TrustPlan {
	readonly subject: TrustSubject;
	readonly access: readonly AccessItem[];
	/** The part that needs the user's consent. */
	readonly found: readonly NewAccess[];
	readonly redact: Redactor;
}

/** Runs and sends nothing. Problems of the evals are left to a run. */
export function planTrust(subject: TrustSubject, evals: readonly string[], options: TrustOptions): TrustPlan {
	const { env, view } = options;
	const access = evals.flatMap((file) => accessOfEval(file, options));
	const found = newAccess(access, { env, view }).filter((one) => one.subject.key === subject.key);
	return { subject, access, found, redact: createRedactor(secretsOf(withEnvFile(env, options.envFile))) };
}

function accessOfEval(
	file: string,
	{ env: given, cwd, view, targets, targetsFile, envFile }: TrustOptions,
): AccessItem[] {
	const processEnv = withEnvFile(given, envFile);
	const ownFiles = targetsFile === undefined ? [] : [targetsFile];
	const reach = { allowed: [parse(file).root], ownFiles, option: "--allow-outside" } as const;
	const loaded = loadEval(file, { view, env: processEnv, cwd, reach });
	const env = evalEnvironment(loaded.scope, processEnv, view);
	const scope = loadTargets(loaded.scope, { view, env, targetsFile });
	const uses = [...usedTargets(loaded, scope), ...(targets ? usedTargets(loaded, scope, targets) : [])];
	return accessOf({ loaded, scope, targets: resolvedTargets(uses), tests: loaded.tests, env, view });
}

/** Records the user's consent to what was shown. */
export async function grantTrust(found: readonly NewAccess[], env: Environment): Promise<void> {
	for (const key of new Set(found.map(({ subject }) => subject.key))) {
		const items = found.flatMap(({ subject, item }) => (subject.key === key ? [item] : []));
		await addTrust(key, items, env);
	}
}

/** Access of received evals that the user has not consented to. */
export interface NewAccess {
	readonly subject: TrustSubject;
	readonly item: Omit<AccessItem, "kind"> & { readonly kind: AccessItem["kind"] | "program" };
}

/**
 * Returns the part of `items` that needs the user's consent: accesses that files of a synced
 * benchmark or a bundle define and that are not recorded. The user's own files need none.
 * @throws AgentvError `config` if the record is unreadable
 */
export function newAccess(
	items: readonly AccessItem[],
	{
		env,
		view,
		subjects = new TrustSubjects(env, view),
	}: { readonly env: Environment; readonly view: DiskView; readonly subjects?: TrustSubjects },
): NewAccess[] {
	const claims = items.flatMap((item) => claimsOn(item, subjects));
	if (claims.length === 0) return [];
	const record = readTrust(env);
	return claims.filter(({ subject, item }) => {
		if (record.has(subject.key, item)) return false;
		if (subject.kind === "benchmark" || !record.has(subject.key, madeHere)) return true;
		const ofBundle = item.files.filter((file) => subjects.of(file).some(({ key }) => key === subject.key));
		return !ofBundle.every((file) => subjects.isListed(subject, file));
	});
}

/** Covers everything that a received record selects outside benchmarks and bundles. */
export function accessOfReceived(
	items: readonly NewAccess["item"][],
	run: TrustSubject,
	{ env, view, ownFiles }: { readonly env: Environment; readonly view: DiskView; readonly ownFiles: readonly string[] },
): NewAccess[] {
	const subjects = new TrustSubjects(env, view);
	const isClaimed = (file: string) => !ownFiles.includes(file) && subjects.of(file).length === 0;
	return items.filter(({ files }) => files.some(isClaimed)).map((item) => ({ subject: run, item }));
}

function claimsOn(item: AccessItem, subjects: TrustSubjects): NewAccess[] {
	const found = new Map(item.files.flatMap((file) => subjects.of(file)).map((subject) => [subject.key, subject]));
	return [...found.values()].map((subject) => ({ subject, item }));
}

/** Names, each with whether consent is missing. */
interface Described {
	readonly name: string;
	readonly isNew: boolean;
}

export interface AccessDescription {
	readonly variables: readonly Described[];
	readonly hosts: readonly Described[];
	/** Outside the root; real paths. */
	readonly files: readonly Described[];
}

/** Describes what evals read and contact, for plans and previews. */
export function describeAccess(items: readonly AccessItem[], found: readonly NewAccess[]): AccessDescription {
	const isNew = new Set(found.map(({ item: { kind, value } }) => `${kind} ${value}`));
	const of = (kind: AccessItem["kind"]) =>
		[...new Set(items.flatMap((item) => (item.kind === kind ? [item.value] : [])))]
			.sort()
			.map((name) => ({ name, isNew: isNew.has(`${kind} ${name}`) }));
	return { variables: of("variable"), hosts: of("host"), files: of("file") };
}

const untrusted: FindingKind<{ kind: NewAccess["item"]["kind"]; value: string; subject: string }> = {
	rule: "access.untrusted",
	severity: "error",
	message: ({ kind, value, subject }) => `${subject} ${does[kind]} ${value}, which you have not allowed`,
};

const does: Readonly<Record<NewAccess["item"]["kind"], string>> = {
	variable: "reads the variable",
	host: "connects to the host",
	file: "reads the file",
	program: "starts the program",
};

/**
 * Refuses to run received evals with new accesses.
 * @throws AgentvError `config` with each new access and its location
 */
export function refuseNewAccess(found: readonly NewAccess[], redact: Redactor, hint = ""): void {
	const [first] = found;
	if (!first) return;
	const subjects = [...new Map(found.map(({ subject }) => [subject.key, subject])).values()];
	throw new AgentvError(
		"config",
		`${subjects.map(shownSubject).join(" and ")} ${subjects.length === 1 ? "needs" : "need"} your consent to read or reach something new`,
		{
			diagnostics: newAccessFindings(found, redact),
			hint: `Review the list, then ${subjects.map((one) => one.advice ?? `run ${trustCommand(one)}`).join("; ")}.${hint}`,
		},
	);
}

/** Returns each new access once, at its first location. */
export function newAccessFindings(found: readonly NewAccess[], redact: Redactor): Diagnostic[] {
	const all = found.map(({ subject, item }): Diagnostic => {
		const data = { kind: item.kind, value: redact(item.value), subject: shownSubject(subject) };
		return finding(untrusted, data, item.at);
	});
	return [...new Map(all.map((one) => [one.message, one] as const).reverse()).values()].reverse();
}

export function shownSubject({ kind, name }: TrustSubject): string {
	return `${kind} ${name}`;
}

function trustCommand({ kind, name }: TrustSubject): string {
	return `\`agentv ${kind} trust ${/^[\w./:@+-]+$/.test(name) ? name : JSON.stringify(name)}\``;
}

/** A synced benchmark, a bundle, or a received run. */
export interface TrustSubject {
	readonly kind: "benchmark" | "bundle" | "run";
	/** The benchmark's id, or the directory of the bundle or run. */
	readonly name: string;
	/** Absolute, links resolved. */
	readonly root: string;
	/** Another repository or manifest under the same id is another subject. */
	readonly key: string;
	/** How the user can consent, if there is no command for it. */
	readonly advice?: string;
}

/** Finds the subjects of files, however they are reached. */
export class TrustSubjects {
	readonly #env: Environment;
	readonly #view: DiskView;
	readonly #known = new Map<string, readonly TrustSubject[]>();
	readonly #bundles = new Map<string, TrustSubject | undefined>();
	readonly #digests = new FileDigests();
	readonly #listed = new Map<string, ReadonlyMap<string, string>>();
	#benchmarks: readonly TrustSubject[] | undefined;

	constructor(env: Environment, view: DiskView = openDiskView()) {
		this.#env = env;
		this.#view = view;
	}

	/** Returns the subjects of a file: by its path, and by its real path. None for the user's own. */
	of(file: string): readonly TrustSubject[] {
		const known = this.#known.get(file);
		if (known) return known;
		const paths = new Set([join(realPath(dirname(file)), basename(file)), realPath(file)]);
		const found = new Map([...paths].flatMap((path) => this.#at(path) ?? []).map((one) => [one.key, one]));
		this.#known.set(file, [...found.values()]);
		return [...found.values()];
	}

	/** Returns whether a bundle's file matches its manifest. */
	isListed({ root }: TrustSubject, file: string): boolean {
		let listed = this.#listed.get(root);
		if (!listed) {
			const { files } = parseManifest(manifestText(root), join(root, manifestName));
			listed = new Map(files.flatMap(({ path, sha256, mode }) => (mode === "link" ? [] : [[path, sha256] as const])));
			this.#listed.set(root, listed);
		}
		const real = realPath(file);
		return listed.get(relative(root, real).split(sep).join("/")) === this.#digests.of(real);
	}

	#at(path: string): TrustSubject | undefined {
		this.#benchmarks ??= gitBacked(this.#env);
		const holding = this.#benchmarks.filter(({ root }) => isInside(root, path));
		const bundle = this.#bundleAbove(dirname(path), isBundle);
		const [nearest] = [...holding, ...(bundle ? [bundle] : [])].sort((a, b) => b.root.length - a.root.length);
		// Within received content, an invalid bundle manifest changes nothing.
		return nearest ?? this.#bundleAbove(dirname(path), hasBundleManifest) ?? removedBenchmark(path, this.#env);
	}

	#bundleAbove(directory: string, isOne: typeof isBundle): TrustSubject | undefined {
		const key = `${isOne === isBundle ? "whole" : "any"} ${directory}`;
		if (this.#bundles.has(key)) return this.#bundles.get(key);
		const parent = dirname(directory);
		const found = isOne(directory, this.#view)
			? bundleSubject(directory)
			: parent === directory
				? undefined
				: this.#bundleAbove(parent, isOne);
		this.#bundles.set(key, found);
		return found;
	}
}

/**
 * Returns the real paths of files that the user passes to a command and that are links: such a link
 * is the user's own choice, unless it belongs to a received benchmark or bundle.
 * @param named absolute
 */
export function ownLinks(named: readonly string[], env: Environment, view: DiskView): string[] {
	const subjects = new TrustSubjects(env, view);
	return named
		.filter((file) => view.kind(file) === "file" && realPath(file) !== file && subjects.of(file).length === 0)
		.map((file) => realPath(file));
}

/** Returns the bundle at `directory`. @throws AgentvError `not-found` */
export function bundleSubject(directory: string): TrustSubject {
	const root = realPath(directory);
	if (!hasBundleManifest(root, openDiskView()))
		throw new AgentvError("not-found", `${directory} is not a bundle`, {
			hint: "Use the directory that contains the bundle's manifest.json.",
		});
	return { kind: "bundle", name: root, root, key: bundleKey(root) };
}

/** An unreadable manifest identifies no content: then the directory is trusted. */
function bundleKey(root: string): string {
	try {
		return `bundle ${digestText(manifestText(root))}`;
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return JSON.stringify(["bundle", root]);
	}
}

/** Finds a leftover clone; directories that the user registered are the user's. */
function removedBenchmark(path: string, env: Environment): TrustSubject | undefined {
	const place = realPathOr(benchmarksPlace(agentvHome(env)));
	const id = isInside(place, path) ? relative(place, path).split(sep)[0] : undefined;
	if (!id) return undefined;
	const root = join(place, id);
	if (pathKind(join(root, ".git")) === "missing") return undefined;
	const { entries } = readRegistry(env);
	if (entries.some((entry) => !entry.source && realPathOr(entry.path) === root)) return undefined;
	const advice = `add it again (\`agentv benchmark add\`) and run \`agentv benchmark trust ${id}\``;
	return { kind: "benchmark", name: id, root, key: JSON.stringify(["benchmark", id, originOf(root)]), advice };
}

function originOf(root: string): string {
	const config = join(root, ".git", "config");
	const origin = targetKind(config) === "file" ? readPlainConfig(config)?.get("remote.origin.url") : undefined;
	return origin?.replace(urlUser, "$1") ?? root;
}

const urlUser = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i;

/**
 * Returns the benchmark of an entry. @throws AgentvError `config` for one without a source: it is
 * the user's own
 */
export function benchmarkSubject(entry: RegistryEntry, registry: string, env: Environment): TrustSubject {
	const { id, path, source } = entry;
	if (!source)
		throw new AgentvError("config", `${id} is your own directory: its evals run without trust`, {
			hint: "Only benchmarks with a `source` need trust.",
		});
	return {
		kind: "benchmark",
		name: id,
		root: realPathOr(path),
		key: JSON.stringify(["benchmark", id, urlOf(source, registry, env)]),
	};
}

function gitBacked(env: Environment): TrustSubject[] {
	const { entries, file, document } = readRegistry(env);
	const usable = new Set(entries.map(({ index }) => index));
	const unusable = writtenEntries(document?.value).flatMap((entry, index) =>
		usable.has(index) ? [] : (unusableSubject(entry, file, env) ?? []),
	);
	return [...entries.flatMap((entry) => (entry.source ? [benchmarkSubject(entry, file, env)] : [])), ...unusable];
}

function writtenEntries(value: unknown): readonly unknown[] {
	const list = typeof value === "object" && value !== null && "benchmarks" in value ? value.benchmarks : [];
	return Array.isArray(list) ? list : [];
}

/** The clone of an invalid entry does not become the user's own. */
function unusableSubject(entry: unknown, registry: string, env: Environment): TrustSubject | undefined {
	if (typeof entry !== "object" || entry === null || !("path" in entry) || !("source" in entry)) return undefined;
	if (entry.source === undefined || entry.source === null) return undefined;
	const path = interpolateEnv(String(entry.path), env).value;
	const name = "id" in entry ? String(entry.id) : path;
	const root = realPathOr(resolve(dirname(registry), expandHome(path, env)));
	return { kind: "benchmark", name, root, key: JSON.stringify(["benchmark", name, root, entry.source]) };
}

/** Another entry's inaccessible directory must not stop the user's own evals. */
function realPathOr(path: string): string {
	try {
		return realPath(path);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return resolve(path);
	}
}

/** Returns the repository's URL without its user part; an unset variable stays as written. */
function urlOf({ url }: WrittenSource, registry: string, env: Environment): string {
	const filled = interpolateEnv(url, urlEnvironment(url, env)).value.replace(urlUser, "$1");
	return parseGitUrl(filled).kind === "path" ? resolve(dirname(registry), expandHome(filled, env)) : filled;
}
