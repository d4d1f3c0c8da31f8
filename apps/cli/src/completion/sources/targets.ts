import { dirname, resolve } from "node:path";
import {
	type DiskView,
	evalEnvironment,
	expandHome,
	findFiles,
	findScope,
	loadTargets,
	openDiskView,
	targetKind,
} from "@agentv/core";
import type { CompletionRequest } from "../asked.ts";
import type { Candidate } from "../candidate.ts";
import { namedEvals } from "./named-evals.ts";

/** Keeps completion fast. */
const mostDirectories = 300;
const mostScopes = 20;

/** Lists the targets available to the named evals, or those in and under the current directory if none is named. */
export async function targetNames(request: CompletionRequest): Promise<Candidate[]> {
	const view = openDiskView();
	const named = namedEvals(request).map((path) => (targetKind(path) === "file" ? dirname(path) : path));
	const directories = named.length > 0 ? named : [request.cwd, ...(await directoriesWithTargets(request.cwd))];
	const names = directories.slice(0, mostScopes).flatMap((directory) => namesFor(directory, request, view));
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
	const found = await findFiles(cwd, (name) => /^targets\.ya?ml$/.test(name), { maxDirectories: mostDirectories });
	return found.files.map((file) => dirname(resolve(cwd, file)));
}
