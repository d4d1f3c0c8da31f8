import { AgentvError } from "../base/agentv-error.ts";
import type { Environment } from "../io/environment.ts";
import type { DiskView } from "../model/disk-view.ts";
import { checkJsonSchemas } from "../model/json-schema-check.ts";
import { evalContext } from "./eval-context.ts";
import type { EvalValidation } from "./eval-result.ts";
import { evalResult } from "./judge.ts";
import type { RuleLevels } from "./rule-levels.ts";
import { validationRun } from "./validation-run.ts";

export interface ValidateOptions {
	readonly view: DiskView;
	/** The process environment. */
	readonly env: Environment;
	/** Absolute; bounds the search through parent directories where there is no repository. */
	readonly cwd: string;
	/** `--targets FILE`, absolute. */
	readonly targetsFile?: string | undefined;
	/** Evals that the user names, not a directory or glob, absolute: a link among them may lead anywhere. */
	readonly named?: readonly string[] | undefined;
	/** Levels of rules, over those of `.agentv/config.yaml`. */
	readonly levels?: RuleLevels | undefined;
	/** Ends the validation with an `interrupted` error. */
	readonly signal?: AbortSignal | undefined;
}

/** How long evals are judged in one go before whatever else waits (Ctrl-C, a server's requests) gets its turn. */
const turnMs = 50;

/**
 * Validates eval files one after the other. Nothing of an eval is kept once its result is handed out, and what evals share
 * (repositories, target files, directories) is looked at once. Offline; writes nothing.
 * @param files absolute paths, as `discoverEvals` finds them
 */
export async function* validateEvals(
	files: readonly string[],
	options: ValidateOptions,
): AsyncGenerator<EvalValidation, void> {
	const run = validationRun(options);
	const levels = options.levels ?? new Map();
	let turn = performance.now();
	for (const file of files) {
		if (performance.now() - turn > turnMs) {
			await new Promise((resolve) => setImmediate(resolve));
			turn = performance.now();
		}
		if (options.signal?.aborted) throw new AgentvError("interrupted", "validation was interrupted");
		const context = evalContext(file, run);
		const schemas = await checkJsonSchemas(context.loaded);
		yield evalResult(
			schemas.length === 0 ? context : { ...context, findings: [...context.findings, ...schemas] },
			levels,
		);
	}
}
