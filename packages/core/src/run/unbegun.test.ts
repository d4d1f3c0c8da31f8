import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { besideName, ourselves } from "../machine/directories.ts";
import { asDead } from "../machine/testing/dead-owner.ts";
import { mockTargets, runTree } from "./testing/run-fixture.ts";

const files = {
	"my.eval.yaml": "tests: [{id: a, input: hi, assertions: [{type: contains, value: yes}]}]\n",
	"targets.yaml": mockTargets("yes"),
};
const dead = JSON.stringify({ ...ourselves("0123456789abcdef"), pid: 2 ** 22 + 1, started: "1" });
const lock = `${"0".repeat(32)}.lock`;

/** What a run leaves behind if it is killed before its `run.json` exists. */
const beginnings: Readonly<Record<string, (directory: string) => void>> = {
	nothing: () => undefined,
	"an empty directory": (directory) => mkdirSync(directory),
	"a lock that was being taken": (directory) => {
		mkdirSync(directory);
		writeFileSync(asDead(besideName(join(directory, lock))), "");
	},
	"a lock": (directory) => {
		mkdirSync(directory);
		writeFileSync(join(directory, lock), dead);
	},
	"an empty .gitignore": (directory) => {
		mkdirSync(directory);
		writeFileSync(join(directory, lock), dead);
		writeFileSync(join(directory, ".gitignore"), "");
	},
	"half a run.json": (directory) => {
		mkdirSync(directory);
		writeFileSync(join(directory, lock), dead);
		writeFileSync(join(directory, ".gitignore"), "*\n");
		writeFileSync(asDead(besideName(join(directory, "run.json"))), "{");
	},
	"what earlier versions made first": (directory) => {
		mkdirSync(join(directory, "tests"), { recursive: true });
		writeFileSync(join(directory, ".gitignore"), "*\n");
		writeFileSync(join(directory, "index.jsonl"), "");
	},
};

describe.each(Object.entries(beginnings))("a run that was killed at its start and left %s", (_, leave) => {
	test.each([false, true])("starts again in its directory (resume: %s)", async (resume) => {
		const root = tempTree(files);
		const output = join(root, "out");
		leave(output);
		const run = await runTree({ root }, { output, resume });
		expect(run.summary).toMatchObject({ planned: 1, passed: 1 });
		const left = readdirSync(output).filter((name) => name !== lock);
		expect(left.sort()).toEqual([".gitignore", "index.jsonl", "run.json", "run.sha256", "summary.json", "tests"]);
	});
});

test("never uses a directory with files of the user", async () => {
	for (const tree of [
		{ ".gitignore": "node_modules\n" },
		{ "tests/a.test.ts": "" },
		{ "x.lock": "" },
		{ "a.tmp": "" },
	]) {
		const root = tempTree({
			...files,
			...Object.fromEntries(Object.entries(tree).map(([path, text]) => [`out/${path}`, text])),
		});
		await expect(runTree({ root }, { output: join(root, "out") })).rejects.toMatchObject({ code: "config" });
		for (const path of Object.keys(tree)) expect(existsSync(join(root, "out", path))).toBe(true);
	}
});

test("the next run removes the leftovers of killed runs in the results folder", async () => {
	const first = await runTree(files, {});
	const parent = join(first.runDir, "..");
	for (const [index, [name, leave]] of Object.entries(beginnings).entries())
		if (name !== "nothing" && name !== "what earlier versions made first" && name !== "an empty directory")
			leave(join(parent, `2020-01-01T00-00-0${index}Z`));
	mkdirSync(join(parent, "2020-01-01T00-00-09Z"));
	writeFileSync(join(parent, "2020-01-01T00-00-09Z/mine.txt"), "mine");
	const second = await runTree(first, {});
	const ours = [first.runDir, second.runDir].map((path) => path.slice(parent.length + 1));
	const left = readdirSync(parent).filter((name) => !ours.includes(name));
	expect(left.filter((name) => name !== "2020-01-01T00-00-09Z")).toEqual([]);
});

test("refuses to resume a run with a link in its directory", async () => {
	for (const name of ["run.json", "tests"]) {
		const { root, runDir } = await runTree(files);
		const elsewhere = join(root, "elsewhere");
		renameSync(join(runDir, name), elsewhere);
		symlinkSync(elsewhere, join(runDir, name));
		await expect(runTree({ root }, { output: runDir, resume: true })).rejects.toMatchObject({
			message: expect.stringContaining(`${name} is a link`),
		});
	}
});
