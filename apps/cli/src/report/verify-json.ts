import type { Difference, RunVerification } from "@agentv/core";
import { differenceText } from "../results/difference-text.ts";

/** Schema: docs/schemas/verify-output.schema.json. */
export function verifyJson(verified: RunVerification): string {
	const document = {
		run_dir: verified.directory,
		run_id: verified.runId,
		digest: verified.digest ?? null,
		...(verified.signedBy === undefined ? {} : { signed_by: verified.signedBy }),
		...(verified.signature === undefined ? {} : { signature: verified.signature.replaceAll("-", "_") }),
		agrees: verified.differences.length === 0,
		tests: { planned: verified.planned, finished: verified.finished },
		attempts: verified.attempts,
		graders: { re_executed: verified.reExecuted, not_re_executed: verified.notReExecuted },
		differences: verified.differences.map(differenceJson),
	};
	return `${JSON.stringify(document, null, 2)}\n`;
}

function differenceJson(found: Difference) {
	const { kind, attempt, file, line, grader, field, recorded, recomputed, of, versions } = found;
	return {
		kind,
		...(attempt
			? { eval: attempt.eval, test_id: attempt.testId, target: attempt.target, attempt: attempt.attempt }
			: {}),
		...(file === undefined ? {} : { file }),
		...(line === undefined ? {} : { line }),
		...(grader === undefined ? {} : { grader }),
		...(field === undefined ? {} : { field, recorded: recorded ?? null, recomputed: recomputed ?? null }),
		...(of === undefined ? {} : { of }),
		...(versions
			? {
					versions: versions.map(({ version, attempts, first }) => ({
						...{ version, attempts },
						first: first.map(({ eval: label, testId, target, attempt: number }) => ({
							...{ eval: label, test_id: testId, target, attempt: number },
						})),
					})),
				}
			: {}),
		message: differenceText(found),
	};
}
