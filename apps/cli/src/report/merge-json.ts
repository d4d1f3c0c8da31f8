import { type Merge, type MergeProblem, mergeProblemText, toWireSummary } from "@agentv/core";
import type { CommandResult } from "../context.ts";
import { mergeExitCode } from "../results/merge-exit-code.ts";

/** Reports the merged run's directory (null if nothing was written), missing tests and problems. */
export function mergeJson(merge: Merge, output: string): CommandResult {
	const { problems, missing, summary, warnings, parts } = merge;
	const document = {
		run_dir: summary ? output : null,
		complete: mergeExitCode(merge) === 0,
		summary: summary ? toWireSummary(summary) : null,
		runs: parts.map(({ name, runId, shard, attempts }) => ({
			...{ run: name, run_id: runId, attempts },
			...(shard === undefined ? {} : { shard }),
		})),
		missing: {
			shards: missing.shards,
			tests: missing.tests.map(({ eval: label, testId, target, attempts, shard }) => ({
				...{ eval: label, test_id: testId, target, attempts },
				...(shard === undefined ? {} : { shard }),
			})),
		},
		problems: problems.map(problemJson),
		warnings,
	};
	return { text: `${JSON.stringify(document, null, 2)}\n`, exitCode: mergeExitCode(merge) };
}

function problemJson(problem: MergeProblem): object {
	const text = mergeProblemText(problem);
	if (!("attempt" in problem)) return { ...problem, message: text };
	const { attempt, ...rest } = problem;
	const { eval: label, testId, target } = attempt;
	return { ...rest, eval: label, test_id: testId, target, attempt: attempt.attempt, message: text };
}
