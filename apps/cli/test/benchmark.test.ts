import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { agentv, gitRepository, silentServer, tempTree, writeTree } from "@agentv/test-support";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";

const schema = JSON.parse(
	readFileSync(resolve(import.meta.dirname, "../../../docs/schemas/benchmark-output.schema.json"), "utf8"),
);
const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);

/** Creates a user with a published repository of one eval, and an empty registry. */
function user() {
	const cwd = tempTree();
	const upstream = gitRepository(join(cwd, "work"), {
		"a.eval.yaml":
			"tests:\n  - { id: one, input: hi, assertions: [{ type: code-grader, command: [sh, ./check.sh] }] }\n",
		"check.sh": "echo 1\n",
	});
	const bare = upstream.pushTo(join(cwd, "evals.git"));
	const run = async (...args: string[]) => {
		const session = await agentv(["benchmark", ...args], { cwd });
		return { ...session, stdout: said(session.stdout), stderr: said(session.stderr) };
	};
	/** Replaces paths, SHAs and times by placeholders. */
	const said = (text: string) =>
		text
			.replaceAll(cwd, "<cwd>")
			.replace(/\b[0-9a-f]{40}\b/g, "<sha>")
			.replace(/\b[0-9a-f]{12}\b/g, "<short>")
			.replace(/\d{4}-\d\d-\d\d(T[\d:.]+(Z|\+00:00))?/g, "<time>");
	const json = async (...args: string[]) => {
		const session = await agentv(["benchmark", ...args, "--json"], { cwd });
		const document: unknown = JSON.parse(session.stdout);
		expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
		return { document, exitCode: session.exitCode, stderr: session.stderr };
	};
	const publish = (files: Parameters<typeof upstream.commit>[0]) => {
		upstream.commit(files);
		upstream.pushTo(bare);
	};
	return { cwd, url: `file://${bare}`, run, json, publish };
}

describe("agentv benchmark", () => {
	it("takes a new user from an empty registry to an up-to-date benchmark", async () => {
		const { cwd, url, run, publish } = user();
		expect(await run("list")).toMatchObject({
			exitCode: 0,
			stdout: "No benchmarks yet. Add one: agentv benchmark add <path-or-git-url>\n",
		});
		expect(await run("sync")).toMatchObject({ exitCode: 0, stdout: "Nothing to sync.\n", stderr: "" });
		expect((await run("add", url)).stdout).toMatchInlineSnapshot(`
			"Added to <cwd>/.home/benchmarks.yaml:
			  id: evals
			  path: <cwd>/.home/benchmarks/evals
			  source:
			    url: file://<cwd>/evals.git
			  added_at: <time>
			Get it with: agentv benchmark sync evals
			"
		`);
		expect(await run("sync")).toMatchInlineSnapshot(`
			{
			  "exitCode": 0,
			  "stderr": "evals: looking …
			evals: clone main at <short> …
			",
			  "stdout": "✓ evals  synced: cloned main at <short>
			",
			}
		`);
		expect((await run("sync", "--all")).stdout).toMatchInlineSnapshot(`
			"✓ evals  current: already at <short>
			"
		`);
		publish({ "check.sh": "echo 2\n", "b.eval.yaml": "tests: [{ id: two, input: hi, criteria: good }]\n" });
		expect((await run("status")).stdout).toMatchInlineSnapshot(`
			"● evals  behind: 1 commit behind main; agentv benchmark sync evals updates it
			    <short>  <time>  first
			"
		`);
		expect((await run("sync", "evals", "--dry-run")).stdout).toMatchInlineSnapshot(`
			"evals  would update: <short> to <short>, 1 commit
			    files: 1 added, 1 changed, 0 removed
			      + b.eval.yaml
			      ~ check.sh
			    affected evals:
			      a.eval.yaml (changed): one
			      b.eval.yaml (added): two
			    will execute on the next run:
			      grader check.sh (changed, a.eval.yaml)
			"
		`);
		expect((await run("sync")).stdout).toMatchInlineSnapshot(`
			"✓ evals  synced: <short> to <short>, 1 commit
			    files: 1 added, 1 changed, 0 removed
			    will execute on the next run:
			      grader check.sh (changed, a.eval.yaml)
			"
		`);
		const list = (await run("list")).stdout.split("\n").map((line) => line.split(/ {2,}/));
		expect(list.slice(0, 2)).toEqual([
			["ID", "NAME", "PATH", "SOURCE", "REVISION", "STATE"],
			["evals", "evals", "<cwd>/.home/benchmarks/evals", "file://<cwd>/evals.git", "<short>", "synced"],
		]);
		expect((await run("remove", "evals")).stdout).toMatchInlineSnapshot(`
			"Removed evals from <cwd>/.home/benchmarks.yaml. Its directory was kept: <cwd>/.home/benchmarks/evals
			"
		`);
		expect(readFileSync(join(cwd, ".home/benchmarks/evals/check.sh"), "utf8")).toBe("echo 2\n");
	});

	it("reports errors with hints and distinct exit codes", async () => {
		const { cwd, url, run } = user();
		mkdirSync(join(cwd, "mine"));
		await run("add", "mine");
		expect(await run("add", "mine")).toMatchInlineSnapshot(`
			{
			  "exitCode": 2,
			  "stderr": "error: benchmark "mine" already exists
			hint: Choose another id: --id mine-2.
			",
			  "stdout": "",
			}
		`);
		expect(await run("add", "acme/evals")).toMatchInlineSnapshot(`
			{
			  "exitCode": 2,
			  "stderr": "error: <cwd>/acme/evals does not exist
			hint: For a GitHub repository write https://github.com/acme/evals.git.
			",
			  "stdout": "",
			}
		`);
		expect(await run("add", "https://me:hunter2@host/x.git")).toMatchInlineSnapshot(`
			{
			  "exitCode": 2,
			  "stderr": "error: url: the URL contains a literal password or token; read it from a variable
			hint: Use a variable (https://x-access-token:\${{ GITHUB_TOKEN }}@host/…) or git's credential helper.
			",
			  "stdout": "",
			}
		`);
		expect(await run("sync", "mine")).toMatchInlineSnapshot(`
			{
			  "exitCode": 1,
			  "stderr": "",
			  "stdout": "✗ mine  refused: local benchmark, used in place
			",
			}
		`);
		expect(await run("sync", "none")).toMatchInlineSnapshot(`
			{
			  "exitCode": 2,
			  "stderr": "error: no benchmark "none"
			hint: Known: mine.
			",
			  "stdout": "",
			}
		`);
		expect(await run("sync", "--concurrency", "0")).toMatchInlineSnapshot(`
			{
			  "exitCode": 2,
			  "stderr": "error: option '--concurrency <number>' argument '0' is invalid. Expected an integer from 1 to 64.
			hint: \`agentv benchmark sync --help\` lists the options.
			",
			  "stdout": "",
			}
		`);
		expect(await run("sync", "mine", "--all")).toMatchObject({
			exitCode: 2,
			stderr: expect.stringContaining("not both"),
		});
		await run("add", `${url}-not`, "--id", "gone");
		expect(await run("sync")).toMatchInlineSnapshot(`
			{
			  "exitCode": 1,
			  "stderr": "gone: looking …
			",
			  "stdout": "- mine  skipped: local benchmark, used in place
			✗ gone  refused: the remote repository was not found ('<cwd>/evals.git-not' does not appear to be a git repository); check the URL, and that you have read access to the repository
			",
			}
		`);
		expect(await run("status", "gone")).toMatchObject({ exitCode: 0 });
	});

	it("prints JSON that matches its schema", async () => {
		const { cwd, url, json, publish } = user();
		expect((await json("list")).document).toEqual({ benchmarks: [], problems: [] });
		expect((await json("add", url)).document).toMatchObject({ added: { id: "evals" } });
		expect((await json("status")).document).toMatchObject({ benchmarks: [{ revision: { state: "missing" } }] });
		expect((await json("sync", "--dry-run")).document).toMatchObject({ plans: [{ action: "clone", changes: null }] });
		expect(await json("sync")).toMatchObject({
			exitCode: 0,
			document: { results: [{ outcome: "synced", from: null }] },
		});
		publish({ "check.sh": "echo 2\n" });
		expect((await json("sync", "--dry-run")).document).toMatchObject({
			plans: [{ changes: { executes: [{ what: "check.sh" }] } }],
		});
		writeTree(join(cwd, ".home/benchmarks/evals"), { "check.sh": "mine\n" });
		expect(await json("sync")).toMatchObject({ exitCode: 1, document: { results: [{ outcome: "refused" }] } });
		expect((await json("status")).document).toMatchObject({
			benchmarks: [{ work_tree: { files: ["check.sh"] }, last_sync: { status: "failed" } }],
		});
		expect((await json("add", url, "--id", "two", "--sync")).document).toMatchObject({
			added: { id: "two" },
			results: [{ outcome: "synced" }],
		});
		expect((await json("remove", "two")).document).toMatchObject({ removed: { id: "two" } });
	});

	it("keeps an unreadable registry and reports the location of the error", async () => {
		const { cwd, run } = user();
		const text = "benchmarks:\n  - id: a\n   path: wrong indentation\n";
		writeTree(cwd, { ".home/benchmarks.yaml": text });
		for (const args of [["list"], ["add", "work"], ["remove", "a"], ["sync"]])
			expect(await run(...args)).toMatchObject({
				exitCode: 2,
				stderr: expect.stringContaining(".home/benchmarks.yaml:3:"),
			});
		expect(readFileSync(join(cwd, ".home/benchmarks.yaml"), "utf8")).toBe(text);
	});

	it("never shows a password from the registry, even in the code frame of an error", async () => {
		const { cwd, run } = user();
		const entry = (id: string, url: string) => `  - { id: ${id}, path: /x, source: { url: "${url}" } }\n`;
		const urls = ["https://ada:hunter2hunter2@h/x", "https://u:${{ T:-hunter2hunter2 }}@h/x", "https://h/x\\n"];
		writeTree(cwd, {
			".home/benchmarks.yaml": `benchmarks:\n${urls.map((url, index) => entry(`b${index}`, url)).join("")}  - just text\n`,
		});
		for (const args of [
			["list"],
			["status"],
			["sync"],
			["sync", "--dry-run"],
			["list", "--json"],
			["remove", "none"],
		]) {
			const { stdout, stderr } = await run(...args);
			expect(stdout + stderr).toContain("b1");
			expect(stdout + stderr).not.toContain("hunter2");
		}
	});

	it("uses the valid entries and reports the others", async () => {
		const { cwd, run } = user();
		writeTree(cwd, {
			".home/benchmarks.yaml": "benchmarks:\n  - { id: good, path: ../work }\n  - { id: Bad, path: /x }\n",
		});
		expect(await run("list")).toMatchObject({
			exitCode: 0,
			stdout: expect.stringContaining("good"),
			stderr: expect.stringContaining(".home/benchmarks.yaml:3:"),
		});
		expect(await run("sync")).toMatchObject({
			exitCode: 1,
			stderr: expect.stringContaining("an id consists of lower-case"),
		});
	});

	it("exits with 130 on Ctrl-C, leaves nothing behind, and can be run again", async () => {
		const { cwd, url, run } = user();
		const { url: silent } = await silentServer("git");
		await run("add", `${silent}/x`, "--id", "x");
		const controller = new AbortController();
		const session = agentv(["benchmark", "sync"], { cwd, signal: controller.signal });
		setTimeout(() => controller.abort(), 1500);
		expect(await session).toMatchObject({ exitCode: 130, stdout: expect.stringContaining("interrupted") });
		await run("remove", "x");
		await run("add", url, "--id", "x");
		expect(await run("sync")).toMatchObject({ exitCode: 0 });
	});

	it("keeps all 20 entries that are added concurrently", async () => {
		const { cwd } = user();
		const adds = Array.from({ length: 20 }, (_, index) =>
			agentv(["benchmark", "add", `https://host/b${index}.git`], { cwd }),
		);
		expect((await Promise.all(adds)).map(({ exitCode }) => exitCode)).toEqual(Array(20).fill(0));
		expect(readFileSync(join(cwd, ".home/benchmarks.yaml"), "utf8").match(/- id: /g)).toHaveLength(20);
	});

	it("wraps sentences at spaces if the terminal is narrow", async () => {
		const { cwd } = user();
		await agentv(["benchmark", "add", "https://host/x.git", "--id", "x", "--ref", "a"], { cwd });
		writeTree(cwd, { ".home/benchmarks/x/mine.txt": "mine\n" });
		const env = { COLUMNS: "60", NO_COLOR: "1" };
		const { stdout } = await agentv(["benchmark", "status", "--offline"], { cwd, terminal: true, env });
		const lines = stdout.trimEnd().split("\n");
		expect(lines.length).toBeGreaterThan(1);
		expect(lines.slice(1).every((line) => /^ {4}\S/.test(line))).toBe(true);
		expect(lines.map((line) => line.trim()).join(" ")).toContain("is not empty and not a git repository; move it away");
	});

	it("lists in blocks if the terminal is too narrow for the table", async () => {
		const { cwd, url } = user();
		await agentv(["benchmark", "add", url], { cwd });
		const { stdout } = await agentv(["benchmark", "list"], {
			cwd,
			terminal: true,
			env: { COLUMNS: "60", NO_COLOR: "1" },
		});
		expect(stdout).toMatch(/^evals\n {2}name {6}evals\n {2}path {6}\//);
	});
});
