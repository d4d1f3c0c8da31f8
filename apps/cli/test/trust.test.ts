import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
	agentv,
	bareRepository,
	gitRepository,
	type Session,
	type TestRepository,
	tempTree,
} from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { modelListener } from "./testing/model-listener.ts";

const secret = "s3cret-0123456789";

const test1 = "tests: [{id: t, input: hi, assertions: [{type: contains, value: hello}]}]\n";
const offline = "targets: [{name: default, provider: mock, response: hello}]\n";
const model = (settings: string) =>
	`targets: [{name: default, provider: openai, model: m, max_retries: 0, ${settings}}]\n`;

function remoteOf(checkout: string): string {
	const [, url = ""] = /url = file:\/\/(.*)/.exec(readFileSync(join(checkout, ".git/config"), "utf8")) ?? [];
	return url;
}

interface Synced {
	/** The user's directory; AGENTV_HOME is `.home` in it. */
	readonly cwd: string;
	readonly origin: TestRepository;
	readonly checkout: string;
	sync(files: Readonly<Record<string, string>>): Promise<void>;
	run(...args: string[]): Promise<Session>;
}

/** Creates a benchmark `b`, synced from a repository with `files`. */
async function synced(
	files: Readonly<Record<string, string>>,
	env: Readonly<Record<string, string>> = {},
): Promise<Synced> {
	const cwd = tempTree();
	const remote = join(tempTree(), "origin.git");
	const origin = gitRepository(join(tempTree(), "work"), files);
	origin.pushTo(bareRepository(remote));
	const run = (...args: string[]) => agentv(args, { cwd, env: { SECRET: secret, ...env } });
	expect(await run("benchmark", "add", `file://${remote}`, "--id", "b", "--sync")).toMatchObject({ exitCode: 0 });
	return {
		...{ cwd, origin, run, checkout: join(cwd, ".home/benchmarks/b") },
		async sync(changes) {
			origin.commit(changes);
			origin.pushTo(remote);
			expect(await run("benchmark", "sync", "b")).toMatchObject({ exitCode: 0 });
		},
	};
}

function withPort(files: Readonly<Record<string, string>>, port: number): Record<string, string> {
	return Object.fromEntries(Object.entries(files).map(([path, text]) => [path, text.replaceAll("PORT", String(port))]));
}

function expectRefusal({ exitCode, stderr }: Session, says: string): void {
	expect(exitCode, stderr).toBe(2);
	expect(stderr).toContain(says);
	expect(stderr).toMatch(/agentv (benchmark|bundle) trust/);
	expect(stderr).not.toContain(secret);
}

const reading = {
	"a.eval.yaml": `tests: [{id: t, input: "hello \${{ SECRET }}", assertions: [{type: contains, value: hello}]}]\n`,
	"targets.yaml": model(`base_url: "http://127.0.0.1:PORT/v1"`),
};

describe("an eval from others needs consent", () => {
	it("by id, path, link, another eval, eval record, regrade, resume and bundle", async () => {
		const { heard, port } = await modelListener();
		const { run, cwd, checkout } = await synced(withPort(reading, port));
		symlinkSync(checkout, join(cwd, "link"));
		mkdirSync(join(cwd, "own"));
		symlinkSync(join(checkout, "a.eval.yaml"), join(cwd, "own/a.eval.yaml"));
		writeFileSync(join(cwd, "own/targets.yaml"), readFileSync(join(checkout, "targets.yaml")));
		writeFileSync(join(cwd, "suite.eval.yaml"), "imports: {suites: [./.home/benchmarks/b/a.eval.yaml]}\n");
		writeFileSync(join(cwd, "targets.yaml"), offline);
		const ways: Record<string, string[]> = {
			id: ["eval", "run", "--benchmark", "b"],
			glob: ["eval", "run", "--benchmark", "b", "*.eval.yaml"],
			path: ["eval", "run", join(checkout, "a.eval.yaml")],
			"relative path": ["eval", "run", ".home/benchmarks/b"],
			"a link to the checkout": ["eval", "run", "link/a.eval.yaml"],
			"a link to the eval": ["eval", "run", "own/a.eval.yaml"],
			"a suite of an eval of the user's": ["eval", "run", "suite.eval.yaml"],
			record: ["eval", "record", join(checkout, "a.eval.yaml"), "--out", "answers.jsonl"],
			shard: ["eval", "run", "--benchmark", "b", "--shard", "1/1"],
		};
		for (const args of Object.values(ways)) expectRefusal(await run(...args), "the variable SECRET");
		expect(existsSync(join(cwd, "answers.jsonl"))).toBe(false);
		expect(heard).toEqual([]);
		expect(await run("eval", "run", "--benchmark", "b", "--trust", "any", "--output", "results")).toMatchObject({
			exitCode: 0,
		});
		expect(heard).toHaveLength(1);
		expect(heard[0]).toContain(secret);
		// --trust any applies to a single run.
		expectRefusal(await run("results", "regrade", "results", "--output", "again"), "the variable SECRET");
		const rows = readFileSync(join(cwd, "results/index.jsonl"), "utf8");
		writeFileSync(join(cwd, "results/index.jsonl"), "");
		expectRefusal(await run("eval", "run", "--run", "results", "--resume"), "the variable SECRET");
		writeFileSync(join(cwd, "results/index.jsonl"), rows);
		expect(await run("bundle", "--benchmark", "b", "a.eval.yaml", "-o", "made")).toMatchObject({ exitCode: 0 });
		expectRefusal(await run("eval", "run", "made/eval.yaml"), "the variable SECRET");
		expect(heard).toHaveLength(1);
	});

	it("only once, until it is revoked", async () => {
		const { heard, port } = await modelListener();
		const { run, cwd, checkout } = await synced(withPort(reading, port));
		symlinkSync(checkout, join(cwd, "link"));
		const refused = await run("benchmark", "trust", "b");
		expect(refused).toMatchObject({ exitCode: 2, stdout: "", stderr: expect.stringContaining("variable SECRET") });
		expect(await run("benchmark", "trust", "b", "--json")).toMatchObject({ exitCode: 2 });
		expectRefusal(await run("eval", "run", "--benchmark", "b"), "the variable SECRET");
		const granted = await run("benchmark", "trust", "b", "--yes", "--json");
		expect(JSON.parse(granted.stdout)).toMatchObject({
			benchmark: "b",
			trusted: true,
			new: expect.arrayContaining([
				expect.objectContaining({ kind: "variable", name: "SECRET", line: 1 }),
				expect.objectContaining({ kind: "host", name: `127.0.0.1:${port}` }),
			]),
		});
		for (const path of [["--benchmark", "b"], ["link/a.eval.yaml"]])
			expect(await run("eval", "run", ...path)).toMatchObject({ exitCode: 0 });
		expect(await run("eval", "record", "link/a.eval.yaml", "--out", "answers.jsonl")).toMatchObject({ exitCode: 0 });
		expect(await run("results", "regrade", "latest", "--output", "again").then(({ exitCode }) => exitCode)).not.toBe(1);
		expect(heard).toHaveLength(3);
		const state = readFileSync(join(cwd, ".home/state/trust.json"), "utf8");
		for (const word of ["SECRET", "127.0.0.1", secret]) expect(state).not.toContain(word);
		expect(await run("benchmark", "trust", "b")).toMatchObject({ exitCode: 0 });
		expect(await run("benchmark", "trust", "b", "--revoke")).toMatchObject({ exitCode: 0 });
		expectRefusal(await run("eval", "run", "--benchmark", "b"), "the variable SECRET");
		expect(heard).toHaveLength(3);
	});
});

describe("a removed benchmark", () => {
	it("leaves a clone that still needs consent, unless it was given before", async () => {
		const { heard, port } = await modelListener();
		const { run, cwd, checkout } = await synced(withPort(reading, port));
		expect(await run("benchmark", "remove", "b")).toMatchObject({ exitCode: 0 });
		expectRefusal(await run("eval", "run", join(checkout, "a.eval.yaml")), "the variable SECRET");
		const again = ["benchmark", "add", `file://${remoteOf(checkout)}`, "--id", "b"];
		expect(await run(...again)).toMatchObject({ exitCode: 0 });
		expect(await run("benchmark", "trust", "b", "--yes")).toMatchObject({ exitCode: 0 });
		expect(await run("benchmark", "remove", "b")).toMatchObject({ exitCode: 0 });
		expect(await run("eval", "run", join(checkout, "a.eval.yaml"))).toMatchObject({ exitCode: 0 });
		expect(heard).toHaveLength(1);
		const other = join(cwd, ".home/benchmarks/mine");
		cpSync(checkout, other, { recursive: true });
		expectRefusal(await run("eval", "run", join(other, "a.eval.yaml")), "the variable SECRET");
		expect(await run("benchmark", "add", other, "--id", "mine")).toMatchObject({ exitCode: 0 });
		expect(await run("eval", "run", join(other, "a.eval.yaml"))).toMatchObject({ exitCode: 0 });
	});
});

describe("consent", () => {
	it("is needed again for a variable, host or file that a new commit adds", async () => {
		const { heard, port } = await modelListener();
		const { port: other, heard: otherHeard } = await modelListener();
		const { run, sync } = await synced(withPort(reading, port));
		expect(await run("benchmark", "trust", "b", "--yes")).toMatchObject({ exitCode: 0 });
		expect(await run("eval", "run", "--benchmark", "b")).toMatchObject({ exitCode: 0 });
		await sync({ "a.eval.yaml": reading["a.eval.yaml"].replace("hello", `hello \${{ GITHUB_TOKEN:-x }}`) });
		const variable = await run("eval", "run", "--benchmark", "b");
		expectRefusal(variable, "the variable GITHUB_TOKEN");
		expect(variable.stderr).not.toContain("the variable SECRET");
		await sync({
			"a.eval.yaml": reading["a.eval.yaml"],
			"targets.yaml": model(`base_url: "http://127.0.0.1:${other}/v1"`),
		});
		expectRefusal(await run("eval", "run", "--benchmark", "b"), `the host 127.0.0.1:${other}`);
		await sync({
			...withPort(reading, port),
			"a.eval.yaml": `input_files: [/etc/hostname]\n${reading["a.eval.yaml"]}`,
		});
		const outside = await run("eval", "run", "--benchmark", "b", "--trust", "any");
		expect(outside).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("a.eval.yaml:1:15") });
		expectRefusal(
			await run("eval", "run", "--benchmark", "b", "--allow-outside", "/etc/hostname"),
			"the file /etc/hostname",
		);
		expect([heard.length, otherHeard.length]).toEqual([1, 0]);
	});

	it("is needed again for another host in a variable, another repository, another id and another home", async () => {
		const { heard, port } = await modelListener();
		const files = { ...reading, "targets.yaml": model(`base_url: "http://\${{ HOST:-127.0.0.1:PORT }}/v1"`) };
		const { run, cwd, checkout } = await synced(withPort(files, port));
		expect(await run("benchmark", "trust", "b", "--yes")).toMatchObject({ exitCode: 0 });
		const env = { SECRET: secret, HOST: `localhost:${port}` };
		expectRefusal(await agentv(["eval", "run", "--benchmark", "b"], { cwd, env }), `the host localhost:${port}`);
		const registry = join(cwd, ".home/benchmarks.yaml");
		const text = readFileSync(registry, "utf8");
		const change = async (altered: string) => {
			writeFileSync(registry, altered);
			expectRefusal(await run("eval", "run", join(checkout, "a.eval.yaml")), "the variable SECRET");
			writeFileSync(registry, text);
		};
		await change(text.replace("origin.git", "other.git"));
		await change(text.replace("id: b", "id: c"));
		await change(text.replace(/file:.*/, "https://${{ UNSET }}@example.invalid/evals.git"));
		expect(heard).toEqual([]);
		expect(await run("eval", "run", "--benchmark", "b")).toMatchObject({ exitCode: 0 });
		const other = { SECRET: secret, AGENTV_HOME: join(cwd, "other") };
		mkdirSync(join(cwd, "other"));
		writeFileSync(join(cwd, "other/benchmarks.yaml"), text.replaceAll("path: benchmarks/b", `path: ${checkout}`));
		expectRefusal(await agentv(["eval", "run", "--benchmark", "b"], { cwd, env: other }), "the variable SECRET");
	});

	it("can't be used or changed if its file is invalid, which is kept", async () => {
		const { port } = await modelListener();
		const { run, cwd } = await synced(withPort(reading, port));
		expect(await run("benchmark", "trust", "b", "--yes")).toMatchObject({ exitCode: 0 });
		writeFileSync(join(cwd, ".home/state/trust.json"), "{");
		for (const args of [
			["eval", "run", "--benchmark", "b"],
			["benchmark", "trust", "b", "--yes"],
			["benchmark", "trust", "b", "--revoke"],
		])
			expect(await run(...args)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("trust.json") });
		expect(readFileSync(join(cwd, ".home/state/trust.json"), "utf8")).toBe("{");
	});

	it("is asked for without showing a secret in a host's name", async () => {
		const { run } = await synced({
			"a.eval.yaml": test1,
			"targets.yaml": model(`base_url: "http://\${{ SECRET }}.invalid/v1"`),
		});
		const sessions = [
			await run("eval", "run", "--benchmark", "b"),
			await run("eval", "run", "--benchmark", "b", "--dry-run"),
			await run("benchmark", "trust", "b"),
			await run("benchmark", "trust", "b", "--yes"),
			await run("doctor", "--online", "--eval", ".home/benchmarks/b/a.eval.yaml"),
		];
		for (const { stdout, stderr } of sessions) expect(stdout + stderr).not.toContain(secret);
	});
});

describe("no consent is needed", () => {
	it("for the user's own evals, local benchmarks, and targets that the user names", async () => {
		const { heard, port } = await modelListener();
		const cwd = tempTree({
			...withPort(reading, port),
			".home/benchmarks.yaml": "benchmarks: [{id: here, path: ..}]\n",
		});
		const env = { SECRET: secret };
		expect(await agentv(["eval", "run", "a.eval.yaml"], { cwd, env })).toMatchObject({ exitCode: 0 });
		expect(await agentv(["eval", "run", "--benchmark", "here", "a.eval.yaml"], { cwd, env })).toMatchObject({
			exitCode: 0,
		});
		expect(await agentv(["benchmark", "trust", "here"], { cwd, env })).toMatchObject({ exitCode: 2 });
		const { run } = await synced({ "a.eval.yaml": test1, "targets.yaml": offline });
		expect(await run("eval", "run", "--benchmark", "b")).toMatchObject({ exitCode: 0 });
		const own = join(
			tempTree({
				"t.yaml":
					withPort(reading, port)
						["targets.yaml"]?.replace("base_url", `api_key: "\${{ SECRET }}", base_url`)
						.replace("default", "mine") ?? "",
			}),
			"t.yaml",
		);
		expect(await run("eval", "run", "--benchmark", "b", "--targets", own, "--target", "mine")).toMatchObject({
			exitCode: 0,
		});
		expect(heard).toHaveLength(3);
	});

	it("for the user's target unless the benchmark overrides a part of it", async () => {
		const { heard, port } = await modelListener();
		const { run } = await synced({
			"a.eval.yaml": `target: {extends: mine, base_url: "http://127.0.0.1:${port}/v1"}\n${test1}`,
		});
		const own = join(
			tempTree({ "t.yaml": `targets: [{name: mine, provider: openai, model: m, api_key: "\${{ SECRET }}"}]\n` }),
			"t.yaml",
		);
		const refused = await run("eval", "run", "--benchmark", "b", "--targets", own);
		expectRefusal(refused, "the variable SECRET");
		expectRefusal(refused, `the host 127.0.0.1:${port}`);
		expect(heard).toEqual([]);
		expect(await run("benchmark", "trust", "b", "--yes", "--targets", own)).toMatchObject({ exitCode: 0 });
		expect(await run("eval", "run", "--benchmark", "b", "--targets", own)).toMatchObject({ exitCode: 0 });
	});
});

describe("bundles", () => {
	const own = (port: number) =>
		tempTree(
			withPort({ "evals/a.eval.yaml": reading["a.eval.yaml"], "evals/targets.yaml": reading["targets.yaml"] }, port),
		);
	const env = { SECRET: secret };

	it("made by the user need no consent, even if moved or archived, unless they were edited", async () => {
		const { heard, port } = await modelListener();
		const cwd = own(port);
		const made = await agentv(["bundle", "evals/a.eval.yaml", "-o", "made", "--archive", "made.tgz"], { cwd, env });
		expect(made).toMatchObject({ exitCode: 0 });
		renameSync(join(cwd, "made"), join(cwd, "moved"));
		mkdirSync(join(cwd, "unpacked"));
		execFileSync("tar", ["-xzf", join(cwd, "made.tgz"), "-C", join(cwd, "unpacked")]);
		for (const directory of ["moved", "unpacked/made"]) {
			if (!existsSync(join(cwd, directory))) continue;
			expect(await agentv(["eval", "run", join(directory, "eval.yaml")], { cwd, env })).toMatchObject({ exitCode: 0 });
		}
		const before = heard.length;
		const file = join(cwd, "moved/eval.yaml");
		writeFileSync(file, readFileSync(file, "utf8").replace("hello", `hello \${{ GITHUB_TOKEN:-x }}`));
		expectRefusal(await agentv(["eval", "run", "moved/eval.yaml"], { cwd, env }), "the variable GITHUB_TOKEN");
		expect(heard).toHaveLength(before);
	});

	it("received from others need consent: by path, by link, in another home, and again after an edit", async () => {
		const { heard, port } = await modelListener();
		const cwd = own(port);
		expect(await agentv(["bundle", "evals/a.eval.yaml", "-o", "made"], { cwd, env })).toMatchObject({ exitCode: 0 });
		const there = { ...env, AGENTV_HOME: join(cwd, "other-home") };
		symlinkSync(join(cwd, "made"), join(cwd, "link"));
		symlinkSync(join(cwd, "made/eval.yaml"), join(cwd, "l.eval.yaml"));
		writeFileSync(join(cwd, "targets.yaml"), offline);
		const run = (...args: string[]) => agentv(args, { cwd, env: there });
		for (const path of ["made/eval.yaml", "made", "link/eval.yaml", "l.eval.yaml"])
			expectRefusal(await run("eval", "run", path), "the variable SECRET");
		expectRefusal(await run("eval", "record", "link/eval.yaml", "--out", "x.jsonl"), "the variable SECRET");
		expect(await run("bundle", "trust", "made")).toMatchObject({
			exitCode: 2,
			stderr: expect.stringContaining("SECRET"),
		});
		expect(heard).toEqual([]);
		expect(await run("bundle", "trust", "link", "--yes")).toMatchObject({ exitCode: 0 });
		expect(await run("eval", "run", "made/eval.yaml")).toMatchObject({ exitCode: 0 });
		const manifest = join(cwd, "made/manifest.json");
		const text = readFileSync(manifest, "utf8");
		writeFileSync(manifest, text.replace('"created_at": "2', '"created_at": "3'));
		expectRefusal(await run("eval", "run", "made/eval.yaml"), "the variable SECRET");
		writeFileSync(manifest, text);
		expect(await run("eval", "run", "made/eval.yaml")).toMatchObject({ exitCode: 0 });
		const file = join(cwd, "made/targets.yaml");
		writeFileSync(file, readFileSync(file, "utf8").replace(`127.0.0.1:${port}`, `localhost:${port}`));
		expectRefusal(await run("eval", "run", "made/eval.yaml"), `the host localhost:${port}`);
		expect(await run("bundle", "trust", "made", "--revoke")).toMatchObject({ exitCode: 0 });
		expectRefusal(await run("eval", "run", "made/eval.yaml"), "the variable SECRET");
		expect(heard).toHaveLength(2);
	});

	it("received from others need consent even with a renamed eval or an invalid manifest", async () => {
		const { heard, port } = await modelListener();
		const cwd = own(port);
		expect(await agentv(["bundle", "evals/a.eval.yaml", "-o", "made"], { cwd, env })).toMatchObject({ exitCode: 0 });
		const run = (...args: string[]) => agentv(args, { cwd, env: { ...env, AGENTV_HOME: join(cwd, "other-home") } });
		const breaks: Record<string, (manifest: string) => void> = {
			"an array": (manifest) => writeFileSync(manifest, "[]"),
			"nothing in it": (manifest) => writeFileSync(manifest, "{}"),
			"invalid JSON": (manifest) => writeFileSync(manifest, "{"),
			"a directory": (manifest) => mkdirSync(manifest),
			"a dangling link": (manifest) => symlinkSync("nowhere", manifest),
			"a FIFO": (manifest) => void execFileSync("mkfifo", [manifest]),
			"another letter case": (manifest) => writeFileSync(manifest.replace("manifest", "Manifest"), '{"digest": 1}'),
		};
		for (const [index, [, breakIt]] of Object.entries(breaks).entries()) {
			const copy = `copy${index}`;
			cpSync(join(cwd, "made"), join(cwd, copy), { recursive: true });
			rmSync(join(cwd, copy, "manifest.json"));
			breakIt(join(cwd, copy, "manifest.json"));
			expectRefusal(await run("eval", "run", `${copy}/eval.yaml`), "the variable SECRET");
		}
		for (const name of ["eval.yml", "other.eval.yaml"]) {
			const copy = `as-${name}`;
			cpSync(join(cwd, "made"), join(cwd, copy), { recursive: true });
			renameSync(join(cwd, copy, "eval.yaml"), join(cwd, copy, name));
			expectRefusal(await run("eval", "run", `${copy}/${name}`), "the variable SECRET");
		}
		expect(heard).toEqual([]);
		expect(await run("bundle", "trust", "copy0", "--yes")).toMatchObject({ exitCode: 0 });
		expect(await run("eval", "run", "copy0/eval.yaml")).toMatchObject({ exitCode: 0 });
		expect(await run("bundle", "trust", "as-other.eval.yaml", "--yes")).toMatchObject({ exitCode: 0 });
		expect(await run("eval", "run", "as-other.eval.yaml/other.eval.yaml")).toMatchObject({ exitCode: 0 });
	});

	it("are not confused with projects that have another kind of manifest.json", async () => {
		const { heard, port } = await modelListener();
		const cwd = own(port);
		writeFileSync(join(cwd, "manifest.json"), '{"manifest_version": 3, "name": "an extension"}');
		writeFileSync(join(cwd, "evals/manifest.json"), '{"short_name": "a web app", "icons": []}');
		expect(await agentv(["eval", "run", "evals/a.eval.yaml"], { cwd, env })).toMatchObject({ exitCode: 0 });
		expect(heard).toHaveLength(1);
	});

	it("contain files from outside the repository only with --include-outside", async () => {
		const outside = tempTree({
			"id_rsa.md": "secret",
			"cases.yaml": "- {id: t, input: hi, assertions: [{type: contains, value: hi}]}\n",
		});
		for (const [text, path] of [
			[`input_files: [${outside}/id_rsa.md]\n${test1}`, "id_rsa.md"],
			[`tests: ${outside}/cases.yaml\n`, "cases.yaml"],
			[`input_files: [./link.md]\n${test1}`, "id_rsa.md"],
			["tests: ./link.yaml\n", "cases.yaml"],
		] as const) {
			const cwd = tempTree({ "a.eval.yaml": text, "targets.yaml": offline });
			symlinkSync(join(outside, "id_rsa.md"), join(cwd, "link.md"));
			symlinkSync(join(outside, "cases.yaml"), join(cwd, "link.yaml"));
			const refused = await agentv(["bundle", "a.eval.yaml", "-o", "../never"], {
				cwd,
				env: { AGENTV_HOME: join(outside, "home") },
			});
			expect(refused.exitCode, text).toBe(1);
			expect(refused.stderr).toMatch(/a\.eval\.yaml:1:\d+/);
			if (text.includes("link")) continue;
			expect(refused.stderr).toContain("--include-outside");
			const made = await agentv(["bundle", "a.eval.yaml", "-o", join(outside, path.slice(0, 2)), "--include-outside"], {
				cwd,
			});
			expect(made, made.stderr).toMatchObject({ exitCode: 0 });
		}
	});

	it("of a benchmark contact none of its hosts before consent", async () => {
		const { heard, port } = await modelListener();
		const repo = `workspace: {repos: [{path: r, commit: main, repo: "http://x:\${{ SECRET }}@127.0.0.1:${port}/r.git"}]}\n${test1}`;
		const { run } = await synced({ "a.eval.yaml": repo, "targets.yaml": offline });
		expectRefusal(await run("bundle", "--benchmark", "b", "a.eval.yaml", "-o", "out", "--pin"), "the variable SECRET");
		await run("eval", "validate", "--benchmark", "b", "--pin");
		await run("doctor", "--online");
		expect(heard).toEqual([]);
	});
});

describe("the question for consent on a terminal", () => {
	it.each([
		["y", 0, "Trusted."],
		["no", 1, "Nothing was trusted."],
		["", 1, "Nothing was trusted."],
	])("accepts the answer %j", async (answer, exitCode, says) => {
		const { run, cwd } = await synced({ ...reading, "targets.yaml": offline });
		const asked = await agentv(["benchmark", "trust", "b"], {
			cwd,
			terminal: true,
			input: `${answer}\n`,
			env: { SECRET: secret },
		});
		expect(asked.stdout).toContain("variable SECRET");
		expect(asked).toMatchObject({ exitCode, stdout: expect.stringContaining(says) });
		const { exitCode: ran } = await run("eval", "run", "--benchmark", "b");
		expect(ran).toBe(exitCode === 0 ? 0 : 2);
	});
});
