import { resolve } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { isInside } from "../io/files/path-inside.ts";
import { realPath } from "../io/files/stat-path.ts";

/**
 * The absolute path of `path` within `root` (a real path), made sure of on disk: no link on the way, and none at its end, leads out.
 * @throws AgentvError `refused`
 */
export function pathWithin(root: string, path: string, what: string): string {
	const lexical = resolve(root, path);
	const real = isInside(root, lexical) ? realPath(lexical) : lexical;
	if (isInside(root, real)) return real;
	throw new AgentvError("refused", `${what} ${JSON.stringify(path)} is outside the workspace`);
}
