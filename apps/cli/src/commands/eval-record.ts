import { resolve } from "node:path";
import { AgentvError, discoverEvals, openDiskView, planRun, recordAnswers, terminalSafeLine } from "@agentv/core";
import type { CommandResult, Context } from "../context.ts";
import { type AccessChoices, accessRequest } from "../run/run-options.ts";
import { version } from "../version.ts";

export interface EvalRecordOptions extends AccessChoices {
	readonly out: string;
	readonly target?: readonly string[];
	readonly test?: readonly string[];
	readonly workers?: number;
	readonly repeat?: number;
}

export async function evalRecord(file: string, options: EvalRecordOptions, context: Context): Promise<CommandResult> {
	const { env, cwd, signal } = context;
	const evals = discoverEvals([file], cwd, openDiskView());
	const { target, test, workers, repeat } = options;
	const machine = { env, cwd, version };
	const request = {
		...{ evals, named: [resolve(cwd, file)], ungraded: true },
		...(target ? { targets: target } : {}),
		...(test ? { tests: test } : {}),
		...(workers === undefined ? {} : { workers }),
		...(repeat === undefined ? {} : { repeat }),
		...accessRequest(options, cwd),
	};
	const out = resolve(cwd, options.out);
	const { recorded, missing, outcome } = await recordAnswers(planRun(request, machine), machine, { file: out, signal });
	if (outcome === "interrupted") throw new AgentvError("interrupted", "the recording was interrupted");
	const lines = [
		...missing.map(({ testId, message }) => `✗ ${terminalSafeLine(testId)}: ${terminalSafeLine(message)}`),
		recorded === 0
			? "No answers were recorded."
			: `Recorded the answers to ${recorded} ${recorded === 1 ? "test" : "tests"} in ${options.out}.`,
	];
	return { text: `${lines.join("\n")}\n`, exitCode: missing.length > 0 || outcome !== "complete" ? 4 : 0 };
}
