import { canonicalJson } from "../base/canonical-json.ts";
import { isSecretName, type Masker, mask, maskDeep } from "../base/secrets.ts";
import type { ResolvedTarget } from "../model/resolve-target.ts";
import type { PlannedTargetRecord, RunFile } from "../schema/run-file.ts";
import { toWire } from "../schema/to-wire.ts";
import type { RepositoryRecord } from "../workspace/contract.ts";
import type { PlannedCase, RunPlan } from "./run-plan.ts";

/** What `run.json` says of a target: its settings, credentials left out. */
export function targetRecord(
	target: ResolvedTarget,
	facts: Readonly<Record<string, string>> | undefined,
): PlannedTargetRecord {
	const { name: _, provider: __, ...settings } = target.wire;
	return {
		name: target.name,
		provider: target.provider,
		settings: withoutSecrets(settings) as Record<string, unknown>,
		via: target.via.map(({ definition }) => definition.name),
		...(facts ? { facts: { ...facts } } : {}),
	};
}

function withoutSecrets(value: unknown, key = ""): unknown {
	if (typeof value === "string") return isSecretName(key) ? mask : value;
	if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, key));
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value).map(([name, item]) => [name, withoutSecrets(item, key === "headers" ? "KEY" : name)]),
	);
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
export function plannedList({ evals, cases }: RunPlan): RunFile["planned"] {
	const positions = new Map(evals.map((one, index) => [one, index]));
	return cases.map(({ eval: of, test, target, repeat }) => {
		const name = [positions.get(of) ?? 0, test.id, target.target.name] as const;
		return repeat.count === 1 ? [...name] : [...name, { ...repeat }];
	});
}

/** `run.json` as text, secrets masked: one line for each planned test, so that the file can be read. */
export function runFileText(run: RunFile, masker: Masker): string {
	const { evals, targets, git, benchmark, bundle, planned, repositories, flags, ...rest } = run;
	const wire = {
		...toWire(rest),
		evals: evals.map(toWire),
		targets: targets.map(toWire),
		...(git ? { git: toWire(git) } : {}),
		...(benchmark ? { benchmark: toWire(benchmark) } : {}),
		...(bundle ? { bundle: toWire(bundle) } : {}),
		flags,
		...(repositories ? { repositories: repositories.map(toWire) } : {}),
	};
	const head = JSON.stringify(maskDeep(wire, masker), null, 2).replace(/\n}$/, "");
	const lines = maskDeep(planned, masker).map(([of, testId, target, repeat]) => {
		const line = [of, testId, target, ...(repeat ? [toWire(repeat)] : [])];
		return `    ${JSON.stringify(line)}`;
	});
	return `${head},\n  "planned": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

/** `run` with the commits that a workspace got; those of a resumed run may be others than before. */
export function withRepositories(run: RunFile, found: readonly RepositoryRecord[]): RunFile {
	const known = [...(run.repositories ?? []), ...found].map((one) => [canonicalJson(one), one] as const);
	return { ...run, repositories: [...new Map(known).values()] };
}
