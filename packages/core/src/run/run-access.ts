import { accessOf } from "../model/access.ts";
import { accessOfReceived, newAccess } from "../model/consent.ts";
import { executedCommands } from "../model/executed-commands.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { Observed, ObservedEval } from "./load-run.ts";
import { receivedChoice } from "./recorded-files.ts";
import type { PlannedCase, PlannedGraderTarget, RunAccess } from "./run-plan.ts";
import type { RunMachine, RunRequest } from "./run-request.ts";

/** Returns what a run reads and reaches for its evals. */
export function accessOfRun(
	{ evals, view }: Observed,
	cases: readonly PlannedCase[],
	graderTargets: readonly PlannedGraderTarget[],
	request: RunRequest,
	{ env }: RunMachine,
): RunAccess {
	const used = evals.map((one) => usedOf(one, cases, graderTargets, request));
	const ofEval = evals.map(({ loaded, targets: scope, planned }, index) =>
		accessOf({ loaded, scope, ...(used[index] ?? nothing), env: planned.env, view }),
	);
	const access = ofEval.flat();
	const received = receivedChoice(request, env);
	if (request.trust === "any") return { access, newAccess: [], isReceived: received !== undefined };
	const found = newAccess(access, { env, view });
	if (!received) return { access, newAccess: found, isReceived: false };
	const { isChosen, run, ownFiles } = received;
	const items = evals.flatMap(({ loaded }, index) => {
		if (!isChosen[index]) return [];
		const { tests, targets } = used[index] ?? nothing;
		const programs = executedCommands({ ...loaded, tests }, targets).map(({ text, at }) => {
			return { kind: "program" as const, value: text, at, files: [at.file] };
		});
		return [...(ofEval[index] ?? []), ...programs];
	});
	return { access, newAccess: [...found, ...accessOfReceived(items, run, { env, view, ownFiles })], isReceived: true };
}

type Used = Pick<Parameters<typeof accessOf>[0], "targets" | "tests">;

const nothing: Used = { targets: [], tests: [] };

function usedOf(
	{ planned }: ObservedEval,
	cases: readonly PlannedCase[],
	graderTargets: readonly PlannedGraderTarget[],
	{ regrade }: RunRequest,
): Used {
	const own = cases.filter((one) => one.eval === planned);
	const targets = new Set<ResolvedTarget>();
	// Recorded answers are graded without the targets that gave them.
	if (!regrade) for (const { target } of own) for (const one of [target.target, ...target.fallbacks]) targets.add(one);
	for (const one of graderTargets) if (one.eval === planned) targets.add(one.target);
	return { targets: [...targets], tests: [...new Set(own.map(({ test }) => test))] };
}
