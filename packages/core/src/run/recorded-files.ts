import { dirname } from "node:path";
import { AgentvError } from "../base/agentv-error.ts";
import { isInside } from "../io/files/path-inside.ts";
import { realPath } from "../io/files/stat-path.ts";
import type { DiskView } from "../model/disk-view.ts";
import { findScope } from "../model/eval-scope.ts";
import { optionOf } from "../model/plan-flags.ts";
import { pathOutside } from "../model/reach.ts";
import type { RunRequest } from "./run-request.ts";

/**
 * Refuses files that only a run's record names if they may have come with that record: evals in the run's own directory, and a
 * targets or `.env` file there or outside of an eval's root.
 * @throws AgentvError `usage`
 */
export function refuseRecordedFiles({ recorded, evals, ...request }: RunRequest, cwd: string, view: DiskView): void {
	if (!recorded) return;
	const run = realPath(recorded.directory);
	const named = new Set(recorded.namedEvals.map((path) => realPath(path)));
	for (const path of evals)
		if (!named.has(realPath(path)) && isInside(run, realPath(path)))
			throw refusal("an eval", path, "in its own directory", "Copy it elsewhere, look at it, and name that file.");
	for (const key of recorded.options) {
		const path = request[key];
		if (path === undefined) continue;
		const roots = evals.map((file) => findScope(dirname(file), cwd, view));
		const isForeign = isInside(run, realPath(path)) || roots.some((scope) => pathOutside(path, scope) !== undefined);
		if (!isForeign) continue;
		const option = `${optionOf(key)} ${/^[\w./:@+-]+$/.test(path) ? path : JSON.stringify(path)}`;
		const what = key === "envFile" ? "a .env file" : "a targets file";
		throw refusal(what, path, "outside of the eval's root", `If it is yours, add \`${option}\`.`);
	}
}

function refusal(what: string, path: string, where: string, hint: string): AgentvError {
	return new AgentvError("usage", `the run's record names ${what} ${where}: ${path}`, { hint });
}
