import { commandRunner } from "../eval/resolve-command.ts";
import type { ResolvedTarget } from "../eval/resolve-target.ts";
import { AgentvError } from "../lib/errors.ts";
import { secretsIn } from "../lib/redact.ts";
import type { Target, TargetProblem } from "../targets/contract.ts";
import { providers, vendorKeys } from "../targets/providers/index.ts";
import { interrupted } from "./attempt.ts";
import { type CallCache, Pace } from "./call-cache.ts";
import { targetKey } from "./plan-run.ts";
import type { PlannedEval, PlannedTarget, RunPlan } from "./run-plan.ts";

export interface LiveTarget {
	readonly target: ResolvedTarget;
	readonly instance: Target;
	/** Why it is not usable; its fallbacks replace it. */
	readonly problem?: TargetProblem;
	readonly pace?: Pace;
	readonly cache?: CallCache;
}

export class LiveTargets {
	readonly #live = new Map<string, Promise<LiveTarget>>();
	readonly #paces = new Map<string, Pace>();
	readonly #facts = new Map<string, Readonly<Record<string, string>>>();

	constructor(
		private readonly plan: RunPlan,
		private readonly signal: AbortSignal,
		private readonly cache?: CallCache,
	) {}

	/** @throws AgentvError `config` with one sentence for each unusable target; `interrupted` */
	async start(): Promise<void> {
		const planned = new Map<string, { readonly target: PlannedTarget; readonly eval: PlannedEval }>();
		// Recorded answers need no target.
		for (const testCase of this.plan.request.regrade ? [] : this.plan.cases) {
			const key = liveKey(testCase.target.target, testCase.eval);
			if (!planned.has(key)) planned.set(key, { target: testCase.target, eval: testCase.eval });
		}
		const problems: string[] = [];
		const hints: string[] = [];
		for (const { target, eval: of } of planned.values()) {
			const [first, ...others] = await Promise.all(
				[target.target, ...target.fallbacks].map((candidate) => this.live(candidate, of)),
			);
			if (!first?.problem || others.some(({ problem }) => !problem)) continue;
			problems.push(`target ${JSON.stringify(first.target.name)} can't be used: ${first.problem.message}`);
			if (first.problem.hint !== undefined) hints.push(first.problem.hint);
		}
		for (const { target, eval: of } of this.plan.graderTargets) {
			const { problem } = await this.live(target, of);
			if (!problem) continue;
			problems.push(`target ${JSON.stringify(target.name)} can't be used to grade: ${problem.message}`);
			if (problem.hint !== undefined) hints.push(problem.hint);
		}
		// An aborted check doesn't say anything about its target.
		if (this.signal.aborted) throw interrupted();
		const [only] = problems;
		if (only === undefined) return;
		const message =
			problems.length === 1 ? only : `${problems.length} targets can't be used:\n  ${problems.join("\n  ")}`;
		throw new AgentvError("config", message, hints[0] === undefined ? {} : { hint: hints[0] });
	}

	live(target: ResolvedTarget, of: PlannedEval): Promise<LiveTarget> {
		const key = liveKey(target, of);
		let live = this.#live.get(key);
		if (!live) {
			live = this.#make(target, of);
			this.#live.set(key, live);
		}
		return live;
	}

	async candidates({ target, fallbacks }: PlannedTarget, of: PlannedEval): Promise<readonly LiveTarget[]> {
		const all = await Promise.all([target, ...fallbacks].map((candidate) => this.live(candidate, of)));
		return all.filter(({ problem }) => !problem);
	}

	facts(target: ResolvedTarget): Readonly<Record<string, string>> | undefined {
		return this.#facts.get(target.name);
	}

	async close(): Promise<void> {
		for (const live of this.#live.values()) await (await live).instance.close?.();
	}

	#otherKeys(target: ResolvedTarget): string[] {
		const own = new Set(secretsIn(target.wire));
		return secretsIn(this.plan.targets.map(({ wire }) => wire)).filter((key) => !own.has(key));
	}

	async #make(target: ResolvedTarget, of: PlannedEval): Promise<LiveTarget> {
		const { view } = this.plan;
		const { env, scope } = of;
		const runCommand = commandRunner({ view, scope, env });
		const services = { env, scope, view, runCommand, vendorKeys, otherKeys: this.#otherKeys(target) };
		const instance = providers[target.provider].create(target, services);
		const problem = await instance.check(this.signal);
		if (problem) return { target, instance, problem };
		const facts = await instance.describe?.(this.signal);
		if (facts) this.#facts.set(target.name, facts);
		const pace = this.#paceOf(target);
		return { target, instance, ...(pace ? { pace } : {}), ...(this.cache ? { cache: this.cache } : {}) };
	}

	#paceOf(target: ResolvedTarget): Pace | undefined {
		const { requestsPerMinute } = target.settings;
		if (requestsPerMinute === undefined) return undefined;
		const key = targetKey(target);
		const pace = this.#paces.get(key) ?? new Pace(requestsPerMinute);
		this.#paces.set(key, pace);
		return pace;
	}
}

function liveKey(target: ResolvedTarget, { label, scope }: PlannedEval): string {
	// Relative paths depend on the eval, so only evals in one directory share a target.
	return `${targetKey(target)}\0${scope.directory}\0${label}`;
}
