import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { accessOf } from "../eval/access.ts";
import { findEvals, isBundle } from "../eval/discover-evals.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import { evalEnvironment, loadEval } from "../eval/load-eval.ts";
import { loadTargets, type TargetScope, targetCache } from "../eval/load-targets.ts";
import { collectReferences } from "../eval/references.ts";
import { type RegistryEntry, readRegistry, type SourceAccess } from "../eval/registry.ts";
import { commandRunner, emptyCredentials, evalVariables, targetVariables } from "../eval/resolve-command.ts";
import {
	type ResolvedTarget,
	resolvedTargets,
	resolveTarget,
	type TargetUse,
	targetDestination,
	usedTargets,
} from "../eval/resolve-target.ts";
import { neededPrograms, typeScriptRunners } from "../eval/script-closure.ts";
import { type DiskView, openDiskView, type PlacedVariable } from "../eval/source.ts";
import { newAccess, shownSubject, TrustSubjects } from "../eval/trust.ts";
import { AgentvError, hasErrors } from "../lib/errors.ts";
import { mapPool } from "../lib/pool.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, realPath, throwIfAborted } from "../machine/files.ts";
import { listRemoteRefs } from "../machine/git.ts";
import { reachServer } from "../machine/http.ts";
import { findExecutable, runProcess } from "../machine/run-process.ts";
import type { TargetProblem } from "../targets/contract.ts";
import { providers, vendorKeys } from "../targets/providers/index.ts";

/** Reports the examined evals. */
export function checkEvals({ evals, isCut }: ExaminedEvals): DoctorItem[] {
	const shared = { group: "evals" } as const;
	if (evals.length === 0) {
		const action = "specify evals, or create a first one with `agentv init`";
		return [{ ...shared, name: "found", state: "note", says: "none below the current directory", action }];
	}
	const tests = evals.reduce((sum, { loaded }) => sum + loaded.tests.length, 0);
	const says = `${evals.length} with ${tests} ${tests === 1 ? "test" : "tests"}`;
	const broken = evals
		.filter(({ isBroken }) => isBroken)
		.map(
			({ label, loaded }): DoctorItem => ({
				...shared,
				name: label,
				state: "warning",
				says: `has errors, so it may need more: ${loaded.diagnostics[0]?.message ?? ""}`,
				action: `agentv eval validate ${label}`,
			}),
		);
	const cut = isCut
		? [{ ...shared, name: "more", state: "note", says: "there are more: specify which ones" } as const]
		: [];
	return [{ ...shared, name: "found", state: "ok", says }, ...broken, ...cut];
}

const atOnce = 4;

/** Searches the programs that evals need; only runs well-known ones. */
export async function checkPrograms({ evals, view }: ExaminedEvals, search: ProgramSearch): Promise<DoctorItem[]> {
	const needed = new Map<string, string[]>();
	for (const { label, loaded, uses } of evals) {
		const counted = uses.filter(({ role, implied }) => role !== "grader" || !implied);
		const targets = resolvedTargets(counted);
		for (const name of neededPrograms(collectReferences(loaded, targets, view), targets))
			if (isAbsolute(name) || !name.includes("/")) needed.set(name, [...(needed.get(name) ?? []), label]);
	}
	const names = [...needed.keys()].sort();
	return mapPool(names, { concurrency: atOnce }, async (name): Promise<DoctorItem> => {
		const neededBy = needed.get(name) ?? [];
		const found = await findOne(name, search);
		const shared = { group: "programs", name, neededBy } as const;
		if (found) return { ...shared, state: "ok", says: [found.version, found.path].filter(Boolean).join("  ") };
		if (isAbsolute(name))
			return {
				...shared,
				state: "problem",
				says: "is not an executable file",
				action: "make it executable (chmod +x)",
			};
		return { ...shared, state: "problem", says: "not found", action: `install ${name}, or fix PATH` };
	});
}

async function findOne(name: string, search: ProgramSearch): Promise<FoundProgram | undefined> {
	if (name !== typeScriptRunners) return findProgram(name, search);
	return (await findProgram("bun", search)) ?? findProgram("tsx", search);
}

const worst = ["set", "default", "unset"] as const;

interface Named {
	state: PlacedVariable["state"];
	isEmpty: boolean;
	readonly evals: ExaminedEval[];
}

/** Reports whether the variables of evals and their targets are set, never their values. */
export function checkVariables({ evals, view }: ExaminedEvals, cwd: string): DoctorItem[] {
	const all = new Map<string, Named>();
	for (const examined of evals) {
		const { loaded, scope, uses } = examined;
		const targets = resolvedTargets(uses.filter(({ role, implied }) => role !== "grader" || !implied));
		for (const { name, state, isEmpty = false } of [...evalVariables(loaded), ...targetVariables(targets, scope)]) {
			const known = all.get(name) ?? { state, isEmpty: false, evals: [] };
			known.isEmpty ||= isEmpty;
			if (worst.indexOf(state) > worst.indexOf(known.state)) known.state = state;
			if (known.evals.at(-1) !== examined) known.evals.push(examined);
			all.set(name, known);
		}
	}
	return [...all]
		.sort(([one], [other]) => (one < other ? -1 : 1))
		.map(([name, named]) => itemOf(name, named, view, cwd));
}

function itemOf(name: string, { state, isEmpty, evals }: Named, view: DiskView, cwd: string): DoctorItem {
	const shared = { group: "variables", name, neededBy: evals.map(({ label }) => label) } as const;
	if (state === "set" && isEmpty) {
		if (!isSecretName(name))
			return { ...shared, state: "warning", says: "set, but empty", action: actionFor(name, evals, view, cwd) };
		const action = `set it, or write \${{ ${name}:-}} if it may be empty`;
		return { ...shared, state: "problem", says: "set, but empty", action };
	}
	if (state === "set") return { ...shared, state: "ok", says: "set" };
	if (state === "default") return { ...shared, state: "ok", says: "not set, has a default" };
	return { ...shared, state: "problem", says: "not set", action: actionFor(name, evals, view, cwd) };
}

function actionFor(name: string, evals: readonly ExaminedEval[], view: DiskView, cwd: string): string {
	const directory = dirname(evals[0]?.loaded.file ?? cwd);
	const shown = (file: string) => relative(cwd, join(directory, file)) || file;
	const isDescribed = view.kind(join(directory, ".env.example")) === "file";
	if (isDescribed && view.kind(join(directory, ".env")) === "missing")
		return `set it, or copy ${shown(".env.example")} to ${shown(".env")} and fill it in`;
	return `set it, or add ${name}=… to ${shown(".env")}`;
}

interface ExaminedEval {
	/** Path relative to the current directory. */
	readonly label: string;
	readonly loaded: LoadedEval;
	readonly env: Environment;
	readonly scope: TargetScope;
	readonly uses: readonly TargetUse[];
	/** It has errors, so it may need more. */
	readonly isBroken: boolean;
}

interface ExaminedEvals {
	readonly evals: readonly ExaminedEval[];
	/** The limit of evals was reached. */
	readonly isCut: boolean;
	readonly view: DiskView;
}

export interface ExamineOptions {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	/** Absolute eval files; default: those below the current directory. */
	readonly evals?: readonly string[] | undefined;
	/** Targets that replace the evals' own. */
	readonly targets?: readonly string[] | undefined;
	readonly targetsFile?: string | undefined;
	readonly signal?: AbortSignal | undefined;
}

const mostDirectories = 5000;
const mostEvals = 500;

/** Loads the evals without running anything. @throws AgentvError `interrupted`, `not-found` */
export async function examineEvals(options: ExamineOptions): Promise<ExaminedEvals> {
	const { env, cwd, signal, targetsFile } = options;
	const view = openDiskView();
	const { files, isCut } = options.evals ? { files: options.evals, isCut: false } : await evalsBelow(cwd, view, signal);
	const cache = targetCache();
	const evals: ExaminedEval[] = [];
	for (const file of files.slice(0, mostEvals)) {
		await new Promise((done) => setImmediate(done));
		throwIfAborted(signal, "checking evals");
		const loaded = loadEval(file, { view, env, cwd });
		const own = evalEnvironment(loaded.scope, env, view);
		const given = targetsFile === undefined ? {} : { targetsFile };
		const scope = loadTargets(loaded.scope, { view, env: own, cache, ...given });
		evals.push({
			label: labelOf(file, cwd),
			loaded,
			env: own,
			scope,
			uses: usedTargets(loaded, scope, options.targets),
			isBroken: hasErrors(loaded.diagnostics),
		});
	}
	return { evals, isCut: isCut || files.length > mostEvals, view };
}

async function evalsBelow(cwd: string, view: DiskView, signal: AbortSignal | undefined) {
	const found = await findEvals(cwd, { maxDirectories: mostDirectories, signal });
	const all = found.files.map((file) => resolve(cwd, file));
	// A bundle is one eval, independent of its template.
	const bundles = all.map((file) => dirname(file)).filter((directory) => isBundle(directory, view));
	const isInner = (file: string) =>
		bundles.some((bundle) => file.startsWith(`${bundle}${sep}`) && file !== resolve(bundle, "eval.yaml"));
	return { files: all.filter((file) => !isInner(file)), isCut: found.cut };
}

function labelOf(file: string, cwd: string): string {
	const way = relative(cwd, file);
	return way === "" || way.startsWith("..") ? file : way.split(sep).join("/");
}

const maxRemoteChecks = 4;

export interface OnlineOptions {
	readonly env: Environment;
	/** Per request. */
	readonly timeoutMs: number;
	readonly signal?: AbortSignal | undefined;
}

/** Contacts remotes like a sync, and servers of used targets without a key. */
export async function checkOnline({ evals, view }: ExaminedEvals, options: OnlineOptions): Promise<DoctorItem[]> {
	const remotes = registered(options.env).flatMap(({ id, access }) =>
		access ? [() => remote(id, access, options)] : [],
	);
	const { servers, left } = serversOf(evals, {
		env: options.env,
		view,
		subjects: new TrustSubjects(options.env, view),
	});
	const asked = [...servers].map(
		([origin, neededBy]) =>
			() =>
				server(origin, [...neededBy], options),
	);
	return [...left, ...(await mapPool([...remotes, ...asked], { concurrency: maxRemoteChecks }, (ask) => ask()))];
}

/** An unreadable registry was already reported. */
function registered(env: Environment): RegistryEntry[] {
	try {
		return readRegistry(env).entries.filter(({ problem }) => problem === undefined);
	} catch (error) {
		if (error instanceof AgentvError) return [];
		throw error;
	}
}

async function remote(
	id: string,
	{ url, credentials }: SourceAccess,
	{ env, timeoutMs, signal }: OnlineOptions,
): Promise<DoctorItem> {
	const shared = { group: "online", name: id } as const;
	try {
		await listRemoteRefs("/", url, ["HEAD"], { env, signal, credentials, timeoutMs });
		return { ...shared, state: "ok", says: "its remote responds" };
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code === "interrupted") throw error;
		const action = error.hint ?? `\`agentv benchmark status ${id}\` shows details`;
		return { ...shared, state: "problem", says: error.message, action };
	}
}

/** Skips hosts that need consent, since a host name can contain a secret. */
function serversOf(evals: ExaminedEvals["evals"], machine: Parameters<typeof newAccess>[1]) {
	const servers = new Map<string, Set<string>>();
	const left: DoctorItem[] = [];
	for (const { label, loaded, scope, env, uses } of evals) {
		const sources = new Map([...scope.sources, ...loaded.sources]);
		const targets = resolvedTargets(uses.filter(({ role, implied }) => role !== "grader" || !implied));
		for (const target of targets) {
			const { host } = targetDestination(target, { sources }, env);
			const address = target.wire["base_url"] ?? target.wire["endpoint"] ?? `https://${host}`;
			if (host === undefined || typeof address !== "string" || !/^https?:\/\//i.test(address)) continue;
			const { origin } = new URL(address);
			const access = accessOf({ loaded, scope, targets: [target], tests: [], env, view: machine.view });
			const [found] = newAccess(access, machine).filter(
				({ item }) => item.kind === "host" && item.value === host.toLowerCase(),
			);
			if (found) {
				const says = `not contacted: you have not allowed ${shownSubject(found.subject)} to contact its host`;
				left.push({ group: "online", name: target.name, state: "note", says, neededBy: [label] });
				continue;
			}
			servers.set(origin, (servers.get(origin) ?? new Set()).add(label));
		}
	}
	return { servers, left };
}

async function server(
	origin: string,
	neededBy: readonly string[],
	{ timeoutMs, signal }: OnlineOptions,
): Promise<DoctorItem> {
	const reach = await reachServer(new URL(origin), timeoutMs, signal);
	const shared = { group: "online", name: origin, neededBy } as const;
	if (reach.ok) return { ...shared, state: "ok", says: "answers" };
	return { ...shared, state: "problem", says: reach.reason, action: "check the network and the target's `base_url`" };
}

interface Seen {
	readonly use: TargetUse;
	readonly examined: ExaminedEval;
	readonly neededBy: string[];
}

/** Contacts no target and runs none of their commands. */
export async function checkTargets({ evals, view }: ExaminedEvals): Promise<DoctorItem[]> {
	const seen = new Map<string, Seen>();
	for (const examined of evals)
		for (const use of examined.uses) {
			// An unneeded grader is like any other unused target.
			if (use.role === "grader" && use.implied) continue;
			const known = seen.get(keyOf(use, examined));
			if (!known) seen.set(keyOf(use, examined), { use, examined, neededBy: [examined.label] });
			else if (!known.neededBy.includes(examined.label)) known.neededBy.push(examined.label);
		}
	const used = await Promise.all([...seen.values()].map((one) => usedItem(one, view)));
	return [...alikeOnce(used), ...unusedItems(evals, new Set([...seen.values()].map(({ use }) => use.choice.name)))];
}

/** A name can have several meanings, depending on an eval's target files. */
function keyOf({ choice, resolution }: TargetUse, { loaded }: ExaminedEval): string {
	const via = resolution.ok ? resolution.target.via : resolution.via;
	const inline = "inline" in choice ? `${loaded.file} ${JSON.stringify(choice.at)}` : "";
	return [choice.name, via[0]?.definition.file ?? loaded.file, inline].join("\0");
}

/** Evals can have separate files with the same target. */
function alikeOnce(items: readonly DoctorItem[]): DoctorItem[] {
	const once = new Map<string, DoctorItem>();
	for (const item of items) {
		const key = [item.name, item.state, item.says, item.action].join("\0");
		const neededBy = [...(once.get(key)?.neededBy ?? []), ...(item.neededBy ?? [])];
		once.set(key, { ...item, neededBy });
	}
	return [...once.values()];
}

async function usedItem({ use, examined, neededBy }: Seen, view: ExaminedEvals["view"]): Promise<DoctorItem> {
	const { choice, resolution } = use;
	const shared = { group: "targets", name: choice.name, neededBy } as const;
	if (!resolution.ok) {
		const found = resolution.diagnostics.find(({ severity }) => severity === "error") ?? resolution.diagnostics[0];
		const says = found?.message ?? "can't be used";
		return { ...shared, state: "problem", says, action: found?.hint ?? "fix it in its targets file" };
	}
	const sources = new Map([...examined.scope.sources, ...examined.loaded.sources]);
	const [empty] = emptyCredentials(resolution.target, { sources });
	const problem = empty ?? (await problemOf(resolution.target, examined, view));
	if (!problem) return { ...shared, state: "ok", says: describe(resolution.target, examined) };
	const says = `${describe(resolution.target, examined)}: ${problem.message}`;
	return { ...shared, state: "problem", says, action: problem.hint ?? "fix it in its targets file" };
}

async function problemOf(
	target: ResolvedTarget,
	{ env, loaded }: ExaminedEval,
	view: ExaminedEvals["view"],
): Promise<TargetProblem | undefined> {
	const services = { env, scope: loaded.scope, view };
	const runCommand = commandRunner(services);
	// A health check is an arbitrary program or address: only a run does it.
	const quiet = { ...target, healthcheck: undefined, settings: { ...target.settings, healthcheck: undefined } };
	return providers[target.provider]
		.create(quiet, { ...services, runCommand, vendorKeys })
		.check(AbortSignal.timeout(5000));
}

/** Returns its provider and destination; keys by name. */
function describe(target: ResolvedTarget, { scope, loaded, env }: ExaminedEval): string {
	const sources = new Map([...scope.sources, ...loaded.sources]);
	const { host, keys } = targetDestination(target, { sources }, env);
	const model = target.wire["model"];
	const where = host === undefined ? "" : ` at ${host}`;
	const what = `${target.provider}${typeof model === "string" ? ` ${model}` : ""}${where}`;
	return [what, ...keys.map(({ name, set }) => `${name} ${set ? "set" : "not set"}`)].join(", ");
}

function unusedItems(evals: readonly ExaminedEval[], used: ReadonlySet<string>): DoctorItem[] {
	const items = new Map<string, DoctorItem>();
	for (const examined of evals)
		for (const name of examined.scope.names) {
			if (used.has(name) || items.has(name)) continue;
			const at = { file: examined.loaded.file };
			const resolution = resolveTarget({ name, at }, examined.scope);
			const what = resolution.ok ? describe(resolution.target, examined) : "incomplete";
			items.set(name, { group: "targets", name, state: "note", says: `${what}; no eval here uses it` });
		}
	return [...items.values()];
}

/** In display order. */
export const doctorGroups = [
	"machine",
	"home",
	"evals",
	"programs",
	"targets",
	"variables",
	"storage",
	"online",
] as const;
export type DoctorGroup = (typeof doctorGroups)[number];

/** `note`: worth knowing; `warning`: works, but not as intended. */
export type DoctorState = "ok" | "note" | "warning" | "problem";

/** Never contains secrets, but unsafe names from files. */
export interface DoctorItem {
	readonly group: DoctorGroup;
	readonly name: string;
	readonly state: DoctorState;
	/** Without a full stop. */
	readonly says: string;
	/** What to do next. */
	readonly action?: string;
	/** Evals that need it, relative to the current directory. */
	readonly neededBy?: readonly string[];
}

/** Programs that are run with `--version`. All others are only searched. */
const wellKnown: ReadonlySet<string> = new Set([
	...["git", "node", "python3", "bun", "tsx", "claude", "codex", "copilot", "pi"],
]);

const answerMs = 5000;

interface FoundProgram {
	/** Absolute. */
	readonly path: string;
	readonly version?: string;
}

export interface ProgramSearch {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	/** Directories whose own programs are not run. */
	readonly projects: readonly string[];
	readonly signal?: AbortSignal | undefined;
}

/**
 * Finds a program, and its version if it is well known. Doesn't run one from a relative PATH entry
 * or inside a project: checking a project must not run its programs.
 */
export async function findProgram(name: string, search: ProgramSearch): Promise<FoundProgram | undefined> {
	const { env, cwd, projects, signal } = search;
	const path = findExecutable(name, env, cwd);
	if (path === undefined) return undefined;
	const isOfProject = [cwd, ...projects].some((project) => isInside(realPath(project), realPath(path)));
	if (!wellKnown.has(name) || isOfProject || !isAbsolute(path)) return { path };
	const { exitCode, stdout, stderr } = await runProcess({
		argv: [path, "--version"],
		cwd: "/",
		// It needs no key for that.
		env: Object.fromEntries(Object.entries(env).filter(([key]) => !isSecretName(key))),
		timeoutMs: answerMs,
		killGraceMs: 500,
		leftovers: "end",
		maxBuffer: 4096,
		signal,
	});
	const version = exitCode === 0 ? /(?<!\d)\d+\.\d+[\w.+-]*/.exec(stdout || stderr)?.[0] : undefined;
	return { path, ...(version === undefined ? {} : { version }) };
}
