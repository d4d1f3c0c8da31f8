import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, dirname, join, resolve } from "node:path";
import { agentv, gitRepository, silentServer, tempTree } from "@agentv/test-support";
import { Ajv } from "ajv";
import { describe, expect, it, onTestFinished } from "vitest";

const schemaFile = resolve(import.meta.dirname, "../../../docs/schemas/doctor-output.schema.json");
const matches = new Ajv({ strict: false, allErrors: true }).compile(JSON.parse(readFileSync(schemaFile, "utf8")));

interface Item {
	readonly group: string;
	readonly name: string;
	readonly state: string;
	readonly says: string;
	readonly action: string | null;
	readonly needed_by: readonly string[];
}

const greeting = "tests: [{ id: one, input: hi, assertions: [{ type: contains, value: hi }] }]\n";
const system = (process.env["PATH"] ?? "").split(delimiter);

/** Creates a project, with `programs` (name → shell script) first on the PATH. */
function machine(files: Record<string, string>, programs: Record<string, string> = {}) {
	const root = tempTree(Object.fromEntries(Object.entries(files).map(([path, text]) => [`project/${path}`, text])));
	const [cwd, bin, temp] = [join(root, "project"), join(root, "bin"), join(root, "tmp")];
	for (const directory of [cwd, bin, temp]) mkdirSync(directory, { recursive: true });
	for (const [name, script] of Object.entries(programs)) {
		writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
		chmodSync(join(bin, name), 0o755);
	}
	const home = { PATH: [bin, ...system].join(delimiter), HOME: root, AGENTV_HOME: join(root, "home"), TMPDIR: temp };
	const doctor = async (args: readonly string[] = [], env: Record<string, string> = {}) => {
		const session = await agentv(["doctor", "--json", ...args], { cwd, env: { ...home, ...env } });
		expect(session.stderr).toBe("");
		const { items } = JSON.parse(session.stdout) as { items: Item[] };
		expect(matches(JSON.parse(session.stdout)), JSON.stringify(matches.errors)).toBe(true);
		return {
			...session,
			items,
			item: (group: string, name: string) => items.find((one) => one.group === group && one.name === name),
			problems: items.filter(({ state }) => state === "problem").map(({ group, name }) => `${group} ${name}`),
		};
	};
	return { root, cwd, bin, home, doctor };
}

describe("agentv doctor", () => {
	it("finds no problem with the files of init", async () => {
		const { cwd, home } = machine({});
		await agentv(["init"], { cwd, env: home });
		const { stdout, stderr, exitCode } = await agentv(["doctor"], { cwd, env: home });
		expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
		expect(stdout).toMatch(/^This machine\n {2}✓ node +\d+\.\d+\.\d+\n {2}✓ git +\d+\.\d+\.\d+ {2}\/\S+\n/);
		expect(stdout).toMatch(/^Evals\n {2}✓ found +1 with 2 tests$/m);
		expect(stdout).toMatch(/^ {2}✓ default +mock$/m);
		expect(stdout).toMatch(
			/^ {2}· model +openai gpt-5-mini at api\.openai\.com, OPENAI_API_KEY not set; no eval here uses it$/m,
		);
		expect(stdout.endsWith("\nNo problems found.\n")).toBe(true);
	});

	it("reports what is missing, what needs it and what to do", async () => {
		const { cwd, home, doctor } = machine({
			"evals/a.eval.yaml": `target: agent\n${greeting}workspace: { hooks: { before_all: { command: [no-such-tool, x] } } }\n`,
			"evals/targets.yaml":
				"targets: [{ name: agent, provider: claude, api_key: '${{ MY_KEY }}', executable: no-agent }]\n",
			"evals/.env.example": "MY_KEY=\n",
		});
		const found = await doctor();
		expect(found.exitCode).toBe(1);
		expect(found.problems).toEqual(["programs no-agent", "programs no-such-tool", "targets agent", "variables MY_KEY"]);
		expect(found.item("programs", "no-such-tool")).toMatchObject({
			says: "not found",
			needed_by: ["evals/a.eval.yaml"],
		});
		expect(found.item("variables", "MY_KEY")?.action).toBe(
			"set it, or copy evals/.env.example to evals/.env and fill it in",
		);
		const { stdout } = await agentv(["doctor"], { cwd, env: home });
		expect(stdout).toMatch(
			/^ {2}✗ no-such-tool +not found\n {6}→ install no-such-tool, or fix PATH \(for evals\/a\.eval\.yaml\)$/m,
		);
		expect(stdout.endsWith("\n4 problems, 0 warnings.\n")).toBe(true);
	});

	it("shows keys by name, never by value, including those of .env files", async () => {
		const { doctor } = machine({
			"a.eval.yaml": `target: model\n${greeting}`,
			".env": "SECOND_KEY=second-secret-value\n",
			"targets.yaml": `targets:
  - { name: model, provider: openai, model: m, api_key: "\${{ FIRST_KEY }}", base_url: "https://user:third-secret@models.example/v1", headers: { x: "\${{ SECOND_KEY }}" } }
  - { name: usual, provider: openai, model: m }
`,
		});
		const found = await doctor([], { FIRST_KEY: "first-secret-value", OPENAI_API_KEY: "fourth-secret-value" });
		expect(found.stdout).not.toMatch(/secret/);
		expect(found.item("targets", "model")).toMatchObject({
			state: "ok",
			says: "openai m at models.example, FIRST_KEY set, SECOND_KEY set",
		});
		expect(found.item("variables", "SECOND_KEY")).toMatchObject({ state: "ok", says: "set" });
		const usual = await doctor(["--target", "usual"]);
		expect(usual.problems).toEqual(["targets usual"]);
		expect(usual.item("targets", "usual")?.action).toContain("set OPENAI_API_KEY");
	});

	it("reports an empty credential or address unless it is deliberate", async () => {
		const settings = (key: string) =>
			`targets: [{ name: default, provider: openai, model: m, api_key: "${key}", base_url: "\${{ GATEWAY:-}}" }]\n`;
		const files = (key: string) => ({ "a.eval.yaml": greeting, "targets.yaml": settings(key), ".env": "MY_KEY=\n" });
		const found = await machine(files("${{ MY_KEY }}")).doctor(["."]);
		expect(found.exitCode).toBe(1);
		expect(found.problems).toEqual(["targets default", "variables MY_KEY"]);
		expect(found.item("targets", "default")?.says).toContain(
			'`api_key` of target "default" is empty: variable MY_KEY is set to ""',
		);
		expect(found.item("variables", "MY_KEY")).toMatchObject({ says: "set, but empty" });
		expect(found.item("variables", "MY_KEY")?.action).toContain("${{ MY_KEY:-}}");
		const deliberate = await machine(files("${{ MY_KEY:-}}")).doctor(["."]);
		expect(deliberate.item("variables", "MY_KEY")).toMatchObject({ state: "ok", says: "not set, has a default" });
		expect(deliberate.item("targets", "default")?.says).not.toContain("is empty");
	});

	it("runs --version of well-known programs without any keys, and gives up if they don't respond", async () => {
		const { bin, doctor } = machine(
			{
				"a.eval.yaml": `targets: [one, two]\n${greeting}`,
				"targets.yaml": "targets: [{ name: one, provider: claude }, { name: two, provider: codex }]\n",
			},
			{ claude: 'env > "$0.env"; echo "$@" > "$0.args"; echo "1.2.3 (Claude Code)"', codex: "sleep 600" },
		);
		const found = await doctor([], { ANTHROPIC_API_KEY: "a-secret-value" });
		expect(found.item("programs", "claude")).toMatchObject({ state: "ok", says: `1.2.3  ${join(bin, "claude")}` });
		expect(readFileSync(join(bin, "claude.args"), "utf8")).toBe("--version\n");
		expect(readFileSync(join(bin, "claude.env"), "utf8")).not.toContain("secret");
		expect(found.item("programs", "codex")).toMatchObject({ state: "ok", says: join(bin, "codex") });
	});

	it("runs no code of a project: no commands, health checks or programs", async () => {
		const { root, cwd, doctor } = machine({
			"a.eval.yaml": `targets: [mine, agent]\n${greeting}extensions: ["file://setup.mjs:beforeAll"]\n`,
			"targets.yaml": `targets:
  - { name: mine, provider: cli, command: [sh, -c, "touch ran-command"], healthcheck: { command: [touch, ran-health] } }
  - { name: agent, provider: claude }
`,
			"setup.mjs": 'import { writeFileSync } from "node:fs"; writeFileSync("ran-extension", "");\n',
			"tools/claude": '#!/bin/sh\ntouch "$HOME/ran-program"\n',
		});
		chmodSync(join(cwd, "tools/claude"), 0o755);
		const found = await doctor([], { PATH: [join(cwd, "tools"), "./tools", ...system].join(delimiter) });
		expect(found.item("programs", "claude")).toMatchObject({ state: "ok", says: join(cwd, "tools/claude") });
		expect(found.item("machine", "PATH")).toMatchObject({ state: "warning", says: expect.stringContaining("./tools") });
		for (const name of ["ran-command", "ran-health", "ran-extension", "ran-program"])
			for (const directory of [root, cwd]) expect(existsSync(join(directory, name)), name).toBe(false);
	});

	it("reports a git that is too old or missing", async () => {
		const old = machine({}, { git: "echo git version 2.20.1" });
		expect((await old.doctor()).item("machine", "git")).toMatchObject({ state: "problem", says: "2.20.1 is too old" });
		const { root, doctor } = machine({});
		symlinkSync(process.execPath, join(root, "node"));
		const without = await doctor([], { PATH: root });
		expect(without.item("machine", "git")).toMatchObject({ state: "problem", says: "not found" });
	});

	it("reports an invalid registry and missing benchmarks", async () => {
		const { root, doctor } = machine({});
		expect((await doctor()).item("home", "registry")).toMatchObject({ state: "note", says: "no benchmarks yet" });
		mkdirSync(join(root, "home"));
		const write = (text: string) => writeFileSync(join(root, "home/benchmarks.yaml"), text);
		write(
			"benchmarks:\n  - { id: far, path: far, source: { url: https://git.example/far.git } }\n  - { id: gone, path: gone }\n",
		);
		const found = await doctor();
		expect(found.item("home", "far")).toMatchObject({ state: "warning", action: "agentv benchmark sync far" });
		expect(found.problems).toEqual(["home gone"]);
		write("benchmarks:\n  - { id: Not An Id, path: x }\n");
		expect((await doctor()).problems).toEqual(["home registry"]);
		write("benchmarks: [\n");
		expect((await doctor()).item("home", "registry")).toMatchObject({
			state: "problem",
			says: expect.stringContaining("is not a valid registry"),
		});
	});

	it("reports a home directory that is not writable", async () => {
		const { doctor, root } = machine({});
		writeFileSync(join(root, "file"), "");
		const found = await doctor([], { AGENTV_HOME: join(root, "file/home") });
		expect(found.problems).toContain("home directory");
	});

	it("checks the given evals, and reports errors and a directory without evals", async () => {
		const { doctor } = machine({
			"one/a.eval.yaml": `target: t\n${greeting}`,
			"one/targets.yaml": "targets: [{ name: t, provider: mock }]\n",
			"two/b.eval.yaml": "target: missing\ntests: ./nowhere.yaml\n",
			"empty/file": "",
		});
		expect((await doctor(["one"])).item("evals", "found")?.says).toBe("1 with 1 test");
		const all = await doctor();
		expect(all.item("evals", "two/b.eval.yaml")).toMatchObject({
			state: "warning",
			action: "agentv eval validate two/b.eval.yaml",
		});
		expect(all.problems).toEqual(["targets missing"]);
		const wrong = await agentv(["doctor", "nowhere"], { cwd: tempTree() });
		expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("nowhere does not exist") });
		expect((await machine({}).doctor()).item("evals", "found")).toMatchObject({ state: "note" });
	});

	it("measures the cache and reports what killed processes left behind", async () => {
		const { root, doctor } = machine({ ".agentv/results/runs/default/2026-01-01T00-00-00Z/run.json": "{}" });
		mkdirSync(join(root, "home/workspaces/run"), { recursive: true });
		const dead = { token: "", pid: 2 ** 22 + 1, started: "1", machine: "elsewhere" };
		writeFileSync(join(root, "home/workspaces/run/owner.json"), JSON.stringify(dead));
		const running = await doctor();
		expect(running.item("storage", "workspaces")).toMatchObject({ state: "ok" });
		expect(running.item("storage", "results")?.says).toMatch(/^2 B {2}/);
		expect(running.items.some(({ group, name }) => group === "storage" && name === "free")).toBe(true);
	});
});

describe("agentv doctor --online", () => {
	it("contacts the remotes of benchmarks and the servers of targets without sending secrets", async () => {
		const heard: { url: string | undefined; headers: IncomingHttpHeaders }[] = [];
		const server = createServer(({ url, headers }, answer) => {
			heard.push({ url, headers });
			answer.writeHead(401).end();
		});
		await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
		onTestFinished(() => void server.close());
		const { port } = server.address() as AddressInfo;
		const { root, doctor } = machine({
			"a.eval.yaml": `targets: [there, nowhere]\n${greeting}`,
			"targets.yaml": `targets:
  - { name: there, provider: openai, model: m, base_url: "http://127.0.0.1:${port}/v1/secret-path", api_key: "\${{ A_KEY }}" }
  - { name: nowhere, provider: openai, model: m, base_url: "http://127.0.0.1:1/v1", api_key: "\${{ A_KEY }}" }
`,
		});
		const bare = gitRepository(join(root, "work"), { "a.txt": "a" }).pushTo(join(root, "evals.git"));
		mkdirSync(join(root, "home/benchmarks/good"), { recursive: true });
		mkdirSync(join(root, "home/benchmarks/bad"), { recursive: true });
		const entry = (id: string, url: string) => `  - { id: ${id}, path: benchmarks/${id}, source: { url: "${url}" } }\n`;
		writeFileSync(
			join(root, "home/benchmarks.yaml"),
			`benchmarks:\n${entry("good", `file://${bare}`)}${entry("bad", `file://${dirname(bare)}/none.git`)}`,
		);
		const env = { A_KEY: "a-secret-value" };
		expect((await doctor([], env)).problems).toEqual([]);
		expect(heard).toEqual([]);
		const found = await doctor(["--online"], env);
		expect(found.problems).toEqual(["online bad", "online http://127.0.0.1:1"]);
		expect(found.item("online", "good")).toMatchObject({ state: "ok" });
		expect(found.item("online", `http://127.0.0.1:${port}`)).toMatchObject({ state: "ok", needed_by: ["a.eval.yaml"] });
		expect(found.item("online", "http://127.0.0.1:1")?.says).toBe("connection refused");
		expect(heard).toEqual([{ url: "/", headers: { host: `127.0.0.1:${port}`, connection: "close" } }]);
	});

	it("gives up on a server that never responds", async () => {
		const { url } = await silentServer("http");
		const { doctor } = machine({
			"a.eval.yaml": `target: t\n${greeting}`,
			"targets.yaml": `targets: [{ name: t, provider: openai, model: m, base_url: "${url}" }]\n`,
		});
		const found = await doctor(["--online", "--timeout", "1"]);
		expect(found.item("online", new URL(url).origin)?.says).toBe("no response within 1 s");
	});
});
