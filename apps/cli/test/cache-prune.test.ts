import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { agentv, bareRepository, gitRepository, tempTree, waitUntil } from "@agentv/test-support";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";

const schemaFile = resolve(import.meta.dirname, "../../../docs/schemas/cache-output.schema.json");
const matches = new Ajv({ strict: false, formats: { "date-time": true } }).compile(
	JSON.parse(readFileSync(schemaFile, "utf8")),
);

const mirrors = ".home/cache/git";
const longAgo = new Date(Date.now() - 40 * 24 * 60 * 60_000);

/**
 * Creates a user whose eval uses a repository, and whose target waits while the file `wait` exists.
 */
function user() {
	const cwd = tempTree({
		"repository.eval.yaml": `target: waiting
tests: [{ id: one, input: hi, assertions: [{ type: contains, value: done }] }]
workspace:
  repos: [{ path: ./app, repo: ./app.git }]
`,
		"targets.yaml": "targets: [{ name: waiting, provider: cli, command: [node, ./target.mjs] }]\n",
		"target.mjs": `import { existsSync, writeFileSync } from "node:fs";
writeFileSync(${JSON.stringify("asked")}, "");
const wait = setInterval(() => {
	if (existsSync(process.env.HOME + "/wait")) return;
	clearInterval(wait);
	console.log("done");
}, 20);
`,
	});
	gitRepository(join(cwd, "work"), { "a.txt": "a".repeat(10_000) }).pushTo(join(cwd, "app.git"));
	mkdirSync(join(cwd, "tmp"));
	const options = { cwd, env: { TMPDIR: join(cwd, "tmp") } };
	const prune = async (...args: string[]) => {
		const session = await agentv(["cache", "prune", "--json", ...args], options);
		const document = session.stdout === "" ? {} : JSON.parse(session.stdout);
		expect(matches(document), JSON.stringify(matches.errors)).toBe(true);
		return { ...session, ...document } as typeof session & Record<"removed" | "kept" | "failed", Item[]>;
	};
	const run = (onStart?: (pid: number) => void) =>
		agentv(["eval", "run", "repository.eval.yaml", "--output", `out-${Date.now()}`], {
			...options,
			...(onStart ? { onStart } : {}),
		});
	return { cwd, options, prune, run, list: (path: string) => readdirSync(join(cwd, path)) };
}

interface Item {
	readonly kind: string;
	readonly path: string;
	readonly name: string | null;
	readonly pid: number | null;
	readonly reason?: string;
}

const kinds = (items: readonly Item[]) => items.map(({ kind }) => kind).sort();

/** Sets the times of everything under `path` to 40 days ago. */
function age(path: string) {
	execFileSync("find", [path, "-exec", "touch", "-h", "-d", longAgo.toISOString(), "{}", "+"]);
}

describe("agentv cache prune", () => {
	it("removes an old mirror, which the next run fetches again", async () => {
		const { cwd, prune, run, list } = user();
		expect(await run()).toMatchObject({ exitCode: 0 });
		expect(await prune()).toMatchObject({ exitCode: 0, removed: [], kept: [{ kind: "mirror", reason: "recent" }] });
		age(join(cwd, mirrors));
		const dry = await prune("--dry-run");
		expect(dry.removed).toEqual([expect.objectContaining({ kind: "mirror", name: join(cwd, "app.git") })]);
		expect(list(mirrors)).toHaveLength(1);
		const { removed } = await prune();
		expect(removed).toEqual(dry.removed);
		expect(list(mirrors)).toEqual([]);
		expect(await run()).toMatchObject({ exitCode: 0 });
		expect(list(mirrors)).toHaveLength(1);
	});

	it("keeps recently used entries, regardless of their age", async () => {
		const { cwd, prune, run } = user();
		await run();
		age(join(cwd, mirrors));
		await run();
		expect(await prune()).toMatchObject({ removed: [], kept: [{ kind: "mirror", reason: "recent" }] });
		expect(kinds((await prune("--all")).removed)).toEqual(["mirror"]);
	});

	it("keeps what a run is using, and removes what a killed run left behind", async () => {
		const { cwd, prune, run, list } = user();
		writeFileSync(join(cwd, "wait"), "");
		let pid = 0;
		const running = run((started) => {
			pid = started;
		});
		const asked = () =>
			readdirSync(join(cwd, ".home/workspaces"), { recursive: true }).some((name) => `${name}`.endsWith("asked"));
		await waitUntil(asked);
		const during = await prune("--all");
		// Once the repository is in the workspace, the mirror is no longer read.
		expect(kinds(during.removed)).toEqual(["mirror"]);
		expect(during.kept).toEqual([
			...["workspace", "temporary"].map((kind) => expect.objectContaining({ kind, reason: "in-use", pid })),
		]);
		process.kill(pid, "SIGKILL");
		await running;
		const after = await prune();
		expect(kinds(after.removed)).toEqual(["temporary", "workspace"]);
		expect(after.removed.every((item) => "left_behind" in item && item.left_behind === true)).toBe(true);
		expect([list(".home/workspaces"), list("tmp")]).toEqual([[], []]);
	});

	it("keeps the workspaces of failed tests until they are old", async () => {
		const { cwd, prune, run } = user();
		writeFileSync(join(cwd, "target.mjs"), "console.log('other');\n");
		expect(await run()).toMatchObject({ exitCode: 1 });
		expect(kinds((await prune()).kept)).toEqual(["mirror", "workspace"]);
		age(join(cwd, ".home/workspaces"));
		expect(kinds((await prune()).removed)).toEqual(["workspace"]);
	});

	it("follows no links and keeps foreign files", async () => {
		const { cwd, prune } = user();
		const name = `${"a".repeat(32)}.git`;
		bareRepository(join(cwd, "elsewhere", name));
		writeFileSync(join(cwd, "elsewhere/mine.txt"), "mine");
		mkdirSync(join(cwd, ".home/cache/ab"), { recursive: true });
		mkdirSync(join(cwd, ".home/workspaces/run"), { recursive: true });
		symlinkSync(join(cwd, "elsewhere"), join(cwd, ".home/cache/git"));
		symlinkSync(join(cwd, "elsewhere"), join(cwd, ".home/cache/cd"));
		symlinkSync(join(cwd, "elsewhere"), join(cwd, ".home/workspaces/link"));
		symlinkSync(join(cwd, "elsewhere"), join(cwd, ".home/workspaces/run/link"));
		writeFileSync(join(cwd, ".home/cache/ab/notes.txt"), "mine");
		mkdirSync(join(cwd, "tmp/agentv-run-abcdef"));
		const { removed, kept, exitCode } = await prune("--all");
		expect(exitCode).toBe(0);
		expect(removed.map(({ path }) => path)).toEqual([join(cwd, ".home/workspaces/run")]);
		expect(kept.map(({ reason }) => reason)).toEqual(["foreign", "foreign", "foreign"]);
		for (const path of [
			`elsewhere/${name}/HEAD`,
			"elsewhere/mine.txt",
			".home/cache/ab/notes.txt",
			"tmp/agentv-run-abcdef",
		])
			expect(existsSync(join(cwd, path)), path).toBe(true);
	});

	it("removes old model responses and leftover temporary files", async () => {
		const { cwd, prune } = user();
		const shelf = join(cwd, ".home/cache/ab");
		mkdirSync(shelf, { recursive: true });
		const [old, fresh] = ["b", "c"].map((digit) => join(shelf, `${digit.repeat(64)}.json`)) as [string, string];
		const remains = join(shelf, `.${"d".repeat(64)}.json.agentv-000000000000-1-1-0123abcd.tmp`);
		for (const file of [old, fresh, remains]) writeFileSync(file, "{}");
		for (const file of [old, remains]) utimesSync(file, longAgo, longAgo);
		expect((await prune()).removed.map(({ path }) => path).sort()).toEqual([remains, old].sort());
		expect(readdirSync(shelf)).toHaveLength(1);
		expect(kinds((await prune("--all")).removed)).toEqual(["call"]);
		expect(existsSync(shelf)).toBe(false);
	});

	it("prints what it removed, and what it kept and why", async () => {
		const { options, run } = user();
		await run();
		const said = async (...args: string[]) => (await agentv(["cache", "prune", ...args], options)).stdout;
		expect(await said("--dry-run")).toMatch(
			/^Kept \(used in the last 30 days\):\n {2}1 mirror of a repository {2}[\d.]+ k?B\nNothing to remove\.\n$/,
		);
		expect(await said("--all", "--dry-run")).toMatch(
			/^Would remove:\n {2}1 mirror of a repository {2}[\d.]+ k?B\nWould free [\d.]+ k?B\.\n$/,
		);
		expect(await said("--older-than", "0m")).toMatch(/^Removed:\n.+\nFreed [\d.]+ k?B\.\n$/);
		expect(await said()).toBe("Nothing to remove.\n");
		const wrong = await agentv(["cache", "prune", "--all", "--older-than", "1d"], options);
		expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--all and --older-than") });
	});
});
