import { resolve } from "node:path";
import { directoryEntries, expandHome, isEvalName, readRegistry, targetKind } from "@agentv/core";
import type { CompletionRequest } from "../asked.ts";
import type { Candidate } from "../candidate.ts";

/** Lists eval files and directories; with `--benchmark`, those of the benchmark. */
export function evalPaths(request: CompletionRequest): Candidate[] {
	const named = paths(request, evalsBase(request), isEvalName);
	// Any file can be an eval, regardless of its name.
	const isFound = named.some(({ text, isOpen }) => !isOpen && text.startsWith(request.typed));
	return isFound ? named : paths(request, evalsBase(request), (name) => /\.(ya?ml|jsonl)$/i.test(name));
}

export function filePaths(request: CompletionRequest): Candidate[] {
	return paths(request, request.cwd, () => true);
}

export function directoryPaths(request: CompletionRequest): Candidate[] {
	return paths(request, request.cwd, () => false);
}

/** Returns the directory that eval paths are relative to. */
export function evalsBase({ position, env, cwd }: CompletionRequest): string {
	const [id] = position.optionValues.get("benchmark") ?? [];
	const entry = id === undefined ? undefined : readRegistry(env).entries.find((one) => one.id === id);
	return entry?.path ?? cwd;
}

/** Lists the directories under the typed path and the files that `wanted` accepts; hidden ones once a dot is typed. */
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
