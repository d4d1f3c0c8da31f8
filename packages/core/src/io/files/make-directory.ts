import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AgentvError } from "../../base/agentv-error.ts";
import { errnoCode, fileError } from "./file-error.ts";
import { pathKind, targetKind } from "./stat-path.ts";

/**
 * Makes a directory and its parents; one that exists is fine. `mode` holds for what is made.
 * @throws AgentvError `config`, `not-found`
 */
export function makeDirectory(path: string, options: { readonly mode?: number } = {}): void {
	try {
		mkdirSync(path, { recursive: true, ...options });
	} catch (error) {
		const other = standingInTheWay(path);
		if (other !== undefined) throw new AgentvError("config", `${other} is not a directory`, { cause: error });
		throw fileError(path, errnoCode(error) === "ENOENT" ? reasonFor(path, error) : error);
	}
}

function standingInTheWay(path: string): string | undefined {
	for (let at = path; ; at = dirname(at)) {
		if (pathKind(at) !== "missing") return targetKind(at) === "directory" ? undefined : at;
		if (dirname(at) === at) return undefined;
	}
}

/** Asked for a whole way, Node says of a read-only file system that the way does not exist; asked for its first step, it says why. */
function reasonFor(path: string, error: unknown): unknown {
	let first = path;
	while (pathKind(dirname(first)) === "missing" && dirname(first) !== first) first = dirname(first);
	try {
		mkdirSync(first);
		return error;
	} catch (reason) {
		return reason;
	}
}
