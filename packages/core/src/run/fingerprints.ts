import { graders } from "../grading/graders/index.ts";
import { ContentPrints, type ScriptFiles } from "../model/content-prints.ts";
import { Fingerprinter, type PinnedRepository } from "../model/fingerprint.ts";
import type { Fingerprint } from "../schema/result-row.ts";
import { modelOf, withParts } from "./needed-model.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";

/** The fingerprints of a run's cases. What many of them share is digested once. */
export class Fingerprints {
	readonly #plan: RunPlan;
	readonly #fingerprinter: Fingerprinter;
	readonly #shared = new Map<unknown, Map<string, Promise<string>>>();

	constructor(plan: RunPlan, scriptFiles: ScriptFiles) {
		this.#plan = plan;
		this.#fingerprinter = new Fingerprinter(new ContentPrints(plan.view, scriptFiles), plan.masker);
	}

	/** @param repositories commits that the case's workspace got */
	async of(one: PlannedCase, repositories: readonly PinnedRepository[]): Promise<Fingerprint> {
		const { test, target, workspace, assertions, threshold } = one;
		const { suite } = test;
		const { scope } = suite;
		const make = this.#fingerprinter;
		const spec = workspace?.spec;
		const models = this.#models(one);
		const turnAssertions = test.turns.flatMap((turn) => turn.assertions);
		const judging = () =>
			Promise.all(models).then((prints) =>
				make.graders(
					[...assertions, ...turnAssertions],
					{ threshold, preprocessors: suite.preprocessors, models: prints },
					scope,
					(assertion) => graders.get(assertion.type)?.version,
				),
			);
		return {
			test: await make.test(test),
			// Tests of one eval mostly have the same list of graders only if they have none of their own.
			graders: await judging(),
			workspace: await this.#once(workspace?.key ?? "", `workspace ${repositories.map(({ sha }) => sha).join()}`, () =>
				make.workspace(spec?.workspace, repositories, scope),
			),
			hooks: await this.#once(workspace?.key ?? "", "hooks", () =>
				make.hooks([spec?.workspace?.hooks, spec?.targetHooks], spec?.extensions ?? [], scope),
			),
			target: await this.#once(target, scope.directory, () => make.target([target.target, ...target.fallbacks], scope)),
		};
	}

	#models({ assertions, test, eval: { label }, target: { target } }: PlannedCase): Promise<string>[] {
		const asked = [...assertions, ...test.turns.flatMap((turn) => turn.assertions)].flatMap((assertion) =>
			[...withParts(assertion)].flatMap((part) => modelOf(part) ?? []),
		);
		return asked.flatMap((model) => {
			const judge = this.#plan.graderTarget(label, model.target, target);
			return judge ? [this.#once(judge, "judge", () => this.#fingerprinter.target([judge], test.suite.scope))] : [];
		});
	}

	#once(owner: unknown, what: string, make: () => Promise<string>): Promise<string> {
		const known = this.#shared.get(owner) ?? new Map<string, Promise<string>>();
		this.#shared.set(owner, known);
		let made = known.get(what);
		if (!made) {
			made = make();
			known.set(what, made);
		}
		return made;
	}
}
