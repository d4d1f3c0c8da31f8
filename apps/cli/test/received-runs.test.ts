import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentv, type Session, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { modelListener } from "./testing/model-listener.ts";

const secret = "s3cret-0123456789";
const evalText = "tests:\n  - {id: a, input: hi, assertions: [{type: contains, value: zz}]}\n";
const offline = "targets: [{name: default, provider: mock, response: hi}]\n";
const model = (port: number) =>
	`targets: [{name: default, provider: openai, model: m, max_retries: 0, base_url: "http://127.0.0.1:${port}/v1", api_key: "\${{ OPENAI_API_KEY }}"}]\n`;

interface RecordedRun {
	readonly evals: readonly object[];
	readonly flags: Readonly<Record<string, unknown>>;
}

/**
 * Creates a run of `own/e.eval.yaml` in `art/run`, next to a foreign eval that would send the
 * user's key to a server.
 */
async function project() {
	const { heard, port } = await modelListener();
	const cwd = tempTree({
		"own/e.eval.yaml": evalText,
		"own/targets.yaml": offline,
		"art/ee/e.eval.yaml": evalText,
		"art/ee/targets.yaml": model(port),
	});
	const env = { OPENAI_API_KEY: secret };
	const run = (...args: string[]) => agentv(args, { cwd, env });
	expect(await run("eval", "run", "own/e.eval.yaml", "--output", "art/run")).toMatchObject({ exitCode: 1 });
	const file = join(cwd, "art/run/run.json");
	/** Changes the record without a trace, as its sender could. */
	const alter = (change: (record: RecordedRun) => object) => {
		const record: RecordedRun = JSON.parse(readFileSync(file, "utf8"));
		writeFileSync(file, JSON.stringify({ ...record, ...change(record) }));
		rmSync(join(cwd, "art/run/run.sha256"), { force: true });
	};
	const label = "art/ee/e.eval.yaml";
	const evalAt = (path: string) => {
		alter(({ evals }) => ({ evals: evals.map((one) => ({ ...one, path, file: label })) }));
		const index = join(cwd, "art/run/index.jsonl");
		writeFileSync(index, readFileSync(index, "utf8").replaceAll("own/e.eval.yaml", label));
	};
	return { heard, port, cwd, env, run, alter, evalAt };
}

const ways: Readonly<Record<string, readonly string[]>> = {
	"--rerun-failed": ["eval", "run", "--rerun-failed", "art/run"],
	"--resume": ["eval", "run", "--resume", "--run", "art/run"],
	"--resume with another eval": ["eval", "run", "own/e.eval.yaml", "--resume", "--run", "art/run"],
	"--rerun-changed": ["eval", "run", "--resume", "--rerun-changed", "--run", "art/run"],
	"--retry-errors": ["eval", "run", "--retry-errors", "--rerun-changed", "--run", "art/run"],
	"--only-missing": ["eval", "run", "--only-missing", "art/run", "--rerun-changed"],
	"--only-missing elsewhere": ["eval", "run", "--only-missing", "art/run", "--output", "more"],
};

function expectRefusal({ exitCode, stderr }: Session, says: string): void {
	expect(exitCode, stderr).toBe(2);
	expect(stderr).toContain(says);
	expect(stderr).toContain("was not created here");
	expect(stderr).not.toContain(secret);
}

describe("a received record can't send the user's variables elsewhere", () => {
	it.each(["art/ee/e.eval.yaml", "absolute"])("by the path of another eval (%s)", async (path) => {
		const { heard, port, cwd, run, evalAt } = await project();
		evalAt(path === "absolute" ? join(cwd, "art/ee/e.eval.yaml") : path);
		for (const args of Object.values(ways)) {
			const refused = await run(...args);
			expectRefusal(refused, "the variable OPENAI_API_KEY");
			expectRefusal(refused, `the host 127.0.0.1:${port}`);
		}
		expect(heard).toEqual([]);
	});

	it("by a grader's model in a regrade", async () => {
		const { heard, cwd, run, evalAt } = await project();
		writeFileSync(
			join(cwd, "art/ee/e.eval.yaml"),
			"tests: [{id: a, input: hi, assertions: [{type: llm-grader, prompt: good}]}]\n",
		);
		evalAt("art/ee/e.eval.yaml");
		expectRefusal(await run("results", "regrade", "art/run"), "the variable OPENAI_API_KEY");
		expect(heard).toEqual([]);
	});

	it("or start a program", async () => {
		const { cwd, run, evalAt } = await project();
		writeFileSync(
			join(cwd, "art/ee/targets.yaml"),
			"targets: [{name: default, provider: cli, command: [touch, ran]}]\n",
		);
		evalAt("art/ee/e.eval.yaml");
		expectRefusal(await run("eval", "run", "--rerun-failed", "art/run"), "starts the program");
		expect(existsSync(join(cwd, "ran"))).toBe(false);
	});

	it("by files in its options, even inside the eval's root", async () => {
		const { heard, port, cwd, run, alter } = await project();
		alter(({ flags }) => ({ flags: { ...flags, targetsFile: join(cwd, "art/ee/targets.yaml") } }));
		for (const named of [[], ["own/e.eval.yaml"]])
			expectRefusal(await run("eval", "run", ...named, "--rerun-failed", "art/run"), "the variable OPENAI_API_KEY");
		writeFileSync(
			join(cwd, "own/targets.yaml"),
			model(port).replace(`127.0.0.1:${port}`, "${{ HOST:-example.invalid }}"),
		);
		writeFileSync(join(cwd, "art/ee/x.env"), `HOST=127.0.0.1:${port}\n`);
		alter(({ flags: { targetsFile: _, ...flags } }) => ({ flags: { ...flags, envFile: join(cwd, "art/ee/x.env") } }));
		for (const named of [[], ["own/e.eval.yaml"]])
			expectRefusal(await run("eval", "run", ...named, "--rerun-failed", "art/run"), `the host 127.0.0.1:${port}`);
		expect(heard).toEqual([]);
	});

	it("unless the user names the eval or passes --trust any", async () => {
		const { heard, run, evalAt } = await project();
		evalAt("art/ee/e.eval.yaml");
		expect(await run("eval", "run", "art/ee/e.eval.yaml", "--rerun-failed", "art/run")).toMatchObject({ exitCode: 1 });
		expect(heard).toHaveLength(1);
		const trusted = await run("eval", "run", "--rerun-failed", "art/run", "--trust", "any", "--output", "again");
		expect(trusted).toMatchObject({ exitCode: 1 });
		expect(heard).toHaveLength(2);
		// --trust any applies to a single run.
		expectRefusal(await run("eval", "run", "--rerun-failed", "again"), "the variable OPENAI_API_KEY");
		expect(heard).toHaveLength(2);
	});
});

describe("no consent is needed", () => {
	async function ownRun() {
		const made = await project();
		writeFileSync(join(made.cwd, "own/targets.yaml"), model(made.port));
		expect(await made.run("eval", "run", "own/e.eval.yaml", "--output", "mine")).toMatchObject({ exitCode: 1 });
		return made;
	}

	it("for the user's own runs, even if moved or copied", async () => {
		const { heard, cwd, run } = await ownRun();
		renameSync(join(cwd, "mine"), join(cwd, "moved"));
		cpSync(join(cwd, "moved"), join(cwd, "copied"), { recursive: true });
		for (const directory of ["moved", "copied"]) {
			writeFileSync(join(cwd, directory, "index.jsonl"), "");
			expect(await run("eval", "run", "--resume", "--run", directory)).toMatchObject({ exitCode: 1 });
		}
		expect(await run("eval", "run", "--rerun-failed", "moved", "--output", "again")).toMatchObject({ exitCode: 1 });
		expect(await run("eval", "run", "--rerun-failed", "again")).toMatchObject({ exitCode: 1 });
		expect(await run("results", "regrade", "moved")).toMatchObject({ exitCode: 1 });
		expect(heard).toHaveLength(5);
		const state = readFileSync(join(cwd, ".home/state/trust.json"), "utf8");
		for (const word of ["e.eval.yaml", cwd, secret]) expect(state).not.toContain(word);
	});

	it("for runs merged from the user's own shards, unless one is foreign", async () => {
		const { heard, cwd, env, run } = await ownRun();
		const tests = "- {id: a, input: hi, assertions: [{type: contains, value: zz}]}\n"
			.repeat(2)
			.replace("id: a", "id: b");
		writeFileSync(join(cwd, "own/e.eval.yaml"), `tests:\n${tests}`);
		const part = (index: number, home: string) =>
			agentv(["eval", "run", "own/e.eval.yaml", "--shard", `${index}/2`, "--output", `${home}${index}`], {
				...{ cwd, env: { ...env, AGENTV_HOME: join(cwd, home) } },
			});
		for (const home of [".home", "other"]) await part(1, home);
		const before = heard.length;
		for (const [name, parts] of Object.entries({ own: [".home1"], mixed: ["other1"] })) {
			await run("results", "merge", ...parts, "--output", `merged-${name}`);
			const completed = await run("eval", "run", "--only-missing", `merged-${name}`);
			if (name === "own") expect(completed).toMatchObject({ exitCode: 1 });
			else expectRefusal(completed, "the variable OPENAI_API_KEY");
		}
		expect(heard).toHaveLength(before + 1);
	});

	it("for a received run whose evals read nothing, or whose evals the user names", async () => {
		const { heard, cwd, env, run } = await ownRun();
		rmSync(join(cwd, ".home/state/trust.json"));
		expect(
			await run("eval", "run", "--rerun-failed", "art/run", "--targets", "own/targets.yaml", "own/e.eval.yaml"),
		).toMatchObject({ exitCode: 1 });
		expect(await run("eval", "run", "own/e.eval.yaml", "--rerun-failed", "mine")).toMatchObject({ exitCode: 1 });
		expect(await run("results", "regrade", "mine", "--eval", "own/e.eval.yaml")).toMatchObject({ exitCode: 1 });
		writeFileSync(join(cwd, "own/targets.yaml"), offline);
		const there = { ...env, AGENTV_HOME: join(cwd, "there") };
		expect(await agentv(["eval", "run", "--rerun-failed", "art/run"], { cwd, env: there })).toMatchObject({
			exitCode: 1,
		});
		expect(heard).toHaveLength(3);
	});
});

it.each([
	["targets", "x"],
	["targets", [5]],
	["threshold", [5]],
	["shard", "1/2"],
	["tags", { a: 1 }],
])("a record with an option that AgentV never writes is refused: %s %j", async (key, value) => {
	const { run, alter } = await project();
	alter(({ flags }) => ({ flags: { ...flags, [key]: value } }));
	for (const words of Object.values(ways)) {
		const { exitCode, stderr } = await run(...words);
		expect(exitCode, `${words.join(" ")}: ${stderr}`).toBe(2);
		expect(stderr).toContain(`flags.${key}`);
	}
});
