import { checkJsonSchemas } from "../eval/check-tests.ts";
import type { Assertion, TestCase } from "../eval/eval-types.ts";
import { pathMissing, variableUnset } from "../eval/load-findings.ts";
import { resolvePath } from "../eval/read-shape.ts";
import {
	emptyCredentials,
	emptyEvalCredentials,
	evalVariables,
	isPlaceBelow,
	targetVariables,
} from "../eval/resolve-command.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import {
	collectReferences,
	irregularReferences,
	irregularTemplates,
	type TreeFaults,
	treeFaults,
} from "../eval/visit.ts";
import { modelOf } from "../grading/graders/index.ts";
import { AgentvError, type Diagnostic, finding } from "../lib/errors.ts";
import { isGitsOwn } from "../workspace/snapshot.ts";
import type { Observed, ObservedEval } from "./observe-run.ts";
import { allGraders, type PlannedCase, type RunPlan } from "./run-plan.ts";

/**
 * Reports all obstacles of the chosen tests that loading doesn't find.
 * @throws AgentvError `config`
 */
export function checkPlan(plan: RunPlan, observed: Observed): void {
	const diagnostics: Diagnostic[] = [];
	const targets = new Set(plan.targets);
	const chosen = new Set(plan.cases.map(({ test }) => test));
	const trees = new Map<string, TreeFaults>();
	const faultsOf = (directory: string) => {
		const faults = trees.get(directory) ?? treeFaults(directory, isGitsOwn);
		trees.set(directory, faults);
		return faults;
	};
	for (const observedEval of observed.evals) {
		diagnostics.push(...unsetVariables(observedEval, chosen, targets));
		diagnostics.push(...emptySecrets(observedEval, chosen, targets));
		const { files } = collectReferences(observedEval.loaded, [...targets], observed.view);
		diagnostics.push(...irregularReferences(files));
		diagnostics.push(...irregularTemplates(files, faultsOf));
	}
	diagnostics.push(...plan.access.flatMap(({ refused }) => refused ?? []));
	for (const test of chosen) diagnostics.push(...missingFiles(test, plan));
	const judged = new Map<Assertion, PlannedCase>();
	for (const planned of plan.cases) for (const grader of allGraders(planned)) judged.set(grader, planned);
	if (!plan.request.ungraded)
		for (const [assertion, planned] of judged) diagnostics.push(...checkGrader(assertion, planned, plan));
	if (diagnostics.length === 0) return;
	const unique = [
		...new Map(
			diagnostics.map((diagnostic) => [JSON.stringify([diagnostic.at, diagnostic.message]), diagnostic]),
		).values(),
	];
	throw new AgentvError("config", "the run can't start", { diagnostics: unique, hint: "Nothing was run." });
}

/**
 * Checks the JSON Schemas of a plan's graders; separate, because it loads a validator.
 * @throws AgentvError `config` if one is invalid
 */
export async function checkPlannedSchemas({ cases }: Pick<RunPlan, "cases">): Promise<void> {
	const diagnostics = await checkJsonSchemas({ tests: [...new Set(cases.map(({ test }) => test))] });
	if (diagnostics.length === 0) return;
	throw new AgentvError("config", "the run can't start", { diagnostics, hint: "Nothing was run." });
}

const noGrader = {
	rule: "assertions.not-available",
	severity: "error" as const,
	message: ({ message }: { message: string }) => message,
	hint: () => "use assertions that need no model, or set a grader",
};

function checkGrader(
	assertion: Assertion,
	{ eval: { label }, target: { target } }: PlannedCase,
	plan: RunPlan,
): Diagnostic[] {
	const model = modelOf(assertion);
	if (!model || plan.graderTarget(label, model.target, target)) return [];
	const name = model.target ?? target.graderTarget;
	const message =
		name === undefined
			? `${assertion.name} is graded by a model, but target ${JSON.stringify(target.name)} has no \`grader_target\``
			: `${assertion.name} is graded by the target ${JSON.stringify(name)}, which can't be used`;
	return [finding(noGrader, { message }, assertion.at)];
}

function unsetVariables(
	{ loaded, targets: scope }: ObservedEval,
	chosen: ReadonlySet<TestCase>,
	targets: ReadonlySet<ResolvedTarget>,
): Diagnostic[] {
	const left = loaded.tests.filter((test) => !chosen.has(test)).map(({ at }) => at);
	const own = evalVariables(loaded).filter(({ at }) => !left.some((test) => isPlaceBelow(at, test)));
	return [...own, ...targetVariables(targets, scope)]
		.filter(({ state }) => state === "unset")
		.map(({ name, at }) => finding(variableUnset, { name }, at));
}

/** With an empty credential every call would fail, or go to another address. */
function emptySecrets(
	{ loaded, targets: scope }: ObservedEval,
	chosen: ReadonlySet<TestCase>,
	targets: ReadonlySet<ResolvedTarget>,
): Diagnostic[] {
	const left = loaded.tests.filter((test) => !chosen.has(test)).map(({ at }) => at);
	const own = emptyEvalCredentials(loaded).filter(({ at }) => !left.some((test) => isPlaceBelow(at, test)));
	const sources = new Map([...scope.sources, ...loaded.sources]);
	return [...own, ...[...targets].flatMap((target) => emptyCredentials(target, { sources }))];
}

function missingFiles(test: TestCase, { view }: RunPlan): Diagnostic[] {
	const { scope } = test.suite;
	const messages = [...test.input, ...test.turns.flatMap((turn) => turn.input)];
	return messages.flatMap(({ content }) =>
		typeof content === "string"
			? []
			: content.flatMap((piece) => {
					if (piece.type === "text") return [];
					const { found, runTime } = resolvePath(piece.path, scope, view);
					if (found !== undefined || runTime) return [];
					const data = { raw: piece.path.raw, kind: "input file", lookedIn: piece.path.base };
					return [finding(pathMissing, data, piece.path.at)];
				}),
	);
}
