import { type Masker, maskDeep } from "../base/secrets.ts";
import type { PlannedTest, RunFile } from "../schema/run-file.ts";
import { toWire } from "../schema/to-wire.ts";

/** `run.json` as text, secrets masked: one line for each planned test, so that the file can be read. */
export function runFileText(run: RunFile, masker: Masker): string {
	const {
		evals,
		targets,
		git,
		benchmark,
		bundle,
		planned,
		shard,
		whole,
		merged,
		repositories,
		origin,
		flags,
		...rest
	} = run;
	const wire = {
		...toWire(rest),
		evals: evals.map(toWire),
		targets: targets.map(toWire),
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
		...(shard ? [`  "shard": ${JSON.stringify(maskDeep(toWire(shard), masker))}`] : []),
		listText("planned", planned, masker),
		...(whole ? [listText("whole", whole, masker)] : []),
	];
	return `${head},\n${lists.join(",\n")}\n}\n`;
}

function listText(name: string, tests: readonly PlannedTest[], masker: Masker): string {
	const lines = tests.map(([of, id, target, repeat]) => {
		const one = [of, id, target, ...(repeat ? [toWire(repeat)] : [])];
		return `    ${JSON.stringify(maskDeep(one, masker))}`;
	});
	return `  ${JSON.stringify(name)}: ${lines.length === 0 ? "[]" : `[\n${lines.join(",\n")}\n  ]`}`;
}
