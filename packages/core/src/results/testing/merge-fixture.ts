import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { readRunFile } from "../../eval/discover-evals.ts";
import { type FixtureOptions, machineIn, mockTargets, type RanEval, runTree } from "../../run/testing/run-fixture.ts";
import { type Merge, mergeRuns } from "../merge-runs.ts";

/** Runs all shards of the tests in `root`, each in its own directory. */
export async function runShards(root: string, count: number, options: FixtureOptions = {}): Promise<RanEval[]> {
	const runs: RanEval[] = [];
	const targets = readFileSync(join(root, "targets.yaml"), "utf8").match(/(?<=name: )\w+/g) ?? [];
	for (let index = 1; index <= count; index++)
		runs.push(
			await runTree(
				{ root },
				{ targets, shard: { index, count }, output: join(root, `shard-${index}-${count}`), ...options },
			),
		);
	return runs;
}

export async function merged(directories: readonly string[]): Promise<Merge & { readonly directory: string }> {
	const directory = join(tempTree(), "deep/merged");
	const named = directories.map((one) => ({ directory: one, name: one.slice(one.lastIndexOf("/") + 1) }));
	const { env } = machineIn(dirname(directories[0] ?? directory));
	return { ...(await mergeRuns(named, directory, { signal: new AbortController().signal, env })), directory };
}

export const directoriesOf = (runs: readonly RanEval[]) => runs.map(({ runDir }) => runDir);

/** Returns the text of every file of a directory by path. */
export function filesIn(directory: string): Map<string, string> {
	const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map(({ parentPath, name }) => join(parentPath, name));
	return new Map(paths.sort().map((path) => [path.slice(directory.length + 1), readFileSync(path, "utf8")]));
}

/** Returns a run's reproducible results: its rows in planned order and all files. */
export function found(directory: string) {
	const files = filesIn(directory);
	const steady = (text: string) =>
		text.replace(/"(timestamp|file_sha256)":"[^"]*"|"duration_ms": ?[\d.]+|"timings_ms":\{[^}]*\}/g, "");
	const rows = (files.get("index.jsonl") ?? "").split("\n").filter((line) => line !== "");
	const { planned, evals, targets, experiment, flags } = readRunFile(directory);
	const { shard: _, ...kept } = flags;
	const order = new Map(planned.map(([, id, target], position) => [`${id} ${target}`, position]));
	const place = (line: string) => {
		const { test_id, target, attempt } = JSON.parse(line);
		return (order.get(`${test_id} ${target}`) ?? -1) * 10 + attempt;
	};
	const inOrder = [...rows].sort((one, other) => place(one) - place(other));
	files.delete("run.json");
	files.delete("index.jsonl");
	files.delete("run.sha256");
	return {
		run: { planned, evals, targets, experiment, flags: kept },
		rows: inOrder.map(steady),
		files: new Map([...files].map(([path, text]) => [path, steady(text)])),
		isInOrder: inOrder.every((line, position) => line === rows[position]),
	};
}

export const ids = ["a", "b", "c", "d", "e", "f"];

/** Returns an eval of six tests, some of which are in each of two shards. */
export function project(targets = mockTargets("yes")): string {
	const tests = ids.map((id) => `  - {id: ${id}, input: hi, repeat: 2, assertions: [{type: contains, value: yes}]}`);
	return tempTree({ "my.eval.yaml": `tests:\n${tests.join("\n")}\n`, "targets.yaml": targets });
}

export async function twoShards(root = project()) {
	const [first, second] = await runShards(root, 2);
	if (!first || !second || first.rows.length === 0 || second.rows.length === 0) throw new Error("a shard is empty");
	return { root, first, second, one: first.runDir, two: second.runDir };
}

export function editJson(file: string, edit: (value: Record<string, unknown>) => object): void {
	writeFileSync(file, JSON.stringify(edit(JSON.parse(readFileSync(file, "utf8")))));
}

export function editRows(directory: string, edit: (row: Record<string, unknown>) => object): void {
	const index = join(directory, "index.jsonl");
	const rows = readFileSync(index, "utf8").trim().split("\n");
	writeFileSync(index, rows.map((line) => `${JSON.stringify(edit(JSON.parse(line)))}\n`).join(""));
}
