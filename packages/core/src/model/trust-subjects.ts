import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { parseGitUrl } from "../base/git-url.ts";
import { interpolateEnv } from "../base/interpolate.ts";
import { agentvHome, type Environment, expandHome } from "../io/environment.ts";
import { digestText } from "../io/files/digest-tree.ts";
import { FileDigests } from "../io/files/file-digests.ts";
import { isInside } from "../io/files/path-inside.ts";
import { pathKind, realPath, targetKind } from "../io/files/stat-path.ts";
import { readPlainConfig } from "../io/git/plain-config.ts";
import type { WrittenSource } from "./benchmark-source.ts";
import { type DiskView, openDiskView } from "./disk-view.ts";
import { hasBundleManifest, isBundle } from "./eval-scope.ts";
import { benchmarksPlace } from "./home-places.ts";
import { manifestName, manifestText, parseManifest } from "./manifest.ts";
import { type RegistryEntry, readRegistry } from "./registry.ts";
import { urlEnvironment } from "./written-source.ts";

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
