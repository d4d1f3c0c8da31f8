import type { Environment } from "../io/environment.ts";
import type { RunFile, ShardRecord } from "../schema/run-file.ts";

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
