import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { planRun } from "./plan-run.ts";
import { originRequest, type RunRequest, resumedRequest } from "./run-request.ts";
import { machineIn, mockTargets, runTree } from "./testing/run-fixture.ts";

const evalText = "tests: [{id: t, input: hi, assertions: [{type: contains, value: hi}]}]\n";
const files = { ".git/HEAD": "", "my.eval.yaml": evalText, "targets.yaml": mockTargets("hi"), "own.env": "A=b\n" };

/** Returns a finished run whose record was changed by `change`. */
async function recordedRun(change: (run: string) => { flags?: object; evals?: object[] }) {
	const { root, runDir } = await runTree(files);
	const file = join(runDir, "run.json");
	const record = JSON.parse(readFileSync(file, "utf8"));
	const { flags = {}, evals = record.evals } = change(runDir);
	writeFileSync(file, JSON.stringify({ ...record, flags: { ...record.flags, ...flags }, evals }));
	const requests = (given: Partial<RunRequest> = {}) => [
		resumedRequest(runDir, { evals: [], ...given }),
		originRequest(runDir, { evals: [], regrade: { origin: runDir }, ...given }),
	];
	return { root, runDir, requests, plan: (request: RunRequest) => planRun(request, machineIn(root)) };
}

describe("resuming or regrading a run does not trust its record", () => {
	for (const [key, option] of [
		["targetsFile", "--targets"],
		["envFile", "--env-file"],
	] as const) {
		const text = key === "envFile" ? "A=b\n" : mockTargets("hi");

		test(`${option} outside of the eval's root must be given again`, async () => {
			const path = join(tempTree({ file: text }), "file");
			const { requests, plan } = await recordedRun(() => ({ flags: { [key]: path } }));
			for (const request of requests())
				expect(() => plan(request)).toThrow(
					expect.objectContaining({ code: "usage", hint: expect.stringContaining(`${option} ${path}`) }),
				);
			for (const request of requests({ [key]: path })) expect(plan(request).evals).toHaveLength(1);
		});

		test(`${option} in the run's own directory is refused`, async () => {
			const { requests, plan, runDir } = await recordedRun((run) => ({ flags: { [key]: join(run, "file") } }));
			writeFileSync(join(runDir, "file"), text);
			for (const request of requests()) expect(() => plan(request)).toThrow(/refers to a .* file/);
		});
	}

	test("files inside of the eval's root are used again", async () => {
		const { root } = await runTree(files);
		const inside = { targetsFile: join(root, "targets.yaml"), envFile: join(root, "own.env") };
		const { runDir } = await runTree({ root }, inside);
		for (const request of [resumedRequest(runDir, { evals: [] }), originRequest(runDir, { evals: [] })]) {
			expect(request).toMatchObject(inside);
			expect(planRun(request, machineIn(root)).evals).toHaveLength(1);
		}
	});

	test("a recorded targets file must not read files outside of the root", async () => {
		const secret = join(tempTree({ "answers.jsonl": '{"test_id": "t", "output": "hi"}\n' }), "answers.jsonl");
		const { root } = await runTree(files);
		const targetsFile = join(root, "mine.yaml");
		writeFileSync(targetsFile, `targets: [{name: default, provider: replay, fixtures: ${secret}}]\n`);
		const { runDir } = await runTree({ root }, { targetsFile });
		const resumed = (given: Partial<RunRequest>) => () =>
			planRun(resumedRequest(runDir, { evals: [], ...given }), machineIn(root));
		expect(resumed({})).toThrow();
		expect(resumed({ targetsFile })).not.toThrow();
	});

	test("an eval in the run's own directory must be given again", async () => {
		const { requests, plan, runDir } = await recordedRun((run) => ({
			evals: [{ file: "x", name: "x", digest: "0".repeat(64), path: join(run, "x.eval.yaml") }],
		}));
		const path = join(runDir, "x.eval.yaml");
		writeFileSync(path, evalText);
		for (const request of requests()) expect(() => plan(request)).toThrow(/refers to an eval in its own directory/);
		for (const request of requests({ evals: [path] })) expect(() => plan(request)).not.toThrow(/names an eval/);
	});
});
