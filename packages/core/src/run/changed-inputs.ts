import { join } from "node:path";
import { besideTheAnswer } from "../eval/fingerprint.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import type {
	CoveredFile,
	Fingerprint,
	PlannedTargetRecord,
	PlannedTest,
	ResultRow,
	RunFile,
} from "../format/run-file.ts";
import { AgentvError } from "../lib/errors.ts";
import { canonicalJson, readJson } from "../lib/json.ts";
import { redactDeep } from "../lib/redact.ts";
import { pathKind } from "../machine/files.ts";
import { readTextFile } from "../machine/read-file.ts";
import type { Fingerprints, Versions } from "./fingerprints.ts";
import { keyOfRow, type PlannedCase, type RunPlan, targetRecord } from "./run-plan.ts";
import { recordedCommits } from "./run-workspaces.ts";
import { coverageOf } from "./shards.ts";

interface Found {
	readonly plan: PlanChanges;
	readonly touched: readonly ResultRow[];
	readonly changes: RowChanges;
}

/** @param recorded a run, its directory, and those of its rows that count */
export function changesOf(
	recorded: { readonly run: RunFile; readonly directory: string; readonly rows: readonly ResultRow[] },
	cases: readonly PlannedCase[],
	plan: RunPlan,
	fingerprints: Fingerprints,
	facts: FactsOf = () => undefined,
): Found {
	const { run, directory, rows } = recorded;
	const changes = new RowChanges(plan, fingerprints, run, directory, facts);
	const byKey = new Map(cases.map((planned) => [planned.key, planned]));
	const known = rows.flatMap((row) => {
		const planned = byKey.get(keyOfRow(row));
		return planned ? [{ row, planned }] : [];
	});
	// Tests finish in any order; report them as planned.
	known.sort((a, b) => a.planned.index - b.planned.index || a.row.attempt - b.row.attempt);
	const touched = known.filter(({ row, planned }) => changes.touches(row, planned)).map(({ row }) => row);
	return { plan: planDifference(run, cases, plan), touched, changes };
}

/** A part of a larger run identifies tests by position, so their order must be the same. */
function planDifference(run: RunFile, cases: readonly PlannedCase[], plan: RunPlan): PlanChanges {
	const changes = planChanges(run, cases);
	const whole = plan.shard?.whole;
	if (changes.texts.length > 0 || !run.whole || !whole || sameTests(run, run.whole, whole)) return changes;
	return {
		...changes,
		texts: ["the tests of the whole run that this is part of are different or in a different order"],
	};
}

export function refuseLostRows(rows: readonly ResultRow[], { limits }: PlanChanges): void {
	const lost = rows.filter((row) => row.attempt > (limits.get(keyOfRow(row)) ?? row.attempt));
	if (lost.length === 0) return;
	throw new AgentvError("config", `results would lose their test: ${idsOf(lost)}`, {
		hint: "Restore these tests and attempts, or start a new run: a run keeps all its results.",
	});
}

const maxLines = 20;

/** @param mayRerun whether --rerun-changed would help */
export function refusal({ plan: planned, touched, changes }: Found, plan: RunPlan, mayRerun: boolean): AgentvError {
	const targets = new Set(plan.cases.map(({ target }) => target.target.name)).size;
	const lines = [
		...[...changes.found].map(
			([text, rows]) =>
				`${text}: ${rows.length} ${rows.length === 1 ? "result" : "results"} (${idsOf(rows, targets > 1)})`,
		),
		...planned.texts,
	];
	const shown = lines.slice(0, maxLines);
	if (lines.length > shown.length) shown.push(`and ${lines.length - shown.length} more`);
	const message =
		touched.length > 0
			? "inputs of this run's results have changed since"
			: "the planned tests or targets have changed since the run started";
	const advice = mayRerun
		? "Undo the change, rerun the affected tests with --rerun-changed, or start a new run."
		: "Undo the change, or start a new run.";
	return new AgentvError("config", [message, ...shown.map((line) => `  ${line}`)].join("\n"), {
		hint: `${advice}${changes.isAboutGraders ? regradeAdvice : ""} Results of different versions are not mixed.`,
	});
}

const regradeAdvice = " `agentv results regrade` grades the recorded answers of a run again.";

const maxIds = 5;

function idsOf(rows: readonly ResultRow[], withTargets = false): string {
	const ids = [...new Set(rows.map(({ testId, target }) => (withTargets ? `${testId} with ${target}` : testId)))];
	const shown = ids.slice(0, maxIds).join(", ");
	return ids.length > maxIds ? `${shown} and ${ids.length - maxIds} more` : shown;
}

interface PlanChanges {
	/** Sentences without a full stop. */
	readonly texts: readonly string[];
	/** Maximum attempt by test × target; the run must not have results beyond it. */
	readonly limits: ReadonlyMap<string, number>;
}

/** @throws AgentvError `config` if the plan is for other evals than the run */
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

function planChanges(run: RunFile, cases: readonly PlannedCase[]): PlanChanges {
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

function sameTests(run: RunFile, list: readonly PlannedTest[], cases: readonly PlannedCase[]): boolean {
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

/** Facts that a target reports about itself, once it is ready. */
export type FactsOf = (target: ResolvedTarget) => Readonly<Record<string, string>> | undefined;

/** Settings whose text doesn't affect answers: only the files that they refer to do. */
const namedAllTheSame: ReadonlySet<string> = new Set(["command", "cwd", "fixtures"]);

type Part = keyof Fingerprint;
type FilesByName = Readonly<Record<string, string>>;

class RowChanges {
	/** By change: a sentence without a full stop, such as `graders/check.mjs changed`. */
	readonly found = new Map<string, ResultRow[]>();
	readonly #parts = new Set<Part | "facts">();
	readonly #before: ReadonlyMap<string, CoveredFile>;
	#now: { readonly variables: FilesByName; readonly files: ReadonlyMap<string, CoveredFile> } | undefined;

	constructor(
		private readonly plan: RunPlan,
		private readonly fingerprints: Fingerprints,
		private readonly run: RunFile,
		private readonly directory: string,
		private readonly facts: FactsOf,
	) {
		this.#before = new Map((run.files ?? []).map((file) => [file.path, file]));
	}

	get isAboutGraders(): boolean {
		return this.#parts.size === 1 && this.#parts.has("graders");
	}

	touches(row: ResultRow, planned: PlannedCase): boolean {
		const { repositories = [] } = this.run;
		const now = this.fingerprints.of(planned, recordedCommits(planned, repositories, this.plan.redact));
		const parts = this.fingerprints.parts.filter(
			(part) => !row.fingerprint || this.#differs(part, row, planned, now.fingerprint),
		);
		const facts = this.#factChanges(row, planned);
		if (parts.length === 0 && facts.length === 0) return false;
		for (const part of parts) this.#parts.add(part);
		if (facts.length > 0) this.#parts.add("facts");
		for (const name of [...this.#names(row, planned, parts, now), ...facts]) {
			const rows = this.found.get(name);
			if (rows) rows.push(row);
			else this.found.set(name, [row]);
		}
		return true;
	}

	#differs(part: Part, row: ResultRow, planned: PlannedCase, now: Fingerprint): boolean {
		const recorded = row.fingerprint?.[part];
		if (recorded === now[part]) return false;
		// Without a prepared workspace there are no commits.
		const isUnprepared = part === "workspace" && row.executionStatus === "execution_error";
		return !(isUnprepared && recorded === this.fingerprints.of(planned, []).fingerprint[part]);
	}

	#factChanges(row: ResultRow, { target, eval: of }: PlannedCase): string[] {
		const graders = new Set(row.scores.flatMap(({ usage }) => usage?.target ?? []));
		const used = this.plan.graderTargets.filter(
			(grader) => grader.eval.label === of.label && graders.has(grader.target.name),
		);
		const changes = (what: string, tested: ResolvedTarget, records: readonly PlannedTargetRecord[]) =>
			changedFacts(tested, records, this.facts).map(
				([name, before, after]) => `${what} ${JSON.stringify(tested.name)}: ${name} ${before} → ${after}`,
			);
		return [
			...[target.target, ...target.fallbacks].flatMap((tested) => changes("target", tested, this.run.targets)),
			...used.flatMap((grader) => changes("grader target", grader.target, this.run.graderTargets ?? [])),
		];
	}

	#names(row: ResultRow, planned: PlannedCase, parts: readonly Part[], now: Versions): readonly string[] {
		if (parts.length === 0) return [];
		if (!row.fingerprint) return ["results without a fingerprint: what they are made of is not known"];
		const recorded = this.run.files ? this.#recordedFiles(row) : now.files;
		const names = new Set<string>();
		for (const part of parts) {
			const changes = [...this.#files(part, recorded, now.files), ...this.#settings(part, row, planned)];
			for (const name of changes.length > 0 ? changes : this.#meanings(part)) names.add(name);
		}
		return [...names];
	}

	get #current() {
		if (!this.#now) {
			const { files, variables } = coverageOf(this.plan, this.fingerprints, this.plan.cases);
			this.#now = { variables, files: new Map(files.map((file) => [file.path, file])) };
		}
		return this.#now;
	}

	#recordedFiles({ file }: ResultRow): FilesByName {
		const path = file === undefined ? undefined : join(this.directory, file);
		const read = path !== undefined && pathKind(path) === "file" ? readJson(readTextFile(path)) : undefined;
		const value = read && "value" in read ? (read.value as { files?: unknown } | null)?.files : undefined;
		if (typeof value === "object" && value !== null) return value as Record<string, string>;
		return Object.fromEntries([...this.#before].map(([name, { sha256 }]) => [name, sha256.slice(0, 32)]));
	}

	#files(part: string, recorded: FilesByName, now: FilesByName): string[] {
		const names = [...new Set([...Object.keys(recorded), ...Object.keys(now)])].filter(
			(name) =>
				recorded[name] !== now[name] &&
				[this.#before.get(name), this.#current.files.get(name)].some((file) => file?.parts.includes(part)),
		);
		return names.flatMap((name) => {
			if (recorded[name] === undefined) return `${name} is new`;
			if (now[name] === undefined || now[name] === "missing") return `${name} was removed`;
			return this.#members(name);
		});
	}

	#members(name: string): string[] {
		const [before, after] = [this.#before.get(name)?.members, this.#current.files.get(name)?.members];
		if (!before || !after) return [`${name} changed`];
		const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
			(member) => before[member] !== after[member],
		);
		if (changed.length === 0) return [`${name} changed`];
		const shown = changed.slice(0, maxMembers).map((member) => {
			const verb = before[member] === undefined ? "is new" : after[member] === undefined ? "was removed" : "changed";
			return `${name}/${member} ${verb}`;
		});
		const more = changed.length - shown.length;
		return more > 0 ? [...shown, `${name}: ${more} more files changed`] : shown;
	}

	#settings(part: string, row: ResultRow, { target, threshold, eval: of }: PlannedCase): string[] {
		if (part === "target")
			return [target.target, ...target.fallbacks].flatMap((candidate) =>
				this.#targetChanges("target", candidate, this.run.targets),
			);
		if (part !== "graders") return [];
		const graders = this.plan.graderTargets.filter((grader) => grader.eval.label === of.label);
		return [
			...(row.threshold === threshold ? [] : [`threshold ${row.threshold} → ${threshold}`]),
			...graders.flatMap((grader) =>
				this.#targetChanges("grader target", grader.target, this.run.graderTargets ?? this.run.targets),
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

	/** Explains a changed part whose files and settings are equal. */
	#meanings(part: string): string[] {
		if (!this.run.files)
			return [`${part} changed (AgentV ${this.run.agentvVersion}, which made the run, did not record its files)`];
		const texts = [...new Set([...this.#before.keys(), ...this.#current.files.keys()])].flatMap((name) => {
			const [before, after] = [this.#before.get(name), this.#current.files.get(name)];
			const kind = part === "target" ? "targets" : "eval";
			if (before?.sha256 === after?.sha256 || !(before ?? after)?.parts.includes(kind)) return [];
			return [`${name} ${before === undefined ? "is new" : after === undefined ? "is gone" : "changed"}`];
		});
		const before = this.run.variables ?? {};
		const { variables } = this.#current;
		const names = new Set([...Object.keys(before), ...Object.keys(variables)]);
		const values = [...names].filter((name) => this.run.variables && before[name] !== variables[name]);
		const changes = [...texts, ...values.map((name) => `variable ${name} changed`)];
		return changes.length > 0 ? changes : [`${part} changed`];
	}
}

const maxMembers = 5;

function shown(value: unknown): string {
	if (value === undefined) return "(none)";
	const text = typeof value === "string" ? value : JSON.stringify(value);
	return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Ignores facts that are missing on one side. */
export function changedFacts(
	target: ResolvedTarget,
	records: readonly PlannedTargetRecord[],
	factsOf: FactsOf,
): readonly (readonly [name: string, before: string, after: string])[] {
	const before = records.find(({ name }) => name === target.name)?.facts ?? {};
	const after = factsOf(target) ?? {};
	return Object.entries(before).flatMap(([name, was]) => {
		const is = after[name];
		return is === undefined || is === was ? [] : [[name, was, is] as const];
	});
}
