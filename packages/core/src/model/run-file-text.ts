import { type Redactor, redactDeep } from "../base/redact.ts";
import type { PlannedTest, RunFile } from "../schema/run-file.ts";
import { toWire } from "../schema/to-wire.ts";

/** Redacted, with one line per planned test, so that the file is readable. */
export function runFileText(run: RunFile, redact: Redactor): string {
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
	const head = JSON.stringify(redactDeep(wire, redact), null, 2).replace(/\n}$/, "");
	const lists = [
		...(files ? [lines("files", redactDeep(files, redact))] : []),
		...(fingerprints ? [lines("fingerprints", fingerprints)] : []),
		...(shard ? [`  "shard": ${JSON.stringify(redactDeep(toWire(shard), redact))}`] : []),
		listText("planned", planned, redact),
		...(whole ? [listText("whole", whole, redact)] : []),
	];
	return `${head},\n${lists.join(",\n")}\n}\n`;
}

function listText(name: string, tests: readonly PlannedTest[], redact: Redactor): string {
	const list = tests.map(([of, id, target, repeat]) =>
		redactDeep([of, id, target, ...(repeat ? [toWire(repeat)] : [])], redact),
	);
	return lines(name, list);
}

function lines(name: string, list: readonly unknown[]): string {
	const texts = list.map((one) => `    ${JSON.stringify(one)}`);
	return `  ${JSON.stringify(name)}: ${texts.length === 0 ? "[]" : `[\n${texts.join(",\n")}\n  ]`}`;
}
