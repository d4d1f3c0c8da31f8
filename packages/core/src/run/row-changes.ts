import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { Fingerprint, ResultRow } from "../schema/result-row.ts";
import type { PlannedTargetRecord, RunFile } from "../schema/run-file.ts";
import { ChangeNames } from "./change-names.ts";
import { coverageOf } from "./coverage.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { recordedCommits } from "./recorded-commits.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";

/** What a target says about itself, if it is up. */
export type FactsOf = (target: ResolvedTarget) => Readonly<Record<string, string>> | undefined;

/** Something that is not what it was, with the results that it touches. */
interface Change {
	/** A sentence without a full stop: `graders/check.mjs changed`. */
	readonly text: string;
	readonly rows: readonly ResultRow[];
}

/** Compares the recorded results of a run with what they would be made of now. */
export class RowChanges {
	readonly #plan: RunPlan;
	readonly #fingerprints: Fingerprints;
	readonly #run: RunFile;
	readonly #directory: string;
	readonly #facts: FactsOf;
	readonly #found = new Map<string, ResultRow[]>();
	readonly #parts = new Set<keyof Fingerprint | "facts">();
	#names: ChangeNames | undefined;

	/** @param directory of the run that `run` is the record of */
	constructor(plan: RunPlan, fingerprints: Fingerprints, run: RunFile, directory: string, facts: FactsOf) {
		this.#plan = plan;
		this.#fingerprints = fingerprints;
		this.#run = run;
		this.#directory = directory;
		this.#facts = facts;
	}

	/** Whether nothing but graders has changed: then the recorded answers could be graded again. */
	get isAboutGraders(): boolean {
		return this.#parts.size === 1 && this.#parts.has("graders");
	}

	/** What was found so far. */
	get all(): readonly Change[] {
		return [...this.#found].map(([text, rows]) => ({ text, rows }));
	}

	/** Returns whether a row's result would be made of something else now, and keeps what that is. */
	touches(row: ResultRow, one: PlannedCase): boolean {
		const { repositories = [] } = this.#run;
		const now = this.#fingerprints.of(one, recordedCommits(one, repositories, this.#plan.redact));
		const parts = row.fingerprint
			? this.#fingerprints.parts.filter((part) => this.#differs(part, row, one, now.fingerprint))
			: this.#fingerprints.parts;
		const facts = this.#factChanges(row, one);
		if (parts.length === 0 && facts.length === 0) return false;
		for (const part of [...parts, ...(facts.length > 0 ? (["facts"] as const) : [])]) this.#parts.add(part);
		this.#names ??= new ChangeNames(
			this.#plan,
			this.#run,
			this.#directory,
			coverageOf(this.#plan, this.#fingerprints, this.#plan.cases),
		);
		const names = parts.length === 0 ? [] : this.#names.of(row, one, parts, now);
		for (const name of [...names, ...facts]) {
			const rows = this.#found.get(name);
			if (rows) rows.push(row);
			else this.#found.set(name, [row]);
		}
		return true;
	}

	#differs(part: keyof Fingerprint, row: ResultRow, one: PlannedCase, now: Fingerprint): boolean {
		const recorded = row.fingerprint?.[part];
		if (recorded === now[part]) return false;
		// An attempt whose workspace could not be prepared knew no commits.
		const isUnprepared = part === "workspace" && row.executionStatus === "execution_error";
		return !(isUnprepared && recorded === this.#fingerprints.of(one, []).fingerprint[part]);
	}

	#factChanges(row: ResultRow, { target, eval: of }: PlannedCase): string[] {
		const judges = new Set(row.scores.flatMap(({ usage }) => usage?.target ?? []));
		const used = this.#plan.graderTargets.filter(
			(judge) => judge.eval.label === of.label && judges.has(judge.target.name),
		);
		return [
			...[target.target, ...target.fallbacks].flatMap((one) => this.#factsOf("target", one, this.#run.targets)),
			...used.flatMap((judge) => this.#factsOf("grader target", judge.target, this.#run.graderTargets ?? [])),
		];
	}

	#factsOf(what: string, target: ResolvedTarget, records: readonly PlannedTargetRecord[]): string[] {
		return changedFacts(target, records, this.#facts).map(
			([name, before, after]) => `${what} ${JSON.stringify(target.name)}: ${name} ${before} → ${after}`,
		);
	}
}

/** What a target reports about itself differently from its record; what only one of both knows is left out. */
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
