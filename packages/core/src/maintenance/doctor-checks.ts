import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { findEvals, isBundle } from "../eval/discover-evals.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import { evalEnvironment, loadEval } from "../eval/load-eval.ts";
import { loadTargets, type TargetScope, targetCache } from "../eval/load-targets.ts";
import { readRegistry, type SourceAccess } from "../eval/registry.ts";
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
import { type DiskView, openDiskView, type PlacedVariable, type Source } from "../eval/source.ts";
import { accessOf, newAccess, shownSubject, TrustSubjects } from "../eval/trust.ts";
import { collectReferences } from "../eval/visit.ts";
import { AgentvError, hasErrors } from "../lib/errors.ts";
import { mapPool } from "../lib/pool.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import { plural } from "../lib/text.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, realPath, throwIfAborted } from "../machine/files.ts";
import { listRemoteRefs } from "../machine/git.ts";
import { reachServer } from "../machine/http.ts";
import { findExecutable, runProcess } from "../machine/run-process.ts";
import type { TargetProblem } from "../targets/contract.ts";
import { providers, vendorKeys } from "../targets/providers/index.ts";

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

/** Never contains secrets, but may contain unsafe names from files. */
export interface DoctorItem {
	readonly group: DoctorGroup;
	readonly name: string;
	/** With `note` something is worth knowing; with `warning` it works, but not as intended. */
	readonly state: "ok" | "note" | "warning" | "problem";
	/** Without a full stop. */
	readonly says: string;
	readonly action: string | null;
	/** Evals, relative to the current directory. */
	readonly neededBy: readonly string[];
}

export function itemsOf(group: DoctorGroup) {
	return (
		name: string,
		state: DoctorItem["state"],
		says: string,
		{ action = null, neededBy = [] }: { action?: string | null; neededBy?: readonly string[] } = {},
	): DoctorItem => ({ group, name, state, says, action, neededBy });
}

interface ExaminedEval {
	/** Relative to the current directory. */
	readonly label: string;
	readonly loaded: LoadedEval;
	readonly env: Environment;
	readonly scope: TargetScope;
	/** Excludes graders that no test needs. */
	readonly uses: readonly TargetUse[];
	/** Only those that can be resolved. */
	readonly targets: readonly ResolvedTarget[];
	readonly sources: ReadonlyMap<string, Source>;
}

interface ExaminedEvals {
	readonly evals: readonly ExaminedEval[];
	/** Whether the limit of evals was reached. */
	readonly isCut: boolean;
	readonly view: DiskView;
}

export interface ExamineOptions {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	/** Absolute eval files; default: those below the current directory. */
	readonly evals?: readonly string[] | undefined;
	readonly targets?: readonly string[] | undefined;
	readonly targetsFile?: string | undefined;
	readonly signal?: AbortSignal | undefined;
}

const maxDirectories = 5000;
const maxEvals = 500;

/** Runs nothing. @throws AgentvError `interrupted`, `not-found` */
export async function examineEvals(options: ExamineOptions): Promise<ExaminedEvals> {
	const { env, cwd, signal, targetsFile } = options;
	const view = openDiskView();
	const { files, isCut } = options.evals ? { files: options.evals, isCut: false } : await evalsBelow(cwd, view, signal);
	const cache = targetCache();
	const evals: ExaminedEval[] = [];
	for (const file of files.slice(0, maxEvals)) {
		await new Promise((done) => setImmediate(done));
		throwIfAborted(signal, "checking evals");
		const loaded = loadEval(file, { view, env, cwd });
		const own = evalEnvironment(loaded.scope, env, view);
		const scopeOptions = targetsFile === undefined ? {} : { targetsFile };
		const scope = loadTargets(loaded.scope, { view, env: own, cache, ...scopeOptions });
		const all = usedTargets(loaded, scope, options.targets);
		const uses = all.filter(({ role, implied }) => role !== "grader" || !implied);
		const sources = new Map([...scope.sources, ...loaded.sources]);
		const label = isInside(cwd, file) ? relative(cwd, file).split(sep).join("/") : file;
		evals.push({ label, loaded, env: own, scope, uses, targets: resolvedTargets(uses), sources });
	}
	return { evals, isCut: isCut || files.length > maxEvals, view };
}

async function evalsBelow(cwd: string, view: DiskView, signal: AbortSignal | undefined) {
	const discovered = await findEvals(cwd, { maxDirectories, signal });
	const all = discovered.files.map((file) => resolve(cwd, file));
	// A bundle is one eval, independent of its template.
	const bundles = all.map((file) => dirname(file)).filter((directory) => isBundle(directory, view));
	const isInner = (file: string) =>
		bundles.some((bundle) => file.startsWith(`${bundle}${sep}`) && file !== resolve(bundle, "eval.yaml"));
	return { files: all.filter((file) => !isInner(file)), isCut: discovered.cut };
}

export function checkEvals({ evals, isCut }: ExaminedEvals): DoctorItem[] {
	const item = itemsOf("evals");
	if (evals.length === 0) {
		const action = "specify evals, or create a first one with `agentv init`";
		return [item("found", "note", "none below the current directory", { action })];
	}
	const tests = evals.reduce((sum, { loaded }) => sum + loaded.tests.length, 0);
	const items = [item("found", "ok", `${evals.length} with ${plural(tests, "test")}`)];
	for (const { label, loaded } of evals) {
		if (!hasErrors(loaded.diagnostics)) continue;
		const says = `has errors, so it may need more: ${loaded.diagnostics[0]?.message ?? ""}`;
		items.push(item(label, "warning", says, { action: `agentv eval validate ${label}` }));
	}
	if (isCut) items.push(item("more", "note", "there are more: specify which ones"));
	return items;
}

const atOnce = 4;

export async function checkPrograms({ evals, view }: ExaminedEvals, search: ProgramSearch): Promise<DoctorItem[]> {
	const item = itemsOf("programs");
	const needed = new Map<string, string[]>();
	for (const { label, loaded, targets } of evals)
		for (const name of neededPrograms(collectReferences(loaded, targets, view), targets))
			if (isAbsolute(name) || !name.includes("/")) needed.set(name, [...(needed.get(name) ?? []), label]);
	const sorted = [...needed].sort(([a], [b]) => (a < b ? -1 : 1));
	return mapPool(sorted, { concurrency: atOnce }, async ([name, neededBy]) => {
		const isRunner = name === typeScriptRunners;
		const program =
			(await findProgram(isRunner ? "bun" : name, search)) ?? (isRunner && (await findProgram("tsx", search)));
		if (program) return item(name, "ok", [program.version, program.path].filter(Boolean).join("  "), { neededBy });
		return isAbsolute(name)
			? item(name, "problem", "is not an executable file", { action: "make it executable (chmod +x)", neededBy })
			: item(name, "problem", "not found", { action: `install ${name}, or fix PATH`, neededBy });
	});
}

const worst = ["set", "default", "unset"] as const;

interface Named {
	state: PlacedVariable["state"];
	isEmpty: boolean;
	readonly evals: ExaminedEval[];
}

/** Reports whether variables are set, never their values. */
export function checkVariables({ evals, view }: ExaminedEvals, cwd: string): DoctorItem[] {
	const all = new Map<string, Named>();
	for (const examined of evals) {
		const { loaded, scope, targets } = examined;
		for (const { name, state, isEmpty = false } of [...evalVariables(loaded), ...targetVariables(targets, scope)]) {
			const known = all.get(name) ?? { state, isEmpty: false, evals: [] };
			known.isEmpty ||= isEmpty;
			if (worst.indexOf(state) > worst.indexOf(known.state)) known.state = state;
			if (known.evals.at(-1) !== examined) known.evals.push(examined);
			all.set(name, known);
		}
	}
	const item = itemsOf("variables");
	const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1));
	return sorted.map(([name, { state, isEmpty, evals: users }]) => {
		const neededBy = users.map(({ label }) => label);
		if (state === "default") return item(name, "ok", "not set, has a default", { neededBy });
		if (state === "set" && !isEmpty) return item(name, "ok", "set", { neededBy });
		const isSecret = state === "set" && isSecretName(name);
		const action = isSecret
			? `set it, or write \${{ ${name}:-}} if it may be empty`
			: actionFor(name, dirname(users[0]?.loaded.file ?? cwd), view, cwd);
		if (state === "unset") return item(name, "problem", "not set", { action, neededBy });
		return item(name, isSecret ? "problem" : "warning", "set, but empty", { action, neededBy });
	});
}

function actionFor(name: string, directory: string, view: DiskView, cwd: string): string {
	const shown = (file: string) => relative(cwd, join(directory, file)) || file;
	const isDescribed = view.kind(join(directory, ".env.example")) === "file";
	if (isDescribed && view.kind(join(directory, ".env")) === "missing")
		return `set it, or copy ${shown(".env.example")} to ${shown(".env")} and fill it in`;
	return `set it, or add ${name}=… to ${shown(".env")}`;
}

/** Doesn't contact targets or run their commands. */
export async function checkTargets({ evals, view }: ExaminedEvals): Promise<DoctorItem[]> {
	const seen = new Map<string, { use: TargetUse; examined: ExaminedEval; neededBy: Set<string> }>();
	for (const examined of evals)
		for (const use of examined.uses) {
			const known = seen.get(keyOf(use, examined)) ?? { use, examined, neededBy: new Set() };
			seen.set(keyOf(use, examined), known);
			known.neededBy.add(examined.label);
		}
	// Evals can have separate files with the same target.
	const once = new Map<string, DoctorItem>();
	const items = await Promise.all(
		[...seen.values()].map(({ use, examined, neededBy }) => usedItem(use, examined, [...neededBy], view)),
	);
	for (const item of items) {
		const key = [item.name, item.state, item.says, item.action].join("\0");
		once.set(key, { ...item, neededBy: [...(once.get(key)?.neededBy ?? []), ...item.neededBy] });
	}
	return [...once.values(), ...unusedItems(evals, new Set(items.map(({ name }) => name)))];
}

/** A name can have several meanings, depending on an eval's target files. */
function keyOf({ choice, resolution }: TargetUse, { loaded }: ExaminedEval): string {
	const via = resolution.ok ? resolution.target.via : resolution.via;
	const inline = "inline" in choice ? `${loaded.file} ${JSON.stringify(choice.at)}` : "";
	return [choice.name, via[0]?.definition.file ?? loaded.file, inline].join("\0");
}

const target = itemsOf("targets");

async function usedItem(
	{ choice: { name }, resolution }: TargetUse,
	examined: ExaminedEval,
	neededBy: readonly string[],
	view: DiskView,
): Promise<DoctorItem> {
	const usual = "fix it in its targets file";
	if (!resolution.ok) {
		const diagnostic = resolution.diagnostics.find(({ severity }) => severity === "error") ?? resolution.diagnostics[0];
		return target(name, "problem", diagnostic?.message ?? "can't be used", {
			action: diagnostic?.hint ?? usual,
			neededBy,
		});
	}
	const [empty] = emptyCredentials(resolution.target, examined);
	const problem = empty ?? (await problemOf(resolution.target, examined, view));
	const says = describe(resolution.target, examined);
	if (!problem) return target(name, "ok", says, { neededBy });
	return target(name, "problem", `${says}: ${problem.message}`, { action: problem.hint ?? usual, neededBy });
}

async function problemOf(
	resolved: ResolvedTarget,
	{ env, loaded }: ExaminedEval,
	view: DiskView,
): Promise<TargetProblem | undefined> {
	const services = { env, scope: loaded.scope, view };
	const runCommand = commandRunner(services);
	// A health check is an arbitrary program or address, so only a run does it.
	const quiet = { ...resolved, healthcheck: undefined, settings: { ...resolved.settings, healthcheck: undefined } };
	return providers[resolved.provider]
		.create(quiet, { ...services, runCommand, vendorKeys })
		.check(AbortSignal.timeout(5000));
}

/** Keys appear by name only. */
function describe(resolved: ResolvedTarget, examined: ExaminedEval): string {
	const { provider, wire } = resolved;
	const { host, keys } = targetDestination(resolved, examined, examined.env);
	const model = typeof wire["model"] === "string" ? ` ${wire["model"]}` : "";
	const where = host === undefined ? "" : ` at ${host}`;
	const set = keys.map((key) => `${key.name} ${key.set ? "set" : "not set"}`);
	return [`${provider}${model}${where}`, ...set].join(", ");
}

function unusedItems(evals: readonly ExaminedEval[], used: ReadonlySet<string>): DoctorItem[] {
	const items = new Map<string, DoctorItem>();
	for (const examined of evals)
		for (const name of examined.scope.names) {
			if (used.has(name) || items.has(name)) continue;
			const resolution = resolveTarget({ name, at: { file: examined.loaded.file } }, examined.scope);
			const what = resolution.ok ? describe(resolution.target, examined) : "incomplete";
			items.set(name, target(name, "note", `${what}; no eval here uses it`));
		}
	return [...items.values()];
}

const maxRemoteChecks = 4;
const online = itemsOf("online");

interface OnlineOptions {
	readonly env: Environment;
	/** Per request. */
	readonly timeoutMs: number;
	readonly signal?: AbortSignal | undefined;
}

/** Contacts remotes like a sync, and servers of used targets without a key. */
export async function checkOnline({ evals, view }: ExaminedEvals, options: OnlineOptions): Promise<DoctorItem[]> {
	const { env } = options;
	const { servers, left } = serversOf(evals, { env, view, subjects: new TrustSubjects(env, view) });
	const checks = [
		...remoteChecks(options),
		...[...servers].map(
			([origin, neededBy]) =>
				() =>
					checkServer(origin, [...neededBy], options),
		),
	];
	return [...left, ...(await mapPool(checks, { concurrency: maxRemoteChecks }, (check) => check()))];
}

function remoteChecks(options: OnlineOptions): (() => Promise<DoctorItem>)[] {
	try {
		const { entries } = readRegistry(options.env);
		return entries.flatMap(({ id, access, problem }) =>
			access && problem === undefined ? [() => checkRemote(id, access, options)] : [],
		);
	} catch (error) {
		// An unreadable registry was already reported.
		if (error instanceof AgentvError) return [];
		throw error;
	}
}

async function checkRemote(id: string, access: SourceAccess, options: OnlineOptions): Promise<DoctorItem> {
	const { url, credentials } = access;
	try {
		await listRemoteRefs("/", url, ["HEAD"], { ...options, credentials });
		return online(id, "ok", "its remote responds");
	} catch (error) {
		if (!(error instanceof AgentvError) || error.code === "interrupted") throw error;
		return online(id, "problem", error.message, {
			action: error.hint ?? `\`agentv benchmark status ${id}\` shows details`,
		});
	}
}

/** Skips hosts that need consent, since a host name can contain a secret. */
function serversOf(evals: ExaminedEvals["evals"], machine: Parameters<typeof newAccess>[1]) {
	const servers = new Map<string, Set<string>>();
	const left: DoctorItem[] = [];
	for (const examined of evals)
		for (const used of examined.targets) {
			const { label, loaded, scope, env } = examined;
			const { host } = targetDestination(used, examined, env);
			const address = used.wire["base_url"] ?? used.wire["endpoint"] ?? `https://${host}`;
			if (host === undefined || typeof address !== "string" || !/^https?:\/\//i.test(address)) continue;
			const { origin } = new URL(address);
			const access = accessOf({ loaded, scope, targets: [used], tests: [], env, view: machine.view });
			const needed = newAccess(access, machine).find(
				({ item }) => item.kind === "host" && item.value === host.toLowerCase(),
			);
			if (needed) {
				const says = `not contacted: you have not allowed ${shownSubject(needed.subject)} to contact its host`;
				left.push(online(used.name, "note", says, { neededBy: [label] }));
			} else servers.set(origin, (servers.get(origin) ?? new Set()).add(label));
		}
	return { servers, left };
}

async function checkServer(origin: string, neededBy: readonly string[], options: OnlineOptions): Promise<DoctorItem> {
	const reach = await reachServer(new URL(origin), options.timeoutMs, options.signal);
	if (reach.ok) return online(origin, "ok", "answers", { neededBy });
	return online(origin, "problem", reach.reason, {
		action: "check the network and the target's `base_url`",
		neededBy,
	});
}

/** Run with `--version`; all others are only searched for. */
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
	/** Programs inside these directories are not run. */
	readonly projects: readonly string[];
	readonly signal?: AbortSignal | undefined;
}

/** Never runs a program from a relative PATH entry or inside a project, which is being checked. */
export async function findProgram(name: string, search: ProgramSearch): Promise<FoundProgram | undefined> {
	const { env, cwd, projects, signal } = search;
	const path = findExecutable(name, env, cwd);
	if (path === undefined) return undefined;
	const isOfProject = [cwd, ...projects].some((project) => isInside(realPath(project), realPath(path)));
	if (!wellKnown.has(name) || isOfProject || !isAbsolute(path)) return { path };
	const { exitCode, stdout, stderr } = await runProcess({
		argv: [path, "--version"],
		cwd: "/",
		// The program needs no keys for that.
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
