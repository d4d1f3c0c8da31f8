import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { findEvals, isBundle } from "../eval/discover-evals.ts";
import type { LoadedEval } from "../eval/eval-types.ts";
import { evalEnvironment, loadEval } from "../eval/load-eval.ts";
import { loadTargets, type TargetScope, targetCache } from "../eval/load-targets.ts";
import { collectReferences } from "../eval/references.ts";
import { evalVariables, targetVariables } from "../eval/resolve-command.ts";
import { resolvedTargets, type TargetUse, usedTargets } from "../eval/resolve-target.ts";
import { neededPrograms, typeScriptRunners } from "../eval/script-closure.ts";
import { type DiskView, openDiskView, type PlacedVariable } from "../eval/source.ts";
import { hasErrors } from "../lib/errors.ts";
import { mapPool } from "../lib/pool.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import type { Environment } from "../machine/environment.ts";
import { throwIfAborted } from "../machine/files.ts";
import { type DoctorItem, type FoundProgram, findProgram, type ProgramSearch } from "./doctor-item.ts";

/** Which evals the rest is about. */
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

/** The programs that evals' commands, graders, extensions and targets run: looked for, and but for well-known ones never run. */
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

/** The variables that evals and their targets name: whether each is set, never what to. */
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

/** An eval, and what it can see. */
export interface ExaminedEval {
	/** Its path as seen from the current directory. */
	readonly label: string;
	readonly loaded: LoadedEval;
	readonly env: Environment;
	readonly scope: TargetScope;
	readonly uses: readonly TargetUse[];
	/** It has faults: there may be more that it needs. */
	readonly isBroken: boolean;
}

export interface ExaminedEvals {
	readonly evals: readonly ExaminedEval[];
	/** There are more than were looked at. */
	readonly isCut: boolean;
	readonly view: DiskView;
}

export interface ExamineOptions {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	/** Absolute eval files; default: those below the current directory. */
	readonly evals?: readonly string[] | undefined;
	/** Targets that stand in for the evals' own. */
	readonly targets?: readonly string[] | undefined;
	readonly targetsFile?: string | undefined;
	readonly signal?: AbortSignal | undefined;
}

const mostDirectories = 5000;
const mostEvals = 500;

/** Loads the evals that are asked about. Runs nothing. @throws AgentvError `interrupted`, `not-found` */
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
	// A bundle is one eval, whatever lies in its template.
	const bundles = all.map((file) => dirname(file)).filter((directory) => isBundle(directory, view));
	const isInner = (file: string) =>
		bundles.some((bundle) => file.startsWith(`${bundle}${sep}`) && file !== resolve(bundle, "eval.yaml"));
	return { files: all.filter((file) => !isInner(file)), isCut: found.cut };
}

function labelOf(file: string, cwd: string): string {
	const way = relative(cwd, file);
	return way === "" || way.startsWith("..") ? file : way.split(sep).join("/");
}
