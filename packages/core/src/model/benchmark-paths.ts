import { isAbsolute, resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import { isInside } from "../io/files/path-inside.ts";
import { realPath } from "../io/files/stat-path.ts";
import { discoverEvals } from "./discover-evals.ts";
import type { DiskView } from "./disk-view.ts";
import { readRegistry } from "./registry.ts";
import { findEntry } from "./registry-edit.ts";

/** The eval files of `--benchmark <id> [glob…]`. */
export interface BenchmarkPaths {
	readonly id: string;
	/** Absolute directory of the benchmark. */
	readonly root: string;
	/** Absolute, sorted, all below `root`. */
	readonly files: readonly string[];
}

/**
 * Resolves `--benchmark <id> [glob…]`: files, directories, globs and `!pattern`s below that
 * benchmark's directory; by default every eval there.
 * @throws AgentvError `not-found` for an unknown id, a benchmark that is not cloned yet, or a glob
 * without matches; `usage` for a path outside the benchmark
 */
export function resolveBenchmarkPaths(
	id: string,
	globs: readonly string[],
	{ env, view }: { readonly env: Environment; readonly view: DiskView },
): BenchmarkPaths {
	const entry = findEntry(readRegistry(env), id);
	if (entry.problem !== undefined && !entry.source) throw new AgentvError("config", entry.problem);
	const root = entry.path;
	if (view.kind(root) !== "directory") {
		const hint = entry.source
			? `Clone it first: agentv benchmark sync ${id}.`
			: "Fix its path in the registry, or remove the entry.";
		throw new AgentvError("not-found", `the directory of benchmark ${id}, ${root}, does not exist`, { hint });
	}
	const wanted = globs.filter((glob) => !glob.startsWith("!"));
	for (const glob of globs) refuseOutside(glob.replace(/^!/, ""), root, id);
	const files = discoverEvals(wanted.length > 0 ? globs : [root, ...globs], root, view);
	const real = realPath(root);
	for (const file of files) {
		if (!isInside(real, realPath(file)))
			throw new AgentvError("usage", `${file} is a link to a target outside benchmark ${id}`);
	}
	return { id, root, files };
}

function refuseOutside(glob: string, root: string, id: string): void {
	if (!isAbsolute(glob) && !glob.split(/[\\/]/).includes("..")) return;
	if (isInside(root, resolve(root, glob))) return;
	throw new AgentvError("usage", `${glob} is outside benchmark ${id}`, {
		hint: `Paths after --benchmark are relative to ${root}.`,
	});
}

/** Returns the innermost benchmark that contains `file`. Unusable entries are skipped. */
export function benchmarkOfFile(
	file: string,
	env: Environment,
): { readonly id: string; readonly root: string; readonly isGitBacked: boolean } | undefined {
	const real = realPath(file);
	const holding = readRegistry(env).entries.flatMap((entry) => {
		const root = realPath(entry.path);
		return isInside(root, real) ? [{ id: entry.id, root, isGitBacked: entry.source !== undefined }] : [];
	});
	return holding.sort((a, b) => b.root.length - a.root.length)[0];
}
