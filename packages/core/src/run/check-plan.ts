import { join } from "node:path";
import { checkJsonSchemas } from "../eval/check-tests.ts";
import type { Assertion, TestCase } from "../eval/eval-types.ts";
import { besideTheAnswer } from "../eval/fingerprint.ts";
import { pathMissing, targetInvalid, variableUnset } from "../eval/load-findings.ts";
import { resolvePath } from "../eval/read-shape.ts";
import {
	collectReferences,
	irregularReferences,
	irregularTemplates,
	type TreeFaults,
	treeFaults,
} from "../eval/references.ts";
import {
	emptyCredentials,
	emptyEvalCredentials,
	evalVariables,
	isPlaceBelow,
	targetVariables,
} from "../eval/resolve-command.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import type {
	CoveredFile,
	Fingerprint,
	PlannedTargetRecord,
	PlannedTest,
	ResultRow,
	RunFile,
} from "../format/run-file.ts";
import { graders } from "../grading/graders/index.ts";
import { AgentvError, type Diagnostic, finding } from "../lib/errors.ts";
import { canonicalJson, readJson } from "../lib/json.ts";
import { redactDeep } from "../lib/redact.ts";
import { pathKind } from "../machine/files.ts";
import { readTextFile } from "../machine/read-file.ts";
import { providers } from "../targets/providers/index.ts";
import { isGitsOwn } from "../workspace/change-store.ts";
import type { Versions } from "./fingerprints.ts";
import type { Observed, ObservedEval } from "./observe-run.ts";
import { allGraders, keyOfRow, modelOf, type PlannedCase, type RunPlan, targetRecord } from "./run-plan.ts";
import type { Coverage } from "./shards.ts";

/**
 * Checks for obstacles of the chosen tests besides loading: variables without a value, missing
 * files, unavailable providers and graders.
 * @throws AgentvError `config` with all of them
 */
export function checkPlan(plan: RunPlan, observed: Observed): void {
	const found: Diagnostic[] = [];
	const targets = new Set(plan.targets);
	for (const target of targets) found.push(...checkProvider(target));
	const chosen = new Set(plan.cases.map(({ test }) => test));
	const trees = new Map<string, TreeFaults>();
	const faultsOf = (directory: string) => {
		const faults = trees.get(directory) ?? treeFaults(directory, isGitsOwn);
		trees.set(directory, faults);
		return faults;
	};
	for (const one of observed.evals) {
		found.push(...unsetVariables(one, chosen, targets));
		found.push(...emptySecrets(one, chosen, targets));
		const { files } = collectReferences(one.loaded, [...targets], observed.view);
		found.push(...irregularReferences(files));
		found.push(...irregularTemplates(files, faultsOf));
	}
	found.push(...plan.access.flatMap(({ refused }) => refused ?? []));
	for (const test of chosen) found.push(...missingFiles(test, plan));
	const judged = new Map<Assertion, PlannedCase>();
	for (const one of plan.cases) for (const grader of allGraders(one)) judged.set(grader, one);
	if (!plan.request.ungraded) for (const [assertion, one] of judged) found.push(...checkGrader(assertion, one, plan));
	if (found.length === 0) return;
	const unique = [...new Map(found.map((one) => [JSON.stringify([one.at, one.message]), one])).values()];
	throw new AgentvError("config", "the run can't start", { diagnostics: unique, hint: "Nothing was run." });
}

/**
 * Checks the JSON Schemas of a plan's graders. Separate, because it loads a validator.
 * @throws AgentvError `config` if one is invalid
 */
export async function checkPlannedSchemas({ cases }: Pick<RunPlan, "cases">): Promise<void> {
	const diagnostics = await checkJsonSchemas({ tests: [...new Set(cases.map(({ test }) => test))] });
	if (diagnostics.length === 0) return;
	throw new AgentvError("config", "the run can't start", { diagnostics, hint: "Nothing was run." });
}

function checkProvider(target: ResolvedTarget): Diagnostic[] {
	if (providers[target.provider]) return [];
	const reason = `uses the provider ${target.provider}, which is not available in this version`;
	const hint = `available: ${Object.keys(providers).join(", ")}`;
	return [finding(targetInvalid, { name: target.name, reason, hint }, target.at)];
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
	const asked = modelOf(assertion);
	if (!graders.has(assertion.type)) {
		const message = `the grader ${JSON.stringify(assertion.type)} is not available in this version`;
		return [finding(noGrader, { message }, assertion.at)];
	}
	if (!asked || plan.graderTarget(label, asked.target, target)) return [];
	const name = asked.target ?? target.graderTarget;
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

/** Returns missing files of a test's input. */
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

/** Changes of a run's planned tests. */
export interface PlanChanges {
	/** Sentences without a full stop. */
	readonly texts: readonly string[];
	/** Maximum attempt by test × target; the run must not have results beyond it. */
	readonly limits: ReadonlyMap<string, number>;
}

/** Refuses a plan for other evals than the run's. @throws AgentvError `config` */
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

/** Compares the tests of a run with the current plan. */
export function planChanges(run: RunFile, cases: readonly PlannedCase[]): PlanChanges {
	const before = recordedTests(run, run.planned);
	const after = plannedTests(cases);
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

/** Returns whether two lists of tests are equal, including their order. */
export function sameTests(run: RunFile, list: readonly PlannedTest[], cases: readonly PlannedCase[]): boolean {
	return canonicalJson([...recordedTests(run, list)]) === canonicalJson([...plannedTests(cases)]);
}

interface NamedTest {
	readonly name: string;
	readonly repeat: PlannedTest[3];
}

function recordedTests({ evals }: RunFile, list: readonly PlannedTest[]): Map<string, NamedTest> {
	return byKey(
		list.map(([of, testId, target, repeat]) => ({ names: { eval: evals[of]?.file ?? "", testId, target }, repeat })),
	);
}

function plannedTests(cases: readonly PlannedCase[]): Map<string, NamedTest> {
	return byKey(cases.map(({ names, repeat }) => ({ names, repeat: repeat.count === 1 ? undefined : repeat })));
}

function byKey(tests: readonly { readonly names: PlannedCase["names"]; readonly repeat: PlannedTest[3] }[]) {
	return new Map(
		tests.map(({ names, repeat }): [string, NamedTest] => {
			const name = `test ${JSON.stringify(names.testId)} of ${names.eval} with target ${JSON.stringify(names.target)}`;
			return [keyOfRow(names), { name, repeat }];
		}),
	);
}

function repeatText(repeat: PlannedTest[3]): string {
	return repeat
		? `${repeat.count} attempts (${repeat.strategy}${repeat.earlyExit ? ", early exit" : ""})`
		: "1 attempt";
}

/** Settings that affect a target's answers through the files that they refer to. */
const namedAllTheSame: ReadonlySet<string> = new Set(["command", "cwd", "fixtures"]);

/** Describes how the inputs of a recorded result have changed. */
export class ChangeNames {
	readonly #run: RunFile;
	readonly #now: Coverage;
	readonly #before: ReadonlyMap<string, CoveredFile>;
	readonly #after: ReadonlyMap<string, CoveredFile>;

	/** @param directory of the run with the record `run` */
	constructor(
		private readonly plan: RunPlan,
		run: RunFile,
		private readonly directory: string,
		now: Coverage,
	) {
		this.#run = run;
		this.#now = now;
		this.#before = new Map((run.files ?? []).map((file) => [file.path, file]));
		this.#after = new Map(now.files.map((file) => [file.path, file]));
	}

	/** what they are made of is not known => their inputs are unknown */
	of(row: ResultRow, one: PlannedCase, parts: readonly (keyof Fingerprint)[], now: Versions): readonly string[] {
		if (!row.fingerprint) return ["results without a fingerprint: what they are made of is not known"];
		const recorded = this.#run.files ? this.#recordedFiles(row) : now.files;
		const names = new Set<string>();
		for (const part of parts) {
			const found = [...this.#files(part, recorded, now.files), ...this.#settings(part, row, one)];
			for (const name of found.length > 0 ? found : this.#meanings(part)) names.add(name);
		}
		return [...names];
	}

	/** Returns versions from the attempt's own file, or from `run.json` if that is unreadable. */
	#recordedFiles({ file }: ResultRow): Readonly<Record<string, string>> {
		const path = file === undefined ? undefined : join(this.directory, file);
		const read = path !== undefined && pathKind(path) === "file" ? readJson(readTextFile(path)) : undefined;
		const value = read && "value" in read ? (read.value as { files?: unknown } | null)?.files : undefined;
		if (typeof value === "object" && value !== null) return value as Record<string, string>;
		return Object.fromEntries([...this.#before].map(([name, { sha256 }]) => [name, sha256.slice(0, 32)]));
	}

	#files(part: string, recorded: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): string[] {
		const names = [...new Set([...Object.keys(recorded), ...Object.keys(now)])].filter(
			(name) =>
				recorded[name] !== now[name] &&
				[this.#before.get(name), this.#after.get(name)].some((file) => file?.parts.includes(part)),
		);
		return names.flatMap((name) => {
			if (recorded[name] === undefined) return `${name} is new`;
			if (now[name] === undefined || now[name] === "missing") return `${name} was removed`;
			return this.#members(name);
		});
	}

	/** Returns a directory's changed files, if known. */
	#members(name: string): string[] {
		const [before, after] = [this.#before.get(name)?.members, this.#after.get(name)?.members];
		if (!before || !after) return [`${name} changed`];
		const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
			(member) => before[member] !== after[member],
		);
		if (changed.length === 0) return [`${name} changed`];
		const shown = changed.slice(0, mostMembers).map((member) => {
			const verb = before[member] === undefined ? "is new" : after[member] === undefined ? "was removed" : "changed";
			return `${name}/${member} ${verb}`;
		});
		const more = changed.length - shown.length;
		return more > 0 ? [...shown, `${name}: ${more} more files changed`] : shown;
	}

	#settings(part: string, row: ResultRow, { target, threshold, eval: of }: PlannedCase): string[] {
		if (part === "target")
			return [target.target, ...target.fallbacks].flatMap((one) =>
				this.#targetChanges("target", one, this.#run.targets),
			);
		if (part !== "graders") return [];
		const judges = this.plan.graderTargets.filter((judge) => judge.eval.label === of.label);
		return [
			...(row.threshold === threshold ? [] : [`threshold ${row.threshold} → ${threshold}`]),
			...judges.flatMap((judge) =>
				this.#targetChanges("grader target", judge.target, this.#run.graderTargets ?? this.#run.targets),
			),
		];
	}

	#targetChanges(what: string, target: ResolvedTarget, records: readonly PlannedTargetRecord[]): string[] {
		const now = redactDeep(targetRecord(target, undefined), this.plan.redact);
		const before = records.find(({ name }) => name === now.name);
		const title = `${what} ${JSON.stringify(now.name)}`;
		if (!before) return [`${title} is new`];
		if (before.provider !== now.provider) return [`${title}: provider ${before.provider} → ${now.provider}`];
		const keys = new Set([...Object.keys(before.settings), ...Object.keys(now.settings)]);
		return [...keys].flatMap((key) => {
			if (besideTheAnswer.has(key) && !namedAllTheSame.has(key)) return [];
			const [was, is] = [before.settings[key], now.settings[key]];
			return canonicalJson(was) === canonicalJson(is) ? [] : [`${title}: ${key} ${shown(was)} → ${shown(is)}`];
		});
	}

	/** Explains a changed part whose files and settings are equal, by its other texts. */
	#meanings(part: string): string[] {
		if (!this.#run.files)
			return [`${part} changed (AgentV ${this.#run.agentvVersion}, which made the run, did not record its files)`];
		const texts = [...new Set([...this.#before.keys(), ...this.#after.keys()])].flatMap((name) => {
			const [before, after] = [this.#before.get(name), this.#after.get(name)];
			const kind = part === "target" ? "targets" : "eval";
			if (before?.sha256 === after?.sha256 || !(before ?? after)?.parts.includes(kind)) return [];
			return [`${name} ${before === undefined ? "is new" : after === undefined ? "is gone" : "changed"}`];
		});
		const before = this.#run.variables ?? {};
		const { variables } = this.#now;
		const names = new Set([...Object.keys(before), ...Object.keys(variables)]);
		const values = [...names].filter((name) => this.#run.variables && before[name] !== variables[name]);
		const found = [...texts, ...values.map((name) => `variable ${name} changed`)];
		return found.length > 0 ? found : [`${part} changed`];
	}
}

/** Changed files of a directory that are listed individually. */
const mostMembers = 5;

function shown(value: unknown): string {
	if (value === undefined) return "(none)";
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
