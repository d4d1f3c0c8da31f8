import { join } from "node:path";
import { gitTestEnvironment, tempTree } from "@agentv/test-support";
import { readIndex } from "../../eval/discover-evals.ts";
import type { ResultRow, RunSummary } from "../../format/run-file.ts";
import type { RunEvent, RunOutcome } from "../attempt.ts";
import { planRun } from "../plan-run.ts";
import { type RunOptions, runEvals } from "../run-evals.ts";
import type { RunMachine, RunRequest } from "../run-request.ts";

export interface RanEval {
	/** The directory of the eval. */
	readonly root: string;
	readonly runDir: string;
	readonly events: readonly RunEvent[];
	readonly rows: readonly ResultRow[];
	readonly summary: RunSummary;
	readonly outcome: RunOutcome;
	/** Returns the row of a test's attempt (default: the first). */
	row(testId: string, attempt?: number): ResultRow;
}

export type FixtureOptions = Partial<RunRequest> &
	Partial<Pick<RunOptions, "resume" | "retryErrors" | "rerunChanged" | "output" | "signal">> & {
		readonly env?: Readonly<Record<string, string>>;
		readonly onEvent?: (event: RunEvent) => void;
	};

export function machineIn(root: string, env: Readonly<Record<string, string>> = {}): RunMachine {
	return {
		cwd: root,
		version: "1.2.3",
		env: { ...gitTestEnvironment, HOME: root, AGENTV_HOME: join(root, ".home"), ...env },
	};
}

/** Runs `my.eval.yaml` of a new directory with `files`, or of `root`. */
export async function runTree(
	files: Readonly<Record<string, string>> | { readonly root: string },
	options: FixtureOptions = {},
): Promise<RanEval> {
	const root = typeof files.root === "string" ? files.root : tempTree(files as Record<string, string>);
	const { resume, retryErrors, rerunChanged, output, env, onEvent, signal, ...request } = options;
	const machine = machineIn(root, env);
	const plan = planRun({ evals: [join(root, "my.eval.yaml")], ...request }, machine);
	const events: RunEvent[] = [];
	const running = runEvals(plan, machine, {
		signal: signal ?? new AbortController().signal,
		...(resume ? { resume } : {}),
		...(retryErrors ? { retryErrors } : {}),
		...(rerunChanged ? { rerunChanged } : {}),
		...(output === undefined ? {} : { output }),
	});
	for await (const event of running) {
		events.push(event);
		onEvent?.(event);
	}
	const done = events.find((event) => event.type === "done");
	if (done?.type !== "done") throw new Error("the run did not end");
	const { rows } = readIndex(done.runDir);
	return {
		...{ root, runDir: done.runDir, events, rows, summary: done.summary, outcome: done.outcome },
		row(testId, attempt = 1) {
			const found = rows.find((row) => row.testId === testId && row.attempt === attempt);
			if (!found) throw new Error(`no row of ${testId}, attempt ${attempt}`);
			return found;
		},
	};
}

/**
 * A targets file whose target answers with the file `answers/<test id>`, which no fingerprint
 * covers.
 */
export const fileTargets = `targets: [{name: default, provider: cli, command: [sh, -c, 'cat "answers/$0"', "{EVAL_ID}"]}]\n`;

/** Returns a targets file with a mock target named `default` and this response. */
export function mockTargets(response: string): string {
	return `targets:\n  - name: default\n    provider: mock\n    response: ${JSON.stringify(response)}\n`;
}
