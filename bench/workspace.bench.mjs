// Compares workspaces per test with `cp -r`: 100 copies of a template of 2,000 files.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { median, report } from "./pairs.mjs";

const core = resolve(import.meta.dirname, "../packages/core/dist");
const load = (path) => import(join(core, path));
const { prepareWorkspaceBase } = await load("workspace/prepare-base.js");
const { loadEval } = await load("eval/load-eval.js");
const { openDiskView } = await load("eval/source.js");
const { commandRunner } = await load("eval/resolve-command.js");

const files = 2000;
const root = mkdtempSync(join(tmpdir(), "agentv-bench-"));
const template = join(root, "template");
for (let index = 0; index < files; index++) {
	const directory = join(template, `d${index % 40}`);
	mkdirSync(directory, { recursive: true });
	writeFileSync(join(directory, `f${index}.ts`), `${`export const value${index} = ${index};\n`.repeat(80)}`);
}
writeFileSync(
	join(root, "x.eval.yaml"),
	"workspace: { template: ./template, isolation: per_test }\ntests: [{ id: t, input: hi, criteria: c }]\n",
);

function copies(round, tests) {
	for (let index = 0; index < tests; index++) {
		execFileSync("cp", ["-r", template, join(root, `cp-${round}-${index}`)]);
	}
}

/** Runs two tests concurrently; each changes one file and adds one. */
async function workspaces(round, { keep, tests, workers = 2 }) {
	const view = openDiskView();
	const env = { PATH: process.env.PATH, HOME: root };
	const { suite } = loadEval(join(root, "x.eval.yaml"), { view, env, cwd: root });
	const { workspace, extensions, scope } = suite;
	const base = await prepareWorkspaceBase(
		{ workspace, extensions, scope },
		{
			...{
				view,
				env,
				processEnv: env,
				runCommand: commandRunner({ view, scope, env }),
				runId: "bench",
				programEnv: {},
			},
			...{ agentvHome: join(root, "home"), directory: join(root, `ws-${round}`), signal: new AbortController().signal },
		},
	);
	let next = 0;
	const serve = async () => {
		for (let index = next++; index < tests; index = next++) {
			const workspace = await base.open({ id: `test ${index}`, attempt: 1, target: "t", input: "", metadata: {} });
			await workspace.before();
			writeFileSync(join(workspace.path, "d1/f1.ts"), `changed by ${index}\n`);
			writeFileSync(join(workspace.path, "new.ts"), `made by ${index}\n`);
			const diff = await workspace.fileChanges();
			if (!diff?.includes(`changed by ${index}`) || !diff.includes("b/new.ts")) throw new Error(`wrong diff:\n${diff}`);
			await workspace.after();
			await workspace.close({ keep });
		}
	};
	await Promise.all(Array.from({ length: workers }, serve));
	await base.close();
}

async function timed(work) {
	const started = performance.now();
	await work();
	return performance.now() - started;
}

/** Removes files at the end, because creating files right after deleting many is slow. */
async function compare(name, options, limit) {
	const rounds = [];
	for (let round = 0; round < options.rounds; round++) {
		const baseline = await timed(() => copies(`${name}-${round}`, options.tests));
		const subject = await timed(() => workspaces(`${name}-${round}`, options));
		rounds.push({ baseline, subject, ratio: subject / baseline });
	}
	const middle = (key) => median(rounds.map((round) => round[key]));
	report(name, { baseline: middle("baseline"), subject: middle("subject"), ratio: middle("ratio") }, limit);
}

try {
	await compare("100 tests, per_test, 2,000 files, file_changes", { tests: 100, rounds: 2, keep: false }, 1.7);
	await compare("30 tests, every workspace kept", { tests: 30, rounds: 1, keep: true });
} finally {
	rmSync(root, { recursive: true, force: true });
}
