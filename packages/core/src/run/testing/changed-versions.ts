import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { verifyRun } from "../../results/verify-run.ts";
import { type FixtureOptions, mockTargets, type RanEval, runTree } from "./run-fixture.ts";

export const verdict = "console.log(JSON.stringify({ score: 1 }));";
export const passes = "assertions: [{type: contains, value: yes}]";
export const mock = { "targets.yaml": mockTargets("yes") };

/** Returns an eval of three tests. */
export const evalWith = (text: string) =>
	`${text}\ntests:\n${["a", "b", "c"].map((id) => `  - {id: ${id}, input: hi}`).join("\n")}\n`;

export const grader = (command: string) => `assertions: [{type: code-grader, command: ${command}}]`;

/** A kind of input: a project, the file that changes, and the name of the change in the refusal. */
export interface Kind {
	readonly files: Readonly<Record<string, string>>;
	/** The file that changes, by default by an additional byte. */
	readonly changes?: string;
	/** The text to replace in that file instead. */
	readonly from?: string;
	readonly to?: string;
	readonly named: string;
	readonly options?: FixtureOptions;
}

/** Makes paths of options absolute. */
const placed = (root: string, { envFile, targetsFile, ...rest }: FixtureOptions = {}): FixtureOptions => ({
	...rest,
	...(envFile === undefined ? {} : { envFile: join(root, envFile) }),
	...(targetsFile === undefined ? {} : { targetsFile: join(root, targetsFile) }),
});

/** Removes the last row, so that one test remains to be run. */
export function cutShort({ runDir }: Pick<RanEval, "runDir">): void {
	const index = join(runDir, "index.jsonl");
	const rows = readFileSync(index, "utf8").trimEnd().split("\n");
	const left = rows.filter((row) => JSON.parse(row).test_id !== "c");
	writeFileSync(index, left.map((row) => `${row}\n`).join(""));
}

/** Checks that resuming after a change is refused, or reruns the affected tests. */
export function refusesToMix(kinds: Readonly<Record<string, Kind>>): void {
	test.each(Object.entries(kinds))("%s", async (_, { files, changes = "", from, to = "", named, options }) => {
		const root = tempTree(files as Record<string, string>);
		const first = await runTree({ root }, { ...placed(root, options), workers: 1 });
		expect(first.rows.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
		expect(await verifyRun(first.runDir)).toMatchObject({ differences: [] });
		cutShort(first);
		const path = join(root, changes);
		const text = readFileSync(path, "utf8");
		expect(from === undefined || text.includes(from)).toBe(true);
		writeFileSync(path, from === undefined ? `${text}\n` : text.replace(from, to));
		const again = { ...placed(root, options), output: first.runDir, resume: true };
		const index = readFileSync(join(first.runDir, "index.jsonl"), "utf8");
		await expect(runTree({ root }, again)).rejects.toMatchObject({
			code: "config",
			message: expect.stringContaining(named),
			hint: expect.stringContaining("--rerun-changed"),
		});
		expect(readFileSync(join(first.runDir, "index.jsonl"), "utf8")).toBe(index);

		const rerun = await runTree({ root }, { ...again, rerunChanged: true });
		expect(rerun.summary.planned).toBe(3);
		expect(await verifyRun(first.runDir)).toMatchObject({ differences: [], tests: { finished: 3 } });
		const idle = await runTree({ root }, again);
		expect(idle.events[0]).toMatchObject({ planned: 3, alreadyDone: 3 });
	});
}
