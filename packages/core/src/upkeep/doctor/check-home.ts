import { AgentvError } from "../../base/agentv-error.ts";
import { agentvHome, type Environment } from "../../io/environment.ts";
import { targetKind } from "../../io/files/stat-path.ts";
import { homeHint, homeProblem } from "../../io/refuse-unusable-home.ts";
import { type Registry, type RegistryEntry, readRegistry } from "../../model/registry.ts";
import type { DoctorItem } from "./doctor-item.ts";

/** `$AGENTV_HOME`, the registry and the benchmarks that it names, as they are on disk. */
export function checkHome(env: Environment): DoctorItem[] {
	return [home(agentvHome(env)), ...registry(env)];
}

function home(path: string): DoctorItem {
	const shared = { group: "home", name: "directory" } as const;
	const problem = homeProblem(path, { writes: true });
	if (problem !== undefined) return { ...shared, state: "problem", says: problem, action: homeHint };
	const isThere = targetKind(path) === "directory";
	return { ...shared, state: "ok", says: isThere ? path : `${path}, created when needed` };
}

function registry(env: Environment): DoctorItem[] {
	let read: Registry;
	try {
		read = readRegistry(env);
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		const first = error.diagnostics[0]?.message;
		const says = `${error.message}${first === undefined ? "" : `: ${first}`}`;
		return [{ group: "home", name: "registry", state: "problem", says, action: "`agentv benchmark list` shows where" }];
	}
	const { entries, diagnostics, document } = read;
	const says = entries.length === 1 ? "1 benchmark" : `${entries.length} benchmarks`;
	const found = diagnostics.map(({ message, hint, severity }): DoctorItem => {
		const state = severity === "error" ? "problem" : "warning";
		return { group: "home", name: "registry", state, says: message, action: hint ?? "fix the entry" };
	});
	const summary = { group: "home", name: "registry" } as const;
	if (!document)
		return [{ ...summary, state: "note", says: "no benchmarks yet", action: "`agentv benchmark add <url>` adds one" }];
	return [{ ...summary, state: "ok", says: `${says}  ${read.file}` }, ...found, ...entries.flatMap(benchmark)];
}

/** Only what is not there: how clones stand is for `benchmark status`. */
function benchmark({ id, path, source, problem }: RegistryEntry): DoctorItem[] {
	const kind = targetKind(path);
	if (problem !== undefined || kind === "directory") return [];
	const shared = { group: "home", name: id } as const;
	if (kind !== "missing")
		return [{ ...shared, state: "problem", says: `${path} is not a directory`, action: "fix its path" }];
	if (source) return [{ ...shared, state: "warning", says: "not cloned yet", action: `agentv benchmark sync ${id}` }];
	const action = `fix its path, or \`agentv benchmark remove ${id}\``;
	return [{ ...shared, state: "problem", says: `its directory ${path} is missing`, action }];
}
