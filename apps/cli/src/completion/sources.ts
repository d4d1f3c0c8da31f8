import { dirname, resolve } from "node:path";
import {
	type DiskView,
	directoryEntries,
	discoverEvals,
	evalEnvironment,
	expandHome,
	findFiles,
	findRuns,
	findScope,
	isEvalName,
	loadEval,
	loadTargets,
	openDiskView,
	readRegistry,
	ruleDocs,
	ruleLevels,
	targetKind,
} from "@agentv/core";
import { Argument, type Option } from "commander";
import type { Context } from "../context.ts";
import type { Position } from "./shell-line.ts";

export type Surroundings = Pick<Context, "env" | "cwd">;

export interface CompletionRequest extends Surroundings {
	readonly position: Position;
	readonly typed: string;
}

type ValueSource = (request: CompletionRequest) => readonly Candidate[] | Promise<readonly Candidate[]>;

export interface Candidate {
	/** Without quotes. */
	readonly text: string;
	readonly about?: string;
	/** Whether the word can continue, so that no space follows it. */
	readonly isOpen?: boolean;
}

/**
 * By the option's long name or the value's name in help. A test fails if an option or argument
 * without fixed choices is missing here.
 */
const sources: ReadonlyMap<string, ValueSource> = new Map([
	...named("--benchmark id ids", benchmarkIds),
	...named("--target --grader-target", targetNames),
	...named("--test", testIds),
	...named("--experiment", experimentNames),
	...named("--explain", ruleIds),
	...named("--rule", ruleSettings),
	...named("--eval eval evals", evalPaths),
	...named("run runs shard shards before after", runNames),
	...named("--include --allow-outside file", filePaths),
	...named("dir directory path path-or-git-url", directoryPaths),
	// Numbers and new names can't be completed.
	...named(
		"--id --name --ref --tag --exclude-tag --grader --allow-secret --host --signer --allow-host --token",
		() => [],
	),
	...named("--image --claim --secret age i/n n number score seconds usd", () => []),
]);

function named(names: string, source: ValueSource): [string, ValueSource][] {
	return names.split(" ").map((name) => [name, source]);
}

export function sourceOf(wanted: Option | Argument): ValueSource | undefined {
	if (wanted instanceof Argument) return sources.get(wanted.name());
	const placeholder = /[<[]([^.\]>]+)/.exec(wanted.flags)?.[1] ?? "";
	return sources.get(wanted.long ?? "") ?? sources.get(placeholder);
}

/** Omits those that the command line already names. */
function benchmarkIds({ env, position }: CompletionRequest): Candidate[] {
	return readRegistry(env)
		.entries.filter(({ id }) => !position.operands.includes(id))
		.map(({ id, name }) => ({ text: id, ...(name === id ? {} : { about: name }) }));
}

function namedEvals(request: CompletionRequest): readonly string[] {
	const base = evalsBase(request);
	return request.position.operands
		.map((word) => resolve(base, expandHome(word, request.env)))
		.filter((path) => ["file", "directory"].includes(targetKind(path)));
}

function evalPaths(request: CompletionRequest): Candidate[] {
	const named = paths(request, evalsBase(request), isEvalName);
	// Any file can be an eval, regardless of its name.
	const isFound = named.some(({ text, isOpen }) => !isOpen && text.startsWith(request.typed));
	return isFound ? named : paths(request, evalsBase(request), (name) => /\.(ya?ml|jsonl)$/i.test(name));
}

function filePaths(request: CompletionRequest): Candidate[] {
	return paths(request, request.cwd, () => true);
}

function directoryPaths(request: CompletionRequest): Candidate[] {
	return paths(request, request.cwd, () => false);
}

function evalsBase({ position, env, cwd }: CompletionRequest): string {
	const [id] = position.optionValues.get("benchmark") ?? [];
	const entry = id === undefined ? undefined : readRegistry(env).entries.find((candidate) => candidate.id === id);
	return entry?.path ?? cwd;
}

/** Lists hidden entries only once a dot is typed. */
function paths({ typed, env }: CompletionRequest, base: string, wanted: (name: string) => boolean): Candidate[] {
	const directory = typed.slice(0, typed.lastIndexOf("/") + 1);
	const begun = typed.slice(directory.length);
	// `~` needs a slash before it can be listed.
	if (typed === "~") return [{ text: "~/", isOpen: true }];
	const absolute = resolve(base, expandHome(directory, env));
	const entries = [...(directoryEntries(absolute) ?? [])];
	return entries.flatMap(([name, own]): Candidate[] => {
		if (!name.startsWith(begun) || (name.startsWith(".") && !begun.startsWith("."))) return [];
		const kind = own === "link" ? targetKind(resolve(absolute, name)) : own;
		if (kind === "directory") return [{ text: `${directory}${name}/`, isOpen: true }];
		return kind === "file" && wanted(name) ? [{ text: `${directory}${name}` }] : [];
	});
}

function ruleIds(): Candidate[] {
	return ruleDocs().map(({ id, summary }) => ({ text: id, about: summary }));
}

function ruleSettings({ typed }: CompletionRequest): Candidate[] {
	const equals = typed.indexOf("=");
	if (equals < 0) return ruleIds().map((rule) => ({ ...rule, text: `${rule.text}=`, isOpen: true }));
	return ruleLevels.map((level) => ({ text: `${typed.slice(0, equals + 1)}${level}` }));
}

/** Keeps completion fast. */
const maxRuns = 200;

function runNames(request: CompletionRequest): Candidate[] {
	const runs = findRuns(request).slice(0, maxRuns);
	const named = runs.map(({ id }) => ({ text: id }));
	const latest = runs[0] ? [{ text: "latest", about: runs[0].id }] : [];
	return [...latest, ...named, ...directoryPaths(request)];
}

function experimentNames(request: CompletionRequest): Candidate[] {
	return [...new Set(findRuns(request).map(({ experiment }) => experiment))].map((text) => ({ text }));
}

const maxDirectories = 300;
const maxScopes = 20;

/** Searches in and under the current directory if no evals are named. */
async function targetNames(request: CompletionRequest): Promise<Candidate[]> {
	const view = openDiskView();
	const named = namedEvals(request).map((path) => (targetKind(path) === "file" ? dirname(path) : path));
	const directories = named.length > 0 ? named : [request.cwd, ...(await directoriesWithTargets(request.cwd))];
	const names = directories.slice(0, maxScopes).flatMap((directory) => namesFor(directory, request, view));
	return [...new Set(names)].map((text) => ({ text }));
}

function namesFor(directory: string, { env, cwd, position }: CompletionRequest, view: DiskView): readonly string[] {
	const scope = findScope(directory, cwd, view);
	const [file] = position.optionValues.get("targets") ?? [];
	const targetsFile = file === undefined ? undefined : resolve(cwd, expandHome(file, env));
	return loadTargets(scope, {
		view,
		env: evalEnvironment(scope, env, view),
		...(targetsFile !== undefined && targetKind(targetsFile) === "file" ? { targetsFile } : {}),
	}).names;
}

async function directoriesWithTargets(cwd: string): Promise<string[]> {
	const targetFiles = await findFiles(cwd, (name) => /^targets\.ya?ml$/.test(name), { maxDirectories });
	return targetFiles.files.map((file) => dirname(resolve(cwd, file)));
}

const maxEvals = 20;

function testIds(request: CompletionRequest): Candidate[] {
	const view = openDiskView();
	const files = namedEvals(request).flatMap((path) => discoverEvals([path], request.cwd, view));
	return files
		.slice(0, maxEvals)
		.flatMap((file) =>
			loadEval(file, { view, env: request.env, cwd: request.cwd }).tests.map(({ id }) => ({ text: id })),
		);
}
