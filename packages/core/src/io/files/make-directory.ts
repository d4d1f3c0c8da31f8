import { dirname } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { fileError } from "./file-error.ts";
import { makeDirectories } from "./make-directories.ts";
import { pathKind, targetKind } from "./stat-path.ts";

/**
 * Creates a directory and its parents; an existing one is fine. `mode` applies to created
 * directories.
 * @throws AgentvError `config`, `not-found`
 */
export function makeDirectory(path: string, options: { readonly mode?: number } = {}): void {
	try {
		makeDirectories(path, options.mode);
	} catch (error) {
		const other = standingInTheWay(path);
		if (other !== undefined) throw new AgentvError("config", `${other} is not a directory`, { cause: error });
		throw fileError(path, error);
	}
}

function standingInTheWay(path: string): string | undefined {
	for (let at = path; ; at = dirname(at)) {
		if (pathKind(at) !== "missing") return targetKind(at) === "directory" ? undefined : at;
		if (dirname(at) === at) return undefined;
	}
}
