import { basename, dirname, join, parse, relative, resolve, sep } from "node:path";
import { AgentvError, type Diagnostic, type FindingKind, finding, type Place } from "../lib/errors.ts";
import { expandRepoShorthand, fileUrlPath, parseGitUrl } from "../lib/git-url.ts";
import { interpolateEnv } from "../lib/interpolate.ts";
import { createRedactor, type Redactor, secretsOf } from "../lib/redact.ts";
import { agentvHome, type Environment, expandHome, loadDotEnv } from "../machine/environment.ts";
import { isExecutable, isInside, pathKind, realPath, targetKind } from "../machine/files.ts";
import { readPlainConfig } from "../machine/git-repository.ts";
import { digestText, FileDigests } from "../machine/tree-notes.ts";
import { manifestName, manifestText, parseManifest } from "./bundle-manifest.ts";
import { parseAsRun } from "./command.ts";
import { hasBundleManifest, isBundle } from "./discover-evals.ts";
import { type LoadedEval, suitesOf, type TestCase, type Workspace, type WorkspaceRepo } from "./eval-types.ts";
import { dotEnvFiles, evalEnvironment, loadEval, ownVariables, withEnvFile } from "./load-eval.ts";
import { loadTargets, type TargetScope } from "./load-targets.ts";
import { type NamedPath, outOfReach, pathOutside, referenceNoun, resolvePath } from "./read-shape.ts";
import { type RegistryEntry, readRegistry, type WrittenSource } from "./registry.ts";
import { isPlaceBelow, targetVariables } from "./resolve-command.ts";
import { type ResolvedTarget, resolvedTargets, targetDestination, usedTargets, variablesAt } from "./resolve-target.ts";
import { addTrust, benchmarksPlace, madeHere, readTrust } from "./run-digest.ts";
import { child, type DiskView, openDiskView, type PlacedVariable, urlEnvironment } from "./source.ts";
import { collectReferences, isSystemPath, type Reference } from "./visit.ts";

interface TrustOptions {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	readonly view: DiskView;
	readonly targets?: readonly string[] | undefined;
	/** As for `eval run`; absolute. */
	readonly targetsFile?: string | undefined;
	readonly envFile?: string | undefined;
}

export interface TrustPlan {
	readonly subject: TrustSubject;
	readonly access: readonly AccessItem[];
	/** Needs the user's consent. */
	readonly found: readonly NewAccess[];
	readonly redact: Redactor;
}

/** Runs and sends nothing. Problems of the evals are left to a run. */
export function planTrust(subject: TrustSubject, evals: readonly string[], options: TrustOptions): TrustPlan {
	const { env, view } = options;
	const access = evals.flatMap((file) => accessOfEval(file, options));
	const found = newAccess(access, { env, view }).filter((item) => item.subject.key === subject.key);
	return { subject, access, found, redact: createRedactor(secretsOf(withEnvFile(env, options.envFile))) };
}

function accessOfEval(
	file: string,
	{ env: baseEnv, cwd, view, targets, targetsFile, envFile }: TrustOptions,
): AccessItem[] {
	const processEnv = withEnvFile(baseEnv, envFile);
	const ownFiles = targetsFile === undefined ? [] : [targetsFile];
	const reach = { allowed: [parse(file).root], ownFiles, option: "--allow-outside" } as const;
	const loaded = loadEval(file, { view, env: processEnv, cwd, reach });
	const env = evalEnvironment(loaded.scope, processEnv, view);
	const scope = loadTargets(loaded.scope, { view, env, targetsFile });
	const uses = [...usedTargets(loaded, scope), ...(targets ? usedTargets(loaded, scope, targets) : [])];
	return accessOf({ loaded, scope, targets: resolvedTargets(uses), tests: loaded.tests, env, view });
}

/** Records the user's consent to `found`. */
export async function grantTrust(found: readonly NewAccess[], env: Environment): Promise<void> {
	for (const key of new Set(found.map(({ subject }) => subject.key))) {
		const items = found.flatMap(({ subject, item }) => (subject.key === key ? [item] : []));
		await addTrust(key, items, env);
	}
}

export interface NewAccess {
	readonly subject: TrustSubject;
	readonly item: Omit<AccessItem, "kind"> & { readonly kind: AccessItem["kind"] | "program" };
}

/**
 * The user's own files need no consent. @throws AgentvError `config` if the record is unreadable
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
	const subjectsByKey = new Map(
		item.files.flatMap((file) => subjects.of(file)).map((subject) => [subject.key, subject]),
	);
	return [...subjectsByKey.values()].map((subject) => ({ subject, item }));
}

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

/** @throws AgentvError `config` with each new access and its location */
export function refuseNewAccess(found: readonly NewAccess[], redact: Redactor, hint = ""): void {
	const [first] = found;
	if (!first) return;
	const subjects = [...new Map(found.map(({ subject }) => [subject.key, subject])).values()];
	throw new AgentvError(
		"config",
		`${subjects.map(shownSubject).join(" and ")} ${subjects.length === 1 ? "needs" : "need"} your consent to read or reach something new`,
		{
			diagnostics: newAccessFindings(found, redact),
			hint: `Review the list, then ${subjects.map((subject) => subject.advice ?? `run ${trustCommand(subject)}`).join("; ")}.${hint}`,
		},
	);
}

/** Returns each new access once, at its first location. */
export function newAccessFindings(found: readonly NewAccess[], redact: Redactor): Diagnostic[] {
	const all = found.map(({ subject, item }): Diagnostic => {
		const data = { kind: item.kind, value: redact(item.value), subject: shownSubject(subject) };
		return finding(untrusted, data, item.at);
	});
	return [...new Map(all.map((diagnostic) => [diagnostic.message, diagnostic] as const).reverse()).values()].reverse();
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
	readonly name: string;
	/** Absolute, links resolved. */
	readonly root: string;
	/** Another repository or manifest under the same id is another subject. */
	readonly key: string;
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

	/** Checks the path and the real path. Empty for the user's own files. */
	of(file: string): readonly TrustSubject[] {
		const known = this.#known.get(file);
		if (known) return known;
		const paths = new Set([join(realPath(dirname(file)), basename(file)), realPath(file)]);
		const subjectsByKey = new Map(
			[...paths].flatMap((path) => this.#at(path) ?? []).map((subject) => [subject.key, subject]),
		);
		this.#known.set(file, [...subjectsByKey.values()]);
		return [...subjectsByKey.values()];
	}

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

/** Such a link is the user's own choice, unless it is in a received benchmark or bundle. */
export function ownLinks(named: readonly string[], env: Environment, view: DiskView): string[] {
	const subjects = new TrustSubjects(env, view);
	return named
		.filter((file) => view.kind(file) === "file" && realPath(file) !== file && subjects.of(file).length === 0)
		.map((file) => realPath(file));
}

/** @throws AgentvError `not-found` */
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

/** Finds a leftover clone. Directories that the user registered are the user's own. */
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

/** @throws AgentvError `config` for an entry without a source: it is the user's own */
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

/** Leaves out the user part; an unset variable stays as written. */
function urlOf({ url }: WrittenSource, registry: string, env: Environment): string {
	const filled = interpolateEnv(url, urlEnvironment(url, env)).value.replace(urlUser, "$1");
	return parseGitUrl(filled).kind === "path" ? resolve(dirname(registry), expandHome(filled, env)) : filled;
}

/** A variable, host or outside file that an eval reads or contacts. */
export interface AccessItem {
	/** `host`: with its port unless default. `file`: outside the eval's root, by real path. */
	readonly kind: "variable" | "host" | "file";
	readonly value: string;
	readonly at: Place;
	/** The files that together define it; absolute. */
	readonly files: readonly string[];
	/** Why the run may not read the file. */
	readonly refused?: Diagnostic;
}

interface AccessSource {
	readonly loaded: LoadedEval;
	readonly scope: TargetScope;
	readonly targets: readonly ResolvedTarget[];
	readonly tests: readonly TestCase[];
	readonly env: Environment;
	readonly view: DiskView;
}

/** The only definition of what running an eval reads and contacts. */
export function accessOf(source: AccessSource): AccessItem[] {
	const items = [
		...variables(source),
		...targetAccess(source),
		...environmentHosts(source),
		...repositoryAccess(source),
		...outsideFiles(source),
	];
	return [...new Map(items.map((item) => [JSON.stringify([item.kind, item.value, item.files]), item])).values()];
}

function* variables({ loaded, tests }: AccessSource): Generator<AccessItem> {
	const run = new Set(tests);
	const left = loaded.tests.filter((test) => !run.has(test)).map(({ at }) => at);
	for (const variable of loaded.variables)
		if (!left.some((test) => isPlaceBelow(variable.at, test))) yield* variableItem(variable, []);
}

function* variableItem(
	{ name, at }: Pick<PlacedVariable, "name" | "at">,
	files: readonly string[],
): Generator<AccessItem> {
	if (!ownVariables.has(name)) yield { kind: "variable", value: name, at, files: [...new Set([at.file, ...files])] };
}

/** Lists all defining files: a key from one must not reach another's address unnoticed. */
function* targetAccess({ loaded, scope, targets, env, view }: AccessSource): Generator<AccessItem> {
	const sources = new Map([...loaded.sources, ...scope.sources]);
	const envFiles = dotEnvFiles(loaded.scope, view).map((file) => ({ file, values: loadDotEnv(view.readText(file)) }));
	/** An address from a variable also belongs to the file that sets the variable. */
	const envFilesOf = (target: ResolvedTarget) => {
		const steps = target.via.flatMap(({ next }) => (next ? variablesAt(next.at, { sources }) : []));
		const used = new Set([...targetVariables([target], { sources }), ...steps].map(({ name }) => name));
		return envFiles
			.filter(({ values }) => Object.keys(values).some((name) => used.has(name) || name === "AZURE_RESOURCE_NAME"))
			.map(({ file }) => file);
	};
	for (const target of targets) {
		const files = filesOf(target);
		for (const variable of targetVariables([target], { sources })) yield* variableItem(variable, files);
		for (const { next } of target.via)
			if (next) for (const variable of variablesAt(next.at, { sources })) yield* variableItem(variable, files);
		const { host, keys } = targetDestination(target, { sources }, env);
		const reached = [...files, ...envFilesOf(target)];
		const key = ["base_url", "endpoint", "provider"].find((name) => target.origin.has(name)) ?? "provider";
		const layer = target.origin.get(key);
		const at = layer ? child(layer.part, key).at : target.at;
		for (const { name } of keys) yield* variableItem({ name, at }, files);
		if (host !== undefined) yield { kind: "host", value: host.toLowerCase(), at, files: reached };
		for (const [setting, { part }] of target.origin)
			if (!textKeys.has(setting))
				for (const host of setting === "env" ? hostsOfVariables(target.wire[setting]) : hostsIn(target.wire[setting]))
					yield { kind: "host", value: host, at: child(part, setting).at, files: reached };
	}
}

/** Settings with text for or from a model: addresses in them are not contacted. */
const textKeys: ReadonlySet<string> = new Set(["system_prompt", "response", "responses", "name"]);

/** A file that only selects the target doesn't count. */
function filesOf({ via, origin }: ResolvedTarget): string[] {
	const layers = [...origin.values()].map(({ part }) => part.at.file);
	return [...new Set([...via.map(({ definition }) => definition.file), ...layers])];
}

function* hostsIn(value: unknown): Generator<string> {
	if (typeof value === "string") {
		// URL parsers accept tabs and line breaks anywhere, and any number of slashes.
		const texts = new Set([value, value.replace(/[\t\r\n]/g, "")]);
		for (const text of texts)
			for (const [address] of text.matchAll(/(?:(?:https?|wss?):|socks[45]h?:\/\/)[^\s"'`<>]+/gi))
				if (URL.canParse(address)) yield new URL(address).host.toLowerCase();
	} else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) yield* hostsIn(item);
}

function* workspacesOf({ loaded, tests }: Pick<AccessSource, "loaded" | "tests">): Generator<Workspace> {
	const own = tests.flatMap(({ workspace }) => workspace ?? []);
	yield* new Set([
		...[...suitesOf({ suite: loaded.suite, tests })].flatMap(({ workspace }) => workspace ?? []),
		...own,
	]);
}

/** Addresses in variables for programs are often written without their scheme. */
function* hostsOfVariables(variables: unknown): Generator<string> {
	yield* hostsIn(variables);
	if (typeof variables !== "object" || variables === null) return;
	for (const [name, value] of Object.entries(variables)) {
		if (!/(PROXY|URL|HOST|ENDPOINT)$/i.test(name) || /^NO_PROXY$/i.test(name) || typeof value !== "string") continue;
		if (/^[^\s/:@]+(:\d+)?(\/|$)/.test(value) && URL.canParse(`http://${value}`)) yield new URL(`http://${value}`).host;
	}
}

function* environmentHosts(source: AccessSource): Generator<AccessItem> {
	for (const { env, at } of workspacesOf(source))
		for (const host of hostsOfVariables(env)) yield { kind: "host", value: host, at, files: [at.file] };
	for (const file of dotEnvFiles(source.loaded.scope, source.view))
		for (const host of hostsOfVariables(loadDotEnv(source.view.readText(file))))
			yield { kind: "host", value: host, at: { file }, files: [file] };
}

export function* repositoryAccess(source: Pick<AccessSource, "loaded" | "tests">): Generator<AccessItem> {
	for (const { repos } of workspacesOf(source))
		for (const { repo, local, repoAt, at } of repos) {
			for (const variable of source.loaded.variables)
				if (isPlaceBelow(variable.at, at)) yield* variableItem(variable, []);
			if (local) continue;
			const { host, port } = parseGitUrl(expandRepoShorthand(repo) ?? repo);
			if (host) yield { kind: "host", value: port ? `${host}:${port}` : host, at: repoAt, files: [repoAt.file] };
		}
}

function* outsideFiles(source: AccessSource): Generator<AccessItem> {
	const { loaded, scope, targets, tests, view } = source;
	const { files } = collectReferences({ ...loaded, tests }, targets, view);
	for (const reference of files)
		if (isForRun(reference))
			yield* outside(reference.resolved, { ...reference, kind: referenceNoun(reference) }, source);
	for (const workspace of workspacesOf(source))
		for (const repo of workspace.repos) yield* outsideRepository(repo, source);
	for (const file of dotEnvFiles(loaded.scope, view))
		yield* outside(file, { raw: file, kind: ".env file", at: { file } }, source);
	for (const file of scope.files) yield* outside(file, { raw: file, kind: "targets file", at: { file } }, source);
}

/** Programs belong to the machine, and repositories are handled separately. */
function isForRun(reference: Reference): boolean {
	const { kind, state, onDisk, word, found, resolved } = reference;
	if (kind === "repository" || state === "opaque" || state === "run-time" || onDisk === "missing") return false;
	if (word === undefined) return true;
	return !isSystemPath(reference) && !(found === "absolute" && isProgram(reference) && isExecutable(resolved));
}

function isProgram({ word, command }: Reference): boolean {
	if (word === undefined || command === undefined || word.index > 1) return false;
	if (word.index === 0) return true;
	const parsed = parseAsRun(command);
	return parsed.kind === "argv" && /^(\/usr\/bin\/|\/bin\/)?env$/.test(parsed.words[0]?.text ?? "");
}

function* outsideRepository({ local, repo, repoAt: at }: WorkspaceRepo, source: AccessSource): Generator<AccessItem> {
	const { env, loaded, view } = source;
	const text = local && { ...local, raw: expandHome(local.raw, env) };
	const path = text ? resolvePath(text, loaded.scope, view).path : fileUrlPath(repo);
	if (path !== undefined && view.kind(path) !== "missing")
		yield* outside(path, { raw: repo, kind: "repository", at }, source);
}

function* outside(
	path: string,
	{ raw, kind, at }: NamedPath,
	{ loaded: { scope } }: AccessSource,
): Generator<AccessItem> {
	if (scope.reach?.ownFiles.includes(at.file)) return;
	const real = pathOutside(path, scope);
	if (real === undefined) return;
	const refused = outOfReach(path, { raw, kind, at }, scope);
	yield { kind: "file", value: real, at, files: [at.file], ...(refused ? { refused } : {}) };
}
