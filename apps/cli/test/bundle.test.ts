import { execFileSync, spawnSync } from "node:child_process";
import {
	chmodSync,
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { agentv, agentvBin, tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";

const examples = resolve(import.meta.dirname, "../../../examples");
const corpus = resolve(
	process.env["AGENTV_CORPUS"] ?? join(import.meta.dirname, "../../../../shared/corpus"),
	"examples",
);

/** Returns the comparable part of a run's rows, in a fixed order. */
function rowsOf(run: string): unknown[] {
	const lines = readFileSync(join(run, "index.jsonl"), "utf8").trim().split("\n");
	return lines
		.map((line) => JSON.parse(line))
		.map(({ test_id, target, attempt, score, execution_status, scores, error, fingerprint }) => ({
			...{ test_id, target, attempt, score, execution_status, fingerprint },
			scores: scores.map((one: { name: string; type: string; score: number; verdict: string }) => [
				one.name,
				one.type,
				one.score,
				one.verdict,
			]),
			error: error?.code,
		}))
		.sort((a, b) =>
			JSON.stringify([a.test_id, a.target, a.attempt]) < JSON.stringify([b.test_id, b.target, b.attempt]) ? -1 : 1,
		);
}

/**
 * Bundles `file` of a copied source tree, runs the source, removes it, and runs the moved bundle.
 * Returns undefined if the source can't run on this machine.
 */
async function runBoth(tree: string, file: string) {
	const root = tempTree();
	cpSync(tree, join(root, "source"), { recursive: true, verbatimSymlinks: true });
	const source = join(root, "source", file);
	const made = await agentv(["bundle", source, "-o", join(root, "made")], { cwd: root });
	expect(made, `${file}\n${made.stderr}`).toMatchObject({ exitCode: 0 });
	const first = await agentv(["eval", "run", source, "--output", join(root, "r1"), "--json"], { cwd: root });
	if (first.exitCode === 2) return undefined;
	mkdirSync(join(root, "else/where"), { recursive: true });
	renameSync(join(root, "made"), join(root, "else/where/b"));
	rmSync(join(root, "source"), { recursive: true });
	const bundle = join(root, "else/where/b");
	const env = { HOME: join(root, "empty") };
	// On another machine the bundle counts as received from others.
	const moved = ["eval", "run", join(bundle, "eval.yaml"), "--output", join(root, "r2"), "--json", "--trust", "any"];
	const second = await agentv(moved, { cwd: "/", env });
	expect([first.exitCode, second.exitCode], second.stderr).toEqual([first.exitCode, first.exitCode]);
	const verified = await agentv(["bundle", "verify", bundle], { cwd: root });
	expect(verified, verified.stdout).toMatchObject({ exitCode: 0 });
	return { before: rowsOf(join(root, "r1")), after: rowsOf(join(root, "r2")) };
}

function evalsBelow(directory: string): string[] {
	return readdirSync(directory, { recursive: true, encoding: "utf8" })
		.filter((path) => /(^|\.|\/)eval\.ya?ml$/i.test(path) && !path.includes("node_modules"))
		.sort();
}

describe("a moved bundle runs like its source, which was removed", () => {
	for (const file of evalsBelow(examples)) {
		it(`examples/${file}`, { timeout: 60_000 }, async () => {
			const rows = await runBoth(examples, file);
			if (rows) expect(rows.after).toEqual(rows.before);
		});
	}

	// Published evals of others that need neither a live model nor a missing program, if the corpus
	// exists.
	it.skipIf(!existsSync(corpus))("evals of the corpus", { timeout: 240_000 }, async () => {
		const targets = ["default", "llm", "azure-llm", "grader", "vscode"].map(
			(name) =>
				`  - {name: ${name}, provider: mock, response: '{"score": 0.5, "assertions": []}', grader_target: grader}\n`,
		);
		const tree = tempTree();
		cpSync(corpus, join(tree, "c"), { recursive: true });
		writeFileSync(join(tree, "c/targets.yaml"), `targets:\n${targets.join("")}`);
		let compared = 0;
		for (const file of evalsBelow(join(tree, "c"))) {
			const rows = await runBoth(tree, join("c", file));
			if (!rows) continue;
			compared += 1;
			expect(rows.after, file).toEqual(rows.before);
		}
		expect(compared).toBeGreaterThan(10);
	});
});

const sample = {
	"evals/a.eval.yaml": `target: m
workspace: ./t
tests:
  - {id: a, input: hi, assertions: [{type: contains, value: "\${{ WORD }}"}]}
`,
	"evals/targets.yaml": "targets: [{name: m, provider: mock, response: hi}]",
	"evals/t/x.txt": "x",
};

describe("agentv bundle", () => {
	it("reports what it wrote and what the bundle needs, as do verify and inspect", async () => {
		const cwd = tempTree(sample);
		const env = { SOURCE_DATE_EPOCH: "0" };
		const made = await agentv(["bundle", "evals/a.eval.yaml", "-o", "out"], { cwd, env });
		const digest = /digest ([0-9a-f]{64})/.exec(made.stdout)?.[1] ?? "";
		expect(made).toEqual({
			exitCode: 0,
			stderr: "",
			stdout: `✓ out: 4 files, 183 B\n  digest ${digest}\n  needs variables WORD\n`,
		});
		expect(await agentv(["bundle", "verify", "out"], { cwd })).toEqual({
			exitCode: 0,
			stderr: "",
			stdout: `✓ out: 3 files match the manifest\n  digest ${digest}\n`,
		});
		expect((await agentv(["bundle", "inspect", "out"], { cwd })).stdout).toContain("variables    WORD (required)");
		expect((await agentv(["bundle", "inspect", "out", "--json"], { cwd })).stdout).toBe(
			readFileSync(join(cwd, "out/manifest.json"), "utf8"),
		);
		const list = (await agentv(["bundle", "verify", "--list", "out"], { cwd })).stdout;
		expect(execFileSync("sha256sum", ["--check", "--quiet"], { cwd: join(cwd, "out"), input: list })).toHaveLength(0);
		writeFileSync(join(cwd, "out/workspace/x.txt"), "y");
		expect(await agentv(["bundle", "verify", "out"], { cwd })).toEqual({
			exitCode: 1,
			stderr: "",
			stdout: "✗ out does not match its manifest: one problem\n  workspace/x.txt has different content\n",
		});
	});

	it("prints the plan and writes nothing with --dry-run", async () => {
		const cwd = tempTree(sample);
		const args = ["bundle", "evals/a.eval.yaml", "-o", "out", "--dry-run"];
		expect((await agentv(args, { cwd })).stdout).toBe(`Would write out: 4 files, 183 B
  eval.yaml
  targets.yaml
  workspace/x.txt  ← evals/t/x.txt
  manifest.json
`);
		const { stdout } = await agentv([...args, "--json"], { cwd });
		expect(JSON.parse(stdout)).toMatchObject({ kind: "bundle", files: [{ path: "eval.yaml" }, {}, {}] });
		expect(readdirSync(cwd)).toEqual(["evals"]);
	});

	it("prints one JSON document with --json", async () => {
		const cwd = tempTree(sample);
		const { stdout } = await agentv(["bundle", "evals/a.eval.yaml", "-o", "out", "--json", "--archive", "o.zip"], {
			cwd,
		});
		expect(JSON.parse(stdout)).toMatchObject({
			...{ output: join(cwd, "out"), changed: true, files: 3, archive: join(cwd, "o.zip"), warnings: [] },
			digest: expect.stringMatching(/^[0-9a-f]{64}$/),
		});
	});

	it("exits with 2 for wrong usage, and with 1 and the location if the eval can't be bundled", async () => {
		const cwd = tempTree({
			...sample,
			"evals/b.eval.yaml": "target: m\nworkspace: ./gone\ntests: [{id: a, input: hi, criteria: x}]\n",
		});
		const codes = async (...args: string[]) => (await agentv(["bundle", ...args], { cwd })).exitCode;
		expect(await codes("evals/a.eval.yaml")).toBe(2);
		expect(await codes("evals/none.yaml", "-o", "out")).toBe(2);
		expect(await codes("evals/a.eval.yaml", "-o", "out", "--archive", "x.rar")).toBe(2);
		const refused = await agentv(["bundle", "evals/b.eval.yaml", "-o", "out"], { cwd });
		expect(refused.exitCode).toBe(1);
		expect(refused.stderr).toContain('evals/b.eval.yaml:2:12  error  template "./gone" does not exist');
	});
});

describe("agentv bundle that is interrupted", () => {
	const files = Object.fromEntries(
		Array.from({ length: 40 }, (_, index) => [`evals/t/big${index}`, "x".repeat(2_000_000)]),
	);

	it("leaves nothing behind after Ctrl-C", async () => {
		const cwd = tempTree({ ...sample, ...files });
		const controller = new AbortController();
		const watch = setInterval(() => {
			if (readdirSync(cwd).some((name) => name.startsWith(".out."))) controller.abort();
		}, 1);
		const stopped = await agentv(["bundle", "evals/a.eval.yaml", "-o", "out"], { cwd, signal: controller.signal });
		clearInterval(watch);
		if (stopped.exitCode !== 0)
			expect(stopped).toMatchObject({
				exitCode: 130,
				stderr: expect.stringMatching(/^error: (bundling|copying) was interrupted\n$/),
			});
		expect(readdirSync(cwd)).toEqual(stopped.exitCode === 0 ? ["evals", "out"] : ["evals"]);
	});

	it("leaves nothing behind on a full disk", () => {
		const cwd = tempTree({ ...sample, ...files });
		// A limit on the file size makes writing fail half-way, as a full disk does.
		const script = `trap '' XFSZ; ulimit -f 2000; exec "$0" "$@"`;
		const args = ["-c", script, process.execPath, agentvBin(), "bundle", "evals/a.eval.yaml", "-o", "new/out"];
		const { status, stderr } = spawnSync("sh", args, {
			cwd,
			encoding: "utf8",
			env: { PATH: process.env["PATH"] ?? "" },
		});
		expect(stderr).toMatch(/could not be (used|written)/);
		expect(status).toBe(4);
		expect(readdirSync(cwd)).toEqual(["evals"]);
	});

	it.skipIf(process.getuid?.() === 0)("reports a directory that is not writable", async () => {
		const cwd = tempTree(sample);
		mkdirSync(join(cwd, "closed"));
		chmodSync(join(cwd, "closed"), 0o555);
		const { exitCode, stderr } = await agentv(["bundle", "evals/a.eval.yaml", "-o", "closed/out"], { cwd });
		expect([exitCode, dirname(stderr)]).toEqual([2, expect.stringContaining("permission denied")]);
	});
});
