import { canonicalJson } from "../base/canonical-json.ts";
import { redactSettings } from "../base/redact.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { PlannedTargetRecord, PlannedTest, RunFile } from "../schema/run-file.ts";
import type { RepositoryRecord } from "../workspace/contract.ts";
import type { PlannedCase, PlannedEval } from "./run-plan.ts";

/** What `run.json` says of a target: its settings, secrets redacted. */
export function targetRecord(
	target: ResolvedTarget,
	facts: Readonly<Record<string, string>> | undefined,
): PlannedTargetRecord {
	const { name: _, provider: __, ...settings } = target.wire;
	return {
		name: target.name,
		provider: target.provider,
		settings: redactSettings(settings),
		via: target.via.map(({ definition }) => definition.name),
		...(facts ? { facts: { ...facts } } : {}),
	};
}

/** The targets of a plan, fallbacks included, each once. */
export function plannedTargets(cases: readonly PlannedCase[]): ResolvedTarget[] {
	return [
		...new Map(
			cases.flatMap(({ target }) => [target.target, ...target.fallbacks]).map((one) => [one.name, one]),
		).values(),
	];
}

/** The `planned` list: every test × target in order. */
export function plannedList(evals: readonly PlannedEval[], cases: readonly PlannedCase[]): PlannedTest[] {
	const positions = new Map(evals.map((one, index) => [one, index]));
	return cases.map(({ eval: of, test, target, repeat }): PlannedTest => {
		const named = [positions.get(of) ?? 0, test.id, target.target.name] as const;
		return repeat.count === 1 ? [...named] : [...named, { ...repeat }];
	});
}

/** `run` with the commits that a workspace got; those of a resumed run may be others than before. */
export function withRepositories(run: RunFile, found: readonly RepositoryRecord[]): RunFile {
	const known = [...(run.repositories ?? []), ...found].map((one) => [canonicalJson(one), one] as const);
	return { ...run, repositories: [...new Map(known).values()] };
}
