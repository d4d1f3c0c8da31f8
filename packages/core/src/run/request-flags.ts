import { AgentvError } from "../base/agentv-error.ts";
import { targetKind } from "../io/files/stat-path.ts";
import { optionOf, planFlags } from "../model/plan-flags.ts";
import { readRunFile } from "../model/result-files.ts";
import type { RunFile, RunOriginRecord } from "../schema/run-file.ts";
import type { RunRequest } from "./run-request.ts";

/** The parts of a request that decide which tests are run and how they are judged: a resumed run keeps them. */
const kept = [...planFlags, "targetsFile", "envFile", "shard"] as const;

/** Files that may be elsewhere on this machine: if one is missing, the one that is named now is taken. */
const paths = ["targetsFile", "envFile"] as const;

/** What `run.json` keeps of a request, so that it can be taken up again. */
export function requestFlags(request: RunRequest): Record<string, unknown> {
	return Object.fromEntries(
		[...kept, "onlyMissing", "workers", "keepWorkspaces", "bail", "budgetUsd", "cache"].flatMap((key) => {
			const value = request[key as keyof RunRequest];
			return value === undefined ? [] : [[key, value]];
		}),
	);
}

/**
 * Returns the request that resumes the run in `directory`: what it was begun with, and what has no bearing on results as it is given now.
 * @throws AgentvError `usage` if something else is requested than what it was begun with
 */
export function resumedRequest(directory: string, given: RunRequest): RunRequest {
	const run = readRunFile(directory);
	const moved = paths.filter((key) => given[key] !== undefined && targetKind(String(run.flags[key])) === "missing");
	const keys = kept.filter((key) => !moved.some((path) => path === key));
	for (const key of keys) {
		const before = run.flags[key];
		if (given[key] !== undefined && JSON.stringify(given[key]) !== JSON.stringify(before))
			throw new AgentvError("usage", `the run was started with a different ${optionOf(key)}`, {
				hint: "A resumed run keeps its original tests, targets and limits: omit the option, or start a new run.",
			});
	}
	const before = Object.fromEntries(
		[...keys, "onlyMissing"].flatMap((key) => (run.flags[key] === undefined ? [] : [[key, run.flags[key]]])),
	);
	return {
		...given,
		...(before as Partial<RunRequest>),
		evals: evalsOf(run, given),
		recorded: recordedFiles({ directory, run }, before, given),
		...(run.shard ? { recordedShards: run.shard } : {}),
		...(run.origin ? originOf(run.origin) : {}),
	};
}

function originOf({ kind, path, graders }: RunOriginRecord): Partial<RunRequest> {
	if (kind === "rerun_failed") return { rerunFailed: path };
	return { regrade: { origin: path, ...(graders ? { graders } : {}) } };
}

/** Returns the request of a new run that starts from the one in `directory`: what that was begun with, unless `given` overrides it. */
export function originRequest(directory: string, given: RunRequest): RunRequest {
	const run = readRunFile(directory);
	const before = Object.fromEntries(
		[...planFlags, "targetsFile", "envFile"].flatMap((key) => {
			const value = run.flags[key];
			return value === undefined || (paths.some((path) => path === key) && targetKind(String(value)) === "missing")
				? []
				: [[key, value]];
		}),
	);
	return {
		...(before as Partial<RunRequest>),
		...given,
		evals: given.evals.length > 0 ? given.evals : evalsOf(run, given),
		recorded: recordedFiles({ directory, run }, before, given),
	};
}

/** Which files the record names, and the user does not. */
function recordedFiles(
	recorded: { readonly directory: string; readonly run: RunFile },
	before: Readonly<Record<string, unknown>>,
	given: RunRequest,
): NonNullable<RunRequest["recorded"]> {
	const options = paths.filter((key) => given[key] === undefined && before[key] !== undefined);
	return { ...recorded, options, namedEvals: given.evals };
}

/** The evals where the run found them; those that are named now where it ran elsewhere. Whether they are the same shows as they are loaded. */
function evalsOf(run: RunFile, given: RunRequest): readonly string[] {
	const recorded = run.evals.map(({ path }) => path);
	const areThere = recorded.every((path) => targetKind(path) === "file");
	return areThere || given.evals.length === 0 ? recorded : given.evals;
}
