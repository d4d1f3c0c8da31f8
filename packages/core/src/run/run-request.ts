import { readRunFile } from "../eval/discover-evals.ts";
import { optionOf, planFlags } from "../eval/run-digest.ts";
import type { RunFile, RunOriginRecord, ShardRecord } from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import { targetKind } from "../machine/files.ts";

/** What a user asks to be run. Everything but `evals` is optional and overrides what the evals say. */
export interface RunRequest {
	/** Eval files, absolute. */
	readonly evals: readonly string[];
	/** Target names, in order: each eval runs against each. */
	readonly targets?: readonly string[];
	/** Absolute path of a targets file that overrides all others. */
	readonly targetsFile?: string;
	/** Globs over test ids; a test that one of them matches is run. */
	readonly tests?: readonly string[];
	/** A test with one of these tags is run. */
	readonly tags?: readonly string[];
	/** A test with one of these tags is left out, whatever else chooses it. */
	readonly excludeTags?: readonly string[];
	/** At most so many tests of each eval. */
	readonly limit?: number;
	/** Only this part of the chosen tests. Shards of one request are disjoint, and together they are all of it. */
	readonly shard?: { readonly index: number; readonly count: number };
	/** Absolute directory of a former run: shards are balanced by how long its tests took. */
	readonly durationsFrom?: string;
	/** How the run that is taken up again divided its tests. */
	readonly recordedShards?: Pick<ShardRecord, "assigned" | "balancedBy">;
	/** Absolute directory of a run: only what has no result there. */
	readonly onlyMissing?: string;
	/** Absolute directory of a run: only its tests that did not pass, in a new run. */
	readonly rerunFailed?: string;
	/** Grades the answers of the run in `origin` (absolute) again, without its targets; `graders`: only those of these names. */
	readonly regrade?: { readonly origin: string; readonly graders?: readonly string[] };
	/** The target that grades, instead of those that evals and targets name. */
	readonly graderTarget?: string;
	/** Tests that run at once, over all targets. Default: the eval's `workers`, else the number of cores. */
	readonly workers?: number;
	readonly threshold?: number;
	readonly repeat?: number;
	/** For each answer of a target. */
	readonly timeoutSeconds?: number;
	readonly experiment?: string;
	readonly keepWorkspaces?: boolean;
	/** Stop starting tests after the first that does not pass. */
	readonly bail?: boolean;
	/** US dollars: once they are spent, no more tests are started. In place of the evals' own `budget_usd`. */
	readonly budgetUsd?: number;
	/** Ask targets and judge nothing: every answer passes. */
	readonly ungraded?: boolean;
	/** Take answers of language models from earlier identical calls, and keep new ones. */
	readonly cache?: boolean;
	/** Absolute path of a `.env` file that counts before those of the evals' directories. */
	readonly envFile?: string;
	/** Absolute paths of files and directories outside of the evals' roots that they may read all the same. */
	readonly allowOutside?: readonly string[];
	/** Evals that the user names, not a directory or glob, absolute: a link among them may lead anywhere. */
	readonly named?: readonly string[];
	/** What a run's record names in place of the user: a received record must not choose what runs here. */
	readonly recorded?: {
		/** Absolute directory of that run. */
		readonly directory: string;
		readonly run: RunFile;
		/** Options whose file the record names. */
		readonly options: readonly ("targetsFile" | "envFile")[];
		/** The evals that the user names, absolute. */
		readonly namedEvals: readonly string[];
	};
	/** Skips consent to variables, hosts and outside files: for CI. */
	readonly trust?: "any";
}

/** What a run may know of the machine. */
export interface RunMachine {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	/** Of AgentV, for records. */
	readonly version: string;
}

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
