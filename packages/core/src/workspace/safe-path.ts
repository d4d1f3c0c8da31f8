import { resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { isInside } from "../io/files/path-inside.ts";
import { realPath } from "../io/files/stat-path.ts";

/**
 * Returns the absolute path of `path` within `root` (a real path), checked on disk: no link on the
 * way or at its end leaves it.
 * @throws AgentvError `refused`
 */
export function pathWithin(root: string, path: string, what: string): string {
	const lexical = resolve(root, path);
	const real = isInside(root, lexical) ? realPath(lexical) : lexical;
	if (isInside(root, real)) return real;
	throw new AgentvError("refused", `${what} ${JSON.stringify(path)} is outside the workspace`);
}
