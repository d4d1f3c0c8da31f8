import { dirname, relative } from "node:path";
import { checkJsonSchemas } from "../eval/check-tests.ts";
import { executedCommands } from "../eval/command-files.ts";
import { findScope, type Reach } from "../eval/discover-evals.ts";
import type { Assertion, LoadedEval, TestCase } from "../eval/eval-types.ts";
import { evalEnvironment, loadEval, withEnvFile } from "../eval/load-eval.ts";
import { pathMissing, variableUnset } from "../eval/load-findings.ts";
import { loadTargets, type TargetScope } from "../eval/load-targets.ts";
import { pathOutside, resolvePath } from "../eval/read-shape.ts";
import {
	emptyCredentials,
	emptyEvalCredentials,
	evalVariables,
	isPlaceBelow,
	targetVariables,
} from "../eval/resolve-command.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { isMadeHere, optionOf } from "../eval/run-digest.ts";
import { type DiskView, openDiskView } from "../eval/source.ts";
import { accessOf, accessOfReceived, newAccess, ownLinks, type TrustSubject } from "../eval/trust.ts";
import {
	collectReferences,
	irregularReferences,
	irregularTemplates,
	type TreeFaults,
	treeFaults,
} from "../eval/visit.ts";
import { modelOf } from "../grading/graders/index.ts";
import { AgentvError, type Diagnostic, finding } from "../lib/errors.ts";
import { redactText } from "../lib/redact.ts";
import { isSecretName } from "../lib/secret-shapes.ts";
import type { Environment } from "../machine/environment.ts";
import { isInside, realPath } from "../machine/files.ts";
import { digestText, FileDigests } from "../machine/tree-notes.ts";
import { isGitsOwn } from "../workspace/snapshot.ts";
import {
	allGraders,
	type PlannedCase,
	type PlannedEval,
	type PlannedGraderTarget,
	type RunAccess,
	type RunPlan,
} from "./run-plan.ts";
import type { RunMachine, RunRequest } from "./run-request.ts";

export interface ObservedEval {
	readonly loaded: LoadedEval;
	readonly targets: TargetScope;
	readonly planned: PlannedEval;
}

export interface Observed {
	readonly evals: readonly ObservedEval[];
	readonly view: DiskView;
	readonly env: Environment;
}

/**
 * Loads the evals of a request and their targets.
 * @throws AgentvError `config` with all findings if an eval does not load completely, so that no
 * test is dropped; `usage` if a record names files that the user must name
 */
export function observeRun(request: RunRequest, { env: processEnv, cwd }: RunMachine): Observed {
	const view = openDiskView();
	refuseRecordedFiles(request, cwd, view);
	const reach: Reach = {
		allowed: [
			...(request.allowOutside ?? []).map((path) => realPath(path)),
			...ownLinks(request.named ?? [], processEnv, view),
		],
		ownFiles:
			request.targetsFile === undefined || request.recorded?.options.includes("targetsFile")
				? []
				: [request.targetsFile],
		option: "--allow-outside",
	};
	const env = withEnvFile(processEnv, request.envFile);
	const loaded = request.evals.map((file) => loadEval(file, { view, env, cwd, reach }));
	const broken = loaded.flatMap(({ diagnostics }) => diagnostics.filter(({ severity }) => severity === "error"));
	if (broken.length > 0) throw cannotLoad(broken);
	const labels = labelsOf(loaded, cwd);
	const evals = loaded.map((loaded, index): ObservedEval => {
		const own = evalEnvironment(loaded.scope, env, view);
		const targets = loadTargets(loaded.scope, {
			view,
			env: own,
			...(request.targetsFile === undefined ? {} : { targetsFile: request.targetsFile }),
		});
		return { loaded, targets, planned: plannedEval(loaded, labels[index] ?? loaded.file, own) };
	});
	return { evals, view, env };
}

function cannotLoad(diagnostics: readonly Diagnostic[]): AgentvError {
	const files = new Set(diagnostics.map(({ at }) => at.file));
	const where = files.size === 1 ? [...files][0] : `${files.size} files`;
	return new AgentvError("config", `${where} can't be loaded`, {
		diagnostics,
		hint: "Nothing was run. `agentv eval validate` shows all findings.",
	});
}

function plannedEval(loaded: LoadedEval, label: string, env: Environment): PlannedEval {
	const { file, name, scope, workers, budgetUsd, experiment } = loaded;
	return {
		...{ label, file, name, scope, env, workers, budgetUsd, experiment, bundle: loaded.bundle },
		digest: sourcesDigest(loaded),
		sources: sourcesOf(loaded),
		variables: variablesOf(loaded, env),
	};
}

function sourcesOf({ sources, files }: LoadedEval): PlannedEval["sources"] {
	const texts = [...sources].map(([path, { text }]) => ({ path, sha256: digestText(text) }));
	// A prompt file is text, not a document.
	const prompts = new Set(files.filter(({ path }) => path.kind === "prompt-file").map(({ resolved }) => resolved));
	const digests = new FileDigests();
	return [...texts, ...[...prompts].map((path) => ({ path, sha256: digests.of(path) }))];
}

function variablesOf(loaded: LoadedEval, env: Environment): PlannedEval["variables"] {
	const names = new Set(evalVariables(loaded).map(({ name }) => name));
	return Object.fromEntries(
		[...names].flatMap((name) => {
			const value = env[name];
			return value === undefined || isSecretName(name) || redactText(value) !== value
				? []
				: [[name, digestText(value).slice(0, 16)]];
		}),
	);
}

function sourcesDigest({ sources }: LoadedEval): string {
	return digestText([...sources.values()].map(({ text }) => digestText(text)).join("\n"));
}

function labelsOf(loaded: readonly LoadedEval[], cwd: string): string[] {
	const short = loaded.map(({ file, scope }) => slashes(relative(scope.root, file)));
	return short.map((label, index) => {
		const file = loaded[index]?.file ?? label;
		return short.indexOf(label) === short.lastIndexOf(label) ? label : slashes(relative(cwd, file));
	});
}

function slashes(path: string): string {
	return path.replaceAll("\\", "/");
}

export function accessOfRun(
	{ evals, view }: Observed,
	cases: readonly PlannedCase[],
	graderTargets: readonly PlannedGraderTarget[],
	request: RunRequest,
	{ env }: RunMachine,
): RunAccess {
	const used = evals.map((observed) => usedOf(observed, cases, graderTargets, request));
	const ofEval = evals.map(({ loaded, targets: scope, planned }, index) =>
		accessOf({ loaded, scope, ...(used[index] ?? nothing), env: planned.env, view }),
	);
	const access = ofEval.flat();
	const received = receivedChoice(request, env);
	if (request.trust === "any") return { access, newAccess: [], isReceived: received !== undefined };
	const needed = newAccess(access, { env, view });
	if (!received) return { access, newAccess: needed, isReceived: false };
	const { isChosen, run, ownFiles } = received;
	const items = evals.flatMap(({ loaded }, index) => {
		if (!isChosen[index]) return [];
		const { tests, targets } = used[index] ?? nothing;
		const programs = executedCommands({ ...loaded, tests }, targets).map(({ text, at }) => {
			return { kind: "program" as const, value: text, at, files: [at.file] };
		});
		return [...(ofEval[index] ?? []), ...programs];
	});
	return { access, newAccess: [...needed, ...accessOfReceived(items, run, { env, view, ownFiles })], isReceived: true };
}

type Used = Pick<Parameters<typeof accessOf>[0], "targets" | "tests">;

const nothing: Used = { targets: [], tests: [] };

function usedOf(
	{ planned }: ObservedEval,
	cases: readonly PlannedCase[],
	graderTargets: readonly PlannedGraderTarget[],
	{ regrade }: RunRequest,
): Used {
	const own = cases.filter((testCase) => testCase.eval === planned);
	const targets = new Set<ResolvedTarget>();
	// Recorded answers are graded without their targets.
	if (!regrade)
		for (const { target } of own) for (const candidate of [target.target, ...target.fallbacks]) targets.add(candidate);
	for (const grader of graderTargets) if (grader.eval === planned) targets.add(grader.target);
	return { targets: [...targets], tests: [...new Set(own.map(({ test }) => test))] };
}

/**
 * Refuses files that only a run's record names if they may have come with it.
 * @throws AgentvError `usage`
 */
function refuseRecordedFiles({ recorded, evals, ...request }: RunRequest, cwd: string, view: DiskView): void {
	if (!recorded) return;
	const run = realPath(recorded.directory);
	const named = new Set(recorded.namedEvals.map((path) => realPath(path)));
	for (const path of evals)
		if (!named.has(realPath(path)) && isInside(run, realPath(path)))
			throw refusal("an eval", path, "in its own directory", "Copy it elsewhere, review it, and use the copy.");
	for (const key of recorded.options) {
		const path = request[key];
		if (path === undefined) continue;
		const roots = evals.map((file) => findScope(dirname(file), cwd, view));
		const isForeign = isInside(run, realPath(path)) || roots.some((scope) => pathOutside(path, scope) !== undefined);
		if (!isForeign) continue;
		const option = `${optionOf(key)} ${shown(path)}`;
		const what = key === "envFile" ? "a .env file" : "a targets file";
		throw refusal(what, path, "outside the eval's root", `If it is yours, add \`${option}\`.`);
	}
}

/** A received record's choices, which need consent like a bundle's accesses. */
interface ReceivedChoice {
	readonly run: TrustSubject;
	/** For each eval: whether the record, not the user, chose it or a file of its options. */
	readonly isChosen: readonly boolean[];
	readonly ownFiles: readonly string[];
}

/** Returns undefined if the user specified everything, or made the run on this machine. */
function receivedChoice(request: RunRequest, env: Environment): ReceivedChoice | undefined {
	const { recorded, evals, targetsFile } = request;
	if (!recorded) return undefined;
	const { directory, options, run } = recorded;
	const named = new Set(recorded.namedEvals.map((path) => realPath(path)));
	const isChosen = evals.map((path) => options.length > 0 || !named.has(realPath(path)));
	if (!isChosen.includes(true) || isMadeHere(run, env)) return undefined;
	const paths = [
		...evals.map((path) => (request.regrade ? `--eval ${shown(path)}` : shown(path))),
		...options.map((key) => `${optionOf(key)} ${shown(String(request[key]))}`),
	];
	const advice = `the record of ${directory} was not created here; if these are yours, pass them explicitly: \`${paths.join(" ")}\``;
	return {
		run: { kind: "run", name: directory, root: directory, key: `run ${directory}`, advice },
		isChosen,
		ownFiles: targetsFile === undefined || options.includes("targetsFile") ? [] : [targetsFile],
	};
}

function shown(path: string): string {
	return /^[\w./:@+-]+$/.test(path) ? path : JSON.stringify(path);
}

function refusal(what: string, path: string, where: string, hint: string): AgentvError {
	return new AgentvError("usage", `the run's record refers to ${what} ${where}: ${path}`, { hint });
}

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
