import { spawnSync } from "node:child_process";
import {
	chmodSync,
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { law, tempTree, writeTree } from "@agentv/test-support";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeBundle } from "../bundle/testing/make-bundle.ts";
import { verifyBundle } from "../eval/bundle-manifest.ts";
import { AgentvError } from "../lib/errors.ts";
import { runTree } from "../run/testing/run-fixture.ts";
import { verifyRun } from "./verify-run.ts";

/** Leaves a socket behind, which only closing the server would remove. */
const listen = 'require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';

/** A run or bundle, and a function that reports if it is unchanged. */
interface Subject {
	readonly root: string;
	agrees(): Promise<boolean>;
}

async function run(): Promise<Subject> {
	const { runDir } = await runTree(
		{
			"my.eval.yaml":
				"tests: [{id: a, input: hi, assertions: [{type: contains, value: yes}]}, {id: b, input: ho, assertions: [{type: contains, value: no}]}]\n",
			"targets.yaml": "targets: [{name: default, provider: replay, fixtures: ./answers.jsonl}]\n",
			"answers.jsonl": `{"test_id":"a","output":"yes"}\n{"test_id":"b","output":"${"é".repeat(40_000)}"}\n`,
		},
		{ output: join(tempTree(), "out") },
	);
	return subject(runDir, async () => (await verifyRun(runDir)).differences.length === 0);
}

async function bundle(): Promise<Subject> {
	const root = tempTree();
	writeTree(root, {
		"eval/e.eval.yaml":
			"target: m\nworkspace: ./t\ntests: [{id: a, input: 'hi ${{ NAME:-é }}', criteria: x, assertions: [{type: code-grader, command: [node, ./g.mjs]}]}]\n",
		"eval/targets.yaml": "targets: [{name: m, provider: mock}]",
		"eval/g.mjs": "console.log('{\"score\": 1}')\n",
		"eval/t/a.txt": "abc",
		"eval/t/run.sh": { content: "#!/bin/sh\n", mode: 0o755 },
		"eval/t/link": { link: "a.txt" },
	});
	const { output } = await makeBundle(join(root, "eval/e.eval.yaml"));
	return subject(output, async () => (await verifyBundle(output)).ok);
}

function subject(root: string, look: () => Promise<boolean>): Subject {
	const agrees = async () => {
		try {
			return await look();
		} catch (error) {
			// An error about an unreadable file counts as a detected change.
			if (error instanceof AgentvError) return false;
			throw error;
		}
	};
	return { root, agrees };
}

/** Returns the regular files, relative to the root. */
function filesOf(root: string): string[] {
	return readdirSync(root, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
		.sort();
}

describe.each([
	["run", run],
	["bundle", bundle],
] as const)("verifying a %s", (_, make) => {
	test("detects every flipped bit of every file", { timeout: 1_800_000 }, async () => {
		const { root, agrees } = await make();
		expect(await agrees()).toBe(true);
		const files = filesOf(root).map((path) => ({ path: join(root, path), bytes: readFileSync(join(root, path)) }));
		await fc.assert(
			fc.asyncProperty(fc.constantFrom(...files), fc.nat(), fc.nat(7), async ({ path, bytes }, place, bit) => {
				const at = place % bytes.length;
				const flipped = Buffer.from(bytes);
				flipped[at] = (bytes[at] ?? 0) ^ (1 << bit);
				writeFileSync(path, flipped);
				try {
					expect(await agrees(), `${path} at ${at}`).toBe(false);
				} finally {
					writeFileSync(path, bytes);
				}
			}),
			law(10_000),
		);
		expect(await agrees()).toBe(true);
	});

	test("detects added, removed, renamed, replaced and newly executable files", async () => {
		const { root, agrees } = await make();
		const pristine = join(tempTree(), "pristine");
		cpSync(root, pristine, { recursive: true, verbatimSymlinks: true });
		for (const path of filesOf(root)) {
			const file = join(root, path);
			const changes: Readonly<Record<string, () => void>> = {
				removed: () => rmSync(file),
				renamed: () => renameSync(file, `${file}.bak`),
				emptied: () => writeFileSync(file, ""),
				longer: () => writeFileSync(file, `${readFileSync(file, "latin1")}\n`, "latin1"),
				"group may execute": () => chmodSync(file, (statSync(file).mode ^ 0o100) | 0o010),
				"executable bit toggled": () => chmodSync(file, statSync(file).mode & 0o100 ? 0o644 : 0o755),
				"replaced by a link to a copy": () => {
					rmSync(file);
					symlinkSync(join(pristine, path), file);
				},
				"replaced by a directory": () => {
					rmSync(file);
					mkdirSync(file);
				},
				"another file next to it": () => writeFileSync(join(dirname(file), "added.txt"), ""),
				"a hidden file next to it": () => writeFileSync(join(dirname(file), ".added"), "x"),
				"a link next to it": () => symlinkSync(file, join(dirname(file), "added")),
				"a dangling link next to it": () => symlinkSync("nowhere", join(dirname(file), "added")),
				"an empty directory next to it": () => mkdirSync(join(dirname(file), "added")),
				"empty directories next to it": () => mkdirSync(join(dirname(file), "added/inner"), { recursive: true }),
				"a repository next to it": () => {
					mkdirSync(join(dirname(file), ".git"));
					writeFileSync(join(dirname(file), ".git/HEAD"), "ref: refs/heads/main\n");
				},
				"a pipe next to it": () => void spawnSync("mkfifo", [join(dirname(file), "added")]),
				"replaced by a pipe": () => {
					rmSync(file);
					spawnSync("mkfifo", [file]);
				},
				"replaced by a socket": () => {
					rmSync(file);
					spawnSync(process.execPath, ["-e", listen, file]);
				},
			};
			for (const [name, change] of Object.entries(changes)) {
				if (name === "group may execute" && (statSync(file).mode & 0o100) !== 0) continue;
				change();
				expect(await agrees(), `${path}: ${name}`).toBe(false);
				rmSync(root, { recursive: true });
				cpSync(pristine, root, { recursive: true, verbatimSymlinks: true });
			}
		}
		expect(await agrees()).toBe(true);
		expect(existsSync(root)).toBe(true);
	});
});
