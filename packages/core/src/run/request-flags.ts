import { AgentvError } from "../base/agentv-error.ts";
import type { RunFile } from "../schema/run-file.ts";
import type { RunRequest } from "./run-request.ts";

/** The parts of a request that decide which tests are run and how they are judged: a resumed run keeps them. */
const kept = [
	"targets",
	"targetsFile",
	"tests",
	"tags",
	"limit",
	"threshold",
	"repeat",
	"timeoutSeconds",
	"experiment",
	"envFile",
] as const;

/** What `run.json` keeps of a request, so that it can be taken up again. */
export function requestFlags(request: RunRequest): Record<string, unknown> {
	return Object.fromEntries(
		[...kept, "workers", "keepWorkspaces", "bail", "budgetUsd", "cache"].flatMap((key) => {
			const value = request[key as keyof RunRequest];
			return value === undefined ? [] : [[key, value]];
		}),
	);
}

/**
 * The request of a run that is taken up again: what it was begun with, and what has no bearing on results as it is given now.
 * @throws AgentvError `usage` where something else is asked for than what it was begun with
 */
export function resumedRequest(run: RunFile, given: RunRequest): RunRequest {
	for (const key of kept) {
		const before = run.flags[key];
		if (given[key] !== undefined && JSON.stringify(given[key]) !== JSON.stringify(before))
			throw new AgentvError("usage", `the run was begun with another ${optionOf(key)}`, {
				hint: "A resumed run keeps the tests, targets and limits it was begun with: leave the option out, or start a new run.",
			});
	}
	const before = Object.fromEntries(
		kept.flatMap((key) => (run.flags[key] === undefined ? [] : [[key, run.flags[key]]])),
	);
	return { ...given, ...(before as Partial<RunRequest>), evals: run.evals.map(({ path }) => path) };
}

const options: Partial<Record<(typeof kept)[number], string>> = {
	targets: "--target",
	targetsFile: "--targets",
	tests: "--test",
	tags: "--tag",
	timeoutSeconds: "--timeout",
	envFile: "--env-file",
};

function optionOf(key: (typeof kept)[number]): string {
	return options[key] ?? `--${key}`;
}
