import { type Masker, maskDeep } from "../base/secrets.ts";
import type { PlannedTest, RunFile } from "../schema/run-file.ts";
import { toWire } from "../schema/to-wire.ts";

/** `run.json` as text, secrets masked: one line for each planned test, so that the file can be read. */
export function runFileText(run: RunFile, masker: Masker): string {
	const { evals, targets, graderTargets, git, benchmark, bundle, planned, shard, whole, merged, ...others } = run;
	const { repositories, origin, flags, files, fingerprints, ...rest } = others;
	const wire = {
		...toWire(rest),
		evals: evals.map(toWire),
		targets: targets.map(toWire),
		...(graderTargets ? { grader_targets: graderTargets.map(toWire) } : {}),
		...(git ? { git: toWire(git) } : {}),
		...(benchmark ? { benchmark: toWire(benchmark) } : {}),
		...(bundle ? { bundle: toWire(bundle) } : {}),
		flags,
		...(repositories ? { repositories: repositories.map(toWire) } : {}),
		...(merged ? { merged: merged.map(toWire) } : {}),
		...(origin ? { origin: toWire(origin) } : {}),
	};
	const head = JSON.stringify(maskDeep(wire, masker), null, 2).replace(/\n}$/, "");
	const lists = [
		...(files ? [lines("files", maskDeep(files, masker))] : []),
		...(fingerprints ? [lines("fingerprints", fingerprints)] : []),
		...(shard ? [`  "shard": ${JSON.stringify(maskDeep(toWire(shard), masker))}`] : []),
		listText("planned", planned, masker),
		...(whole ? [listText("whole", whole, masker)] : []),
	];
	return `${head},\n${lists.join(",\n")}\n}\n`;
}

function listText(name: string, tests: readonly PlannedTest[], masker: Masker): string {
	const list = tests.map(([of, id, target, repeat]) =>
		maskDeep([of, id, target, ...(repeat ? [toWire(repeat)] : [])], masker),
	);
	return lines(name, list);
}

function lines(name: string, list: readonly unknown[]): string {
	const texts = list.map((one) => `    ${JSON.stringify(one)}`);
	return `  ${JSON.stringify(name)}: ${texts.length === 0 ? "[]" : `[\n${texts.join(",\n")}\n  ]`}`;
}
