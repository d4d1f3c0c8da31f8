import { dirname } from "node:path";
import { findScope } from "../eval/discover-evals.ts";
import { pathOutside } from "../eval/read-shape.ts";
import { isMadeHere, optionOf } from "../eval/run-digest.ts";
import type { DiskView } from "../eval/source.ts";
import type { TrustSubject } from "../eval/trust.ts";
import { AgentvError } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, realPath } from "../machine/files.ts";
import type { RunRequest } from "./run-request.ts";

/**
 * Refuses files that only a run's record names if they may have come with it: evals in the run's
 * own directory, and a targets or `.env` file there or outside an eval's root.
 * @throws AgentvError `usage`
 */
export function refuseRecordedFiles({ recorded, evals, ...request }: RunRequest, cwd: string, view: DiskView): void {
	if (!recorded) return;
	const run = realPath(recorded.directory);
	const named = new Set(recorded.namedEvals.map((path) => realPath(path)));
	for (const path of evals)
		if (!named.has(realPath(path)) && isInside(run, realPath(path)))
			throw refusal("an eval", path, "in its own directory", "Copy it elsewhere, review it, and use the copy.");
	for (const key of recorded.options) {
		const path = request[key];
		if (path === undefined) continue;
		const roots = evals.map((file) => findScope(dirname(file), cwd, view));
		const isForeign = isInside(run, realPath(path)) || roots.some((scope) => pathOutside(path, scope) !== undefined);
		if (!isForeign) continue;
		const option = `${optionOf(key)} ${shown(path)}`;
		const what = key === "envFile" ? "a .env file" : "a targets file";
		throw refusal(what, path, "outside the eval's root", `If it is yours, add \`${option}\`.`);
	}
}

/** A received record's choices, which need consent like a bundle's accesses. */
interface ReceivedChoice {
	readonly run: TrustSubject;
	/** For each eval of the request: whether the record selected it, or a file of its options. */
	readonly isChosen: readonly boolean[];
	readonly ownFiles: readonly string[];
}

/** Undefined if the user specified everything, or made the run here. */
export function receivedChoice(request: RunRequest, env: Environment): ReceivedChoice | undefined {
	const { recorded, evals, targetsFile } = request;
	if (!recorded) return undefined;
	const { directory, options, run } = recorded;
	const named = new Set(recorded.namedEvals.map((path) => realPath(path)));
	const isChosen = evals.map((path) => options.length > 0 || !named.has(realPath(path)));
	if (!isChosen.includes(true) || isMadeHere(run, env)) return undefined;
	const paths = [
		...evals.map((path) => (request.regrade ? `--eval ${shown(path)}` : shown(path))),
		...options.map((key) => `${optionOf(key)} ${shown(String(request[key]))}`),
	];
	const advice = `the record of ${directory} was not created here; if these are yours, pass them explicitly: \`${paths.join(" ")}\``;
	return {
		run: { kind: "run", name: directory, root: directory, key: `run ${directory}`, advice },
		isChosen,
		ownFiles: targetsFile === undefined || options.includes("targetsFile") ? [] : [targetsFile],
	};
}

function shown(path: string): string {
	return /^[\w./:@+-]+$/.test(path) ? path : JSON.stringify(path);
}

function refusal(what: string, path: string, where: string, hint: string): AgentvError {
	return new AgentvError("usage", `the run's record refers to ${what} ${where}: ${path}`, { hint });
}
