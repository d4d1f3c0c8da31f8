import { readRunFile } from "../eval/discover-evals.ts";
import { optionOf, planFlags } from "../eval/run-digest.ts";
import type { RunFile, RunOriginRecord, ShardRecord } from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import type { Environment } from "../machine/environment.ts";
import { targetKind } from "../machine/files.ts";

/** A user's request. Everything except `evals` is optional and overrides the evals. */
export interface RunRequest {
	/** Absolute. */
	readonly evals: readonly string[];
	/** Each eval runs against each, in this order. */
	readonly targets?: readonly string[];
	/** Absolute; overrides all other targets files. */
	readonly targetsFile?: string;
	/** Globs over ids; a test that matches any is selected. */
	readonly tests?: readonly string[];
	readonly tags?: readonly string[];
	/** A test with any of these is excluded, overriding other options. */
	readonly excludeTags?: readonly string[];
	readonly limit?: number;
	/** Shards of a request are disjoint, and together complete. */
	readonly shard?: { readonly index: number; readonly count: number };
	/** Absolute path of an earlier run, whose durations balance the shards. */
	readonly durationsFrom?: string;
	readonly recordedShards?: Pick<ShardRecord, "assigned" | "balancedBy">;
	/** Absolute path of a run: only tests without a result there. */
	readonly onlyMissing?: string;
	/** Absolute path of a run: only its tests that did not pass, in a new run. */
	readonly rerunFailed?: string;
	/** `origin` is absolute; by default all graders run. */
	readonly regrade?: { readonly origin: string; readonly graders?: readonly string[] };
	readonly graderTarget?: string;
	/** Concurrent tests. Default: the eval's `workers`, else the number of cores. */
	readonly workers?: number;
	readonly threshold?: number;
	readonly repeat?: number;
	/** Per answer of a target. */
	readonly timeoutSeconds?: number;
	readonly experiment?: string;
	readonly keepWorkspaces?: boolean;
	readonly bail?: boolean;
	/** US dollars: once spent, no more tests start. Overrides the evals' own `budget_usd`. */
	readonly budgetUsd?: number;
	readonly ungraded?: boolean;
	readonly cache?: boolean;
	/** Absolute; overrides the `.env` files of the evals' directories. */
	readonly envFile?: string;
	/** Absolute paths outside the evals' roots that they may read. */
	readonly allowOutside?: readonly string[];
	/** Absolute paths that the user specified directly: a link among them may point anywhere. */
	readonly named?: readonly string[];
	/** A received record must not choose what runs here, so its choices are known. */
	readonly recorded?: {
		/** Absolute. */
		readonly directory: string;
		readonly run: RunFile;
		readonly options: readonly ("targetsFile" | "envFile")[];
		/** Specified by the user; absolute. */
		readonly namedEvals: readonly string[];
	};
	/** Skips consent to variables, hosts and outside files, for CI. */
	readonly trust?: "any";
}

export interface RunMachine {
	readonly env: Environment;
	/** Absolute. */
	readonly cwd: string;
	readonly version: string;
}

/** Determine which tests run and how they are graded, so a resumed run keeps them. */
const keptOptions = [...planFlags, "targetsFile", "envFile", "shard"] as const;

/** May be elsewhere on this machine: the current option replaces a missing file. */
const paths = ["targetsFile", "envFile"] as const;

export function requestFlags(request: RunRequest): Record<string, unknown> {
	return Object.fromEntries(
		[...keptOptions, "onlyMissing", "workers", "keepWorkspaces", "bail", "budgetUsd", "cache"].flatMap((key) => {
			const value = request[key as keyof RunRequest];
			return value === undefined ? [] : [[key, value]];
		}),
	);
}

/**
 * Returns the request that resumes a run: its options, and current ones that don't affect results.
 * @throws AgentvError `usage` if an option differs from the original
 */
export function resumedRequest(directory: string, requested: RunRequest): RunRequest {
	const run = readRunFile(directory);
	const moved = paths.filter((key) => requested[key] !== undefined && targetKind(String(run.flags[key])) === "missing");
	const keys = keptOptions.filter((key) => !moved.some((path) => path === key));
	for (const key of keys) {
		const before = run.flags[key];
		if (requested[key] !== undefined && JSON.stringify(requested[key]) !== JSON.stringify(before))
			throw new AgentvError("usage", `the run was started with a different ${optionOf(key)}`, {
				hint: "A resumed run keeps its original tests, targets and limits: omit the option, or start a new run.",
			});
	}
	const before = Object.fromEntries(
		[...keys, "onlyMissing"].flatMap((key) => (run.flags[key] === undefined ? [] : [[key, run.flags[key]]])),
	);
	return {
		...requested,
		...(before as Partial<RunRequest>),
		evals: evalsOf(run, requested),
		recorded: recordedFiles({ directory, run }, before, requested),
		...(run.shard ? { recordedShards: run.shard } : {}),
		...(run.origin ? originOf(run.origin) : {}),
	};
}

function originOf({ kind, path, graders }: RunOriginRecord): Partial<RunRequest> {
	if (kind === "rerun_failed") return { rerunFailed: path };
	return { regrade: { origin: path, ...(graders ? { graders } : {}) } };
}

/** Returns the options of the run in `directory`, overridden by `requested`. */
export function originRequest(directory: string, requested: RunRequest): RunRequest {
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
		...requested,
		evals: requested.evals.length > 0 ? requested.evals : evalsOf(run, requested),
		recorded: recordedFiles({ directory, run }, before, requested),
	};
}

function recordedFiles(
	recorded: { readonly directory: string; readonly run: RunFile },
	before: Readonly<Record<string, unknown>>,
	requested: RunRequest,
): NonNullable<RunRequest["recorded"]> {
	const options = paths.filter((key) => requested[key] === undefined && before[key] !== undefined);
	return { ...recorded, options, namedEvals: requested.evals };
}

function evalsOf(run: RunFile, requested: RunRequest): readonly string[] {
	const recorded = run.evals.map(({ path }) => path);
	const areThere = recorded.every((path) => targetKind(path) === "file");
	return areThere || requested.evals.length === 0 ? recorded : requested.evals;
}
