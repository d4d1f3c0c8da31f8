import { AgentvError } from "../base/agentv-error.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import type { Redactor } from "../base/redact.ts";
import { caseKey } from "../model/case-key.ts";
import type { PlannedTest, RunFile } from "../schema/run-file.ts";
import { plannedList } from "./run-file.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";

/** How a run's planned tests differ from those before. */
export interface PlanChanges {
	/** Sentences without a full stop. */
	readonly texts: readonly string[];
	/** Keys of tests × targets, and their largest attempt, that a run must not have results of beyond. */
	readonly limits: ReadonlyMap<string, number>;
}

/** Refuses a plan of other evals than a run's: one is not part of it, or is not named. @throws AgentvError `config` */
export function refuseOtherEvals(run: RunFile, plan: RunPlan): void {
	const before = new Set(run.evals.map(({ file }) => file));
	const planned = new Set(plan.evals.map(({ label }) => label));
	const added = plan.evals.filter(({ label }) => !before.has(label)).map(({ label }) => label);
	const left = run.evals.filter(({ file }) => !planned.has(file)).map(({ file }) => file);
	if (added.length > 0)
		throw new AgentvError("config", `${added.join(", ")} is not part of the run`, {
			hint: "Start a new run. Without a git repository, evals are identified relative to the working directory: resume a run from the directory in which it was started.",
		});
	if (left.length > 0)
		throw new AgentvError("config", `${left.join(", ")} is part of the run but was not specified`, {
			hint: "Specify all evals of the run, or none.",
		});
}

/** Compares the tests of a run with those that are planned now. */
export function planChanges(run: RunFile, cases: readonly PlannedCase[], plan: RunPlan): PlanChanges {
	const before = recordedTests(run, run.planned);
	const after = plannedTests(plan, cases);
	const texts: string[] = [];
	const limits = new Map<string, number>();
	for (const [key, { name, repeat }] of before) {
		const now = after.get(key);
		limits.set(key, now?.repeat?.count ?? (now ? 1 : 0));
		if (!now) texts.push(`${name} was removed`);
		else if (canonicalJson(repeat) !== canonicalJson(now.repeat))
			texts.push(`${name}: ${repeatText(repeat)} → ${repeatText(now.repeat)}`);
	}
	for (const [key, { name }] of after) if (!before.has(key)) texts.push(`${name} is new`);
	return { texts, limits };
}

/** Returns whether two lists of tests are the same, in the same order. */
export function sameTests(
	run: RunFile,
	list: readonly PlannedTest[],
	cases: readonly PlannedCase[],
	plan: RunPlan,
): boolean {
	return canonicalJson([...recordedTests(run, list)]) === canonicalJson([...plannedTests(plan, cases)]);
}

interface NamedTest {
	readonly name: string;
	readonly repeat: PlannedTest[3];
}

function recordedTests({ evals }: RunFile, list: readonly PlannedTest[]): Map<string, NamedTest> {
	const labels = evals.map(({ file }) => file);
	return byKey(list, labels);
}

function plannedTests({ evals, redact }: RunPlan, cases: readonly PlannedCase[]): Map<string, NamedTest> {
	const labels = evals.map(({ label }) => redact(label));
	return byKey(recorded(plannedList(evals, cases), redact), labels);
}

function byKey(list: readonly PlannedTest[], evals: readonly string[]): Map<string, NamedTest> {
	return new Map(
		list.map(([of, id, target, repeat]) => {
			const label = evals[of] ?? "";
			const name = `test ${JSON.stringify(id)} of ${label} with target ${JSON.stringify(target)}`;
			return [caseKey(label, id, target), { name, repeat }];
		}),
	);
}

function recorded(list: readonly PlannedTest[], redact: Redactor): PlannedTest[] {
	return list.map(([of, id, target, repeat]) => [of, id, redact(target), repeat]);
}

function repeatText(repeat: PlannedTest[3]): string {
	return repeat
		? `${repeat.count} attempts (${repeat.strategy}${repeat.earlyExit ? ", early exit" : ""})`
		: "1 attempt";
}
