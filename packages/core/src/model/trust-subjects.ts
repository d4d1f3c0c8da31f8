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

/** Who else wrote an eval, or chose it: a benchmark that is synced from a repository, a bundle, or a run that was received. */
export interface TrustSubject {
	readonly kind: "benchmark" | "bundle" | "run";
	/** The benchmark's id, or the directory of the bundle or run. */
	readonly name: string;
	/** Absolute, links resolved. */
	readonly root: string;
	/** What consent is recorded for: another repository under the same id is another subject, as is a bundle with another manifest. */
	readonly key: string;
	/** What the user does to consent, where that is no command of its own. */
	readonly advice?: string;
}

/** Finds the subjects that files belong to, however these are reached. */
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

	/** The subjects of a file: of the place where its name is, and of the one where its content is. None for the user's own. */
	of(file: string): readonly TrustSubject[] {
		const known = this.#known.get(file);
		if (known) return known;
		const paths = new Set([join(realPath(dirname(file)), basename(file)), realPath(file)]);
		const found = new Map([...paths].flatMap((path) => this.#at(path) ?? []).map((one) => [one.key, one]));
		this.#known.set(file, [...found.values()]);
		return [...found.values()];
	}

	/** Whether a bundle's file is as its manifest lists it. */
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

	/** The nearest one. */
	#at(path: string): TrustSubject | undefined {
		this.#benchmarks ??= gitBacked(this.#env);
		const holding = this.#benchmarks.filter(({ root }) => isInside(root, path));
		const bundle = this.#bundleAbove(dirname(path), isBundle);
		const [nearest] = [...holding, ...(bundle ? [bundle] : [])].sort((a, b) => b.root.length - a.root.length);
		// Within something that was received, a manifest that is not quite that of a bundle says nothing more.
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
 * Returns the real paths of files that the user names to a command and that are links: such a link is the user's own choice, unless it
 * belongs to a benchmark or bundle of somebody else.
 * @param named absolute
 */
export function ownLinks(named: readonly string[], env: Environment, view: DiskView): string[] {
	const subjects = new TrustSubjects(env, view);
	return named
		.filter((file) => view.kind(file) === "file" && realPath(file) !== file && subjects.of(file).length === 0)
		.map((file) => realPath(file));
}

/** The bundle at `directory`. @throws AgentvError `not-found` */
export function bundleSubject(directory: string): TrustSubject {
	const root = realPath(directory);
	if (!hasBundleManifest(root, openDiskView()))
		throw new AgentvError("not-found", `${directory} is not a bundle`, {
			hint: "Name the directory that holds the bundle's manifest.json.",
		});
	return { kind: "bundle", name: root, root, key: bundleKey(root) };
}

/** A manifest that can't be read identifies no content: then it is the place that is trusted. */
function bundleKey(root: string): string {
	try {
		return `bundle ${digestText(manifestText(root))}`;
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return JSON.stringify(["bundle", root]);
	}
}

/** The clone that a benchmark left below `$AGENTV_HOME/benchmarks`; what the user registered there as a directory of their own is theirs. */
function removedBenchmark(path: string, env: Environment): TrustSubject | undefined {
	const place = realPathOr(benchmarksPlace(agentvHome(env)));
	const id = isInside(place, path) ? relative(place, path).split(sep)[0] : undefined;
	if (!id) return undefined;
	const root = join(place, id);
	if (pathKind(join(root, ".git")) === "missing") return undefined;
	const { entries } = readRegistry(env);
	if (entries.some((entry) => !entry.source && realPathOr(entry.path) === root)) return undefined;
	const advice = `register it again (\`agentv benchmark add\`) and run \`agentv benchmark trust ${id}\``;
	return { kind: "benchmark", name: id, root, key: JSON.stringify(["benchmark", id, originOf(root)]), advice };
}

function originOf(root: string): string {
	const config = join(root, ".git", "config");
	const origin = targetKind(config) === "file" ? readPlainConfig(config)?.get("remote.origin.url") : undefined;
	return origin?.replace(urlUser, "$1") ?? root;
}

const urlUser = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i;

/** The benchmark of an entry. @throws AgentvError `config` for one without a source: it is the user's own */
export function benchmarkSubject(entry: RegistryEntry, registry: string, env: Environment): TrustSubject {
	const { id, path, source } = entry;
	if (!source)
		throw new AgentvError("config", `${id} is a directory of yours: its evals run without being trusted`, {
			hint: "Only benchmarks with a `source` are asked for.",
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

/** What an entry with an error was synced to does not become the user's own. */
function unusableSubject(entry: unknown, registry: string, env: Environment): TrustSubject | undefined {
	if (typeof entry !== "object" || entry === null || !("path" in entry) || !("source" in entry)) return undefined;
	if (entry.source === undefined || entry.source === null) return undefined;
	const path = interpolateEnv(String(entry.path), env).value;
	const name = "id" in entry ? String(entry.id) : path;
	const root = realPathOr(resolve(dirname(registry), expandHome(path, env)));
	return { kind: "benchmark", name, root, key: JSON.stringify(["benchmark", name, root, entry.source]) };
}

/** Another entry's directory that can't be looked at must not stop the user's own evals. */
function realPathOr(path: string): string {
	try {
		return realPath(path);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		return resolve(path);
	}
}

/** The repository's address without its user part; a variable that is not set stays as it is written. */
function urlOf({ url }: WrittenSource, registry: string, env: Environment): string {
	const filled = interpolateEnv(url, urlEnvironment(url, env)).value.replace(urlUser, "$1");
	return parseGitUrl(filled).kind === "path" ? resolve(dirname(registry), expandHome(filled, env)) : filled;
}
