import type { Diagnostic, Place } from "../lib/errors.ts";
import { expandRepoShorthand, fileUrlPath, parseGitUrl } from "../lib/git-url.ts";
import { type Environment, expandHome, loadDotEnv } from "../machine/environment.ts";
import { isExecutable } from "../machine/files.ts";
import { parseAsRun } from "./command.ts";
import { type LoadedEval, suitesOf, type TestCase, type Workspace, type WorkspaceRepo } from "./eval-types.ts";
import { dotEnvFiles, ownVariables } from "./load-eval.ts";
import type { TargetScope } from "./load-targets.ts";
import { type NamedPath, outOfReach, pathOutside, referenceNoun, resolvePath } from "./read-shape.ts";
import { collectReferences, isSystemPath, type Reference } from "./references.ts";
import { isPlaceBelow, targetVariables } from "./resolve-command.ts";
import { type ResolvedTarget, targetDestination, variablesAt } from "./resolve-target.ts";
import { child, type DiskView, type PlacedVariable } from "./source.ts";

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

export interface AccessSource {
	readonly loaded: LoadedEval;
	readonly scope: TargetScope;
	/** Including those that grade. */
	readonly targets: readonly ResolvedTarget[];
	readonly tests: readonly TestCase[];
	/** The eval's environment. */
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

/** Lists all defining files: one file's key must not go to another's address unnoticed. */
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
		const key = ["base_url", "endpoint", "provider"].find((one) => target.origin.has(one)) ?? "provider";
		const layer = target.origin.get(key);
		const at = layer ? child(layer.part, key).at : target.at;
		for (const { name } of keys) yield* variableItem({ name, at }, files);
		if (host !== undefined) yield { kind: "host", value: host.toLowerCase(), at, files: reached };
		for (const [setting, { part }] of target.origin)
			if (!textKeys.has(setting))
				for (const one of setting === "env" ? hostsOfVariables(target.wire[setting]) : hostsIn(target.wire[setting]))
					yield { kind: "host", value: one, at: child(part, setting).at, files: reached };
	}
}

/** Settings with text for or from a model: addresses in them are not contacted. */
const textKeys: ReadonlySet<string> = new Set(["system_prompt", "response", "responses", "name"]);

/** Returns the files that define a target; one that only selects it doesn't count. */
function filesOf({ via, origin }: ResolvedTarget): string[] {
	const layers = [...origin.values()].map(({ part }) => part.at.file);
	return [...new Set([...via.map(({ definition }) => definition.file), ...layers])];
}

/** Yields the hosts of all addresses in a setting, such as `env` or an argument. */
function* hostsIn(value: unknown): Generator<string> {
	if (typeof value === "string") {
		// URL parsers accept any number of slashes after the scheme, and tabs and line breaks anywhere.
		const texts = new Set([value, value.replace(/[\t\r\n]/g, "")]);
		for (const text of texts)
			for (const [address] of text.matchAll(/(?:(?:https?|wss?):|socks[45]h?:\/\/)[^\s"'`<>]+/gi))
				if (URL.canParse(address)) yield new URL(address).host.toLowerCase();
	} else if (typeof value === "object" && value !== null) for (const one of Object.values(value)) yield* hostsIn(one);
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

/** Yields hosts from the environment of programs: the workspace's, and `.env` files. */
function* environmentHosts(source: AccessSource): Generator<AccessItem> {
	for (const { env, at } of workspacesOf(source))
		for (const host of hostsOfVariables(env)) yield { kind: "host", value: host, at, files: [at.file] };
	for (const file of dotEnvFiles(source.loaded.scope, source.view))
		for (const host of hostsOfVariables(loadDotEnv(source.view.readText(file))))
			yield { kind: "host", value: host, at: { file }, files: [file] };
}

/** Yields what fetching an eval's repositories reads and contacts. */
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

/** Returns whether it is the first word of its command, or the one that `env` starts. */
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
