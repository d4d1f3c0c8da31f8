import type { Environment } from "../io/environment.ts";
import type { DiskView } from "../model/disk-view.ts";
import { type TargetCache, targetCache } from "../model/load-targets.ts";
import { ownLinks } from "../model/trust-subjects.ts";
import { Documentation } from "./documentation.ts";
import { Repositories } from "./repository-facts.ts";

/** What the evals of one validation share: each is looked at once, however many evals there are. */
export interface ValidationRun {
	readonly view: DiskView;
	/** The process environment. */
	readonly env: Environment;
	readonly cwd: string;
	/** `--targets FILE`, absolute. */
	readonly targetsFile?: string;
	/** Real paths of evals that the user names by a link. */
	readonly ownLinks: readonly string[];
	readonly repositories: Repositories;
	readonly targetFiles: TargetCache;
	readonly documentation: Documentation;
	/** Answers of rules that cost a look at the disk, by rule and path. */
	readonly memo: Map<string, unknown>;
}

export function validationRun(
	machine: Pick<ValidationRun, "view" | "env" | "cwd"> & {
		readonly targetsFile?: string | undefined;
		readonly named?: readonly string[] | undefined;
	},
): ValidationRun {
	const { view, env, cwd, targetsFile, named = [] } = machine;
	return {
		view,
		env,
		cwd,
		...(targetsFile === undefined ? {} : { targetsFile }),
		ownLinks: ownLinks(named, env, view),
		repositories: new Repositories(env),
		targetFiles: targetCache(),
		documentation: new Documentation(view),
		memo: new Map(),
	};
}

/** The answer remembered under `key`, or a new one. Forgets all when there are many, so that memory stays flat. */
export function remembered<Answer>(run: ValidationRun, key: string, look: () => Answer): Answer {
	if (run.memo.has(key)) return run.memo.get(key) as Answer;
	if (run.memo.size >= 5000) run.memo.clear();
	const answer = look();
	run.memo.set(key, answer);
	return answer;
}
