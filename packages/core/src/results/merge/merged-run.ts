import { canonicalJson } from "../../base/canonical-json.ts";
import { caseResult, isDecided } from "../../grading/case-result.ts";
import { SummaryBuilder } from "../../grading/run-summary.ts";
import { digestText } from "../../io/files/digest-tree.ts";
import { caseKey } from "../../model/case-key.ts";
import type { RunSummary } from "../../schema/result-row.ts";
import type { CoveredFile, RunFile } from "../../schema/run-file.ts";
import type { MergedCase } from "./collate-rows.ts";
import { repeatOf } from "./find-missing.ts";
import type { MergePart } from "./merge-part.ts";

/** `run.json` of what parts, in their order, are merged into. Says the same whenever and wherever they are merged. */
export function mergedRunFile(parts: readonly [MergePart, ...MergePart[]]): RunFile {
	const [{ run: first, whole, sharding }] = parts;
	const runs = parts.map(({ run }) => run);
	const startedAt = runs.map((run) => run.startedAt).sort()[0] ?? first.startedAt;
	const ids = runs.map(({ runId }) => runId).sort();
	const { whole: _whole, shard: _shard, repositories: _repositories, ...others } = first;
	const { files: _files, opaque: _opaque, fingerprints: _fingerprints, ...rest } = others;
	const repositories = new Map(
		runs.flatMap((run) => run.repositories ?? []).map((one) => [canonicalJson(one), one] as const),
	);
	const asked = runs.flatMap(({ targets }) => targets.filter(({ facts }) => facts !== undefined));
	const { shard: _own, onlyMissing: _base, ...flags } = first.flags;
	return {
		...rest,
		runId: `${startedAt.replace(/[-:]|\.\d+/g, "")}-${digestText(ids.join("\n")).slice(0, 6)}`,
		startedAt,
		// A shard without tests for a target did not ask it what it is.
		targets: first.targets.map((target) => asked.find(({ name }) => name === target.name) ?? target),
		...(first.git ? { git: { ...first.git, dirty: runs.some(({ git }) => git?.dirty === true) } } : {}),
		flags,
		planned: [...whole],
		...(sharding ? { shard: withoutIndex(sharding) } : {}),
		merged: parts.flatMap(mergedFrom),
		...(repositories.size > 0 ? { repositories: [...repositories.values()] } : {}),
		...mergedCoverage(parts),
	};
}

/** What the results of all parts are made of. */
function mergedCoverage(parts: readonly [MergePart, ...MergePart[]]): Partial<RunFile> {
	const runs = parts.map(({ run }) => run);
	if (runs.some(({ files, fingerprints }) => !files || !fingerprints)) return {};
	const files = new Map<string, CoveredFile>();
	for (const file of runs.flatMap((run) => run.files ?? [])) {
		const covered = new Set([...(files.get(file.path)?.parts ?? []), ...file.parts]);
		files.set(file.path, { ...file, parts: [...covered].sort() });
	}
	const opaque = new Map(runs.flatMap((run) => run.opaque ?? []).map((one) => [canonicalJson(one), one] as const));
	const prints = new Map(
		runs.flatMap((run) =>
			run.planned.map(([of, id, target], position) => {
				const key = caseKey(run.evals[of]?.file ?? "", id, target);
				return [key, run.fingerprints?.[position] ?? ""] as const;
			}),
		),
	);
	const [{ run: first, whole }] = parts;
	return {
		files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
		opaque: [...opaque.values()],
		// A shard that was not there is not known either.
		fingerprints: whole.map(([of, id, target]) => prints.get(caseKey(first.evals[of]?.file ?? "", id, target)) ?? ""),
	};
}

function withoutIndex({ count, balancedBy, assigned }: NonNullable<RunFile["shard"]>): NonNullable<RunFile["shard"]> {
	return { count, ...(balancedBy === undefined ? {} : { balancedBy }), assigned };
}

/** A run that was itself merged stands for what it was merged from. */
function mergedFrom({ run }: MergePart): NonNullable<RunFile["merged"]> {
	const { runId, startedAt, shard } = run;
	return run.merged ?? [{ runId, startedAt, ...(shard?.index === undefined ? {} : { shard: shard.index }) }];
}

/** `summary.json`, computed anew from the rows. Its duration is what the parts took together. */
export function mergedSummary(parts: readonly MergePart[], cases: readonly MergedCase[]): RunSummary {
	const summary = new SummaryBuilder(cases.length);
	for (const { planned, rows } of cases) {
		const repeat = repeatOf(planned);
		const attempts = rows.map(({ row }) => row);
		for (const row of attempts) summary.addRow(row);
		const threshold = attempts.at(-1)?.threshold;
		if (threshold !== undefined && isDecided(attempts, repeat))
			summary.addCase(caseResult(attempts, repeat, threshold));
	}
	for (const { durationMs } of parts) summary.addTime(durationMs);
	return summary.result();
}
