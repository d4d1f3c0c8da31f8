import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { bareRepository, gitRepository, tempTree } from "@agentv/test-support";
import { describe, expect, test } from "vitest";
import { locateFindings } from "../eval/read-shape.ts";
import { AgentvError } from "../lib/errors.ts";
import { describePlan, planRun } from "./plan-run.ts";
import type { RunRequest } from "./run-request.ts";
import { machineIn, mockTargets, runTree } from "./testing/run-fixture.ts";

/** `PATH` is replaced by the file or directory outside. */
interface Kind {
	readonly eval: string;
	readonly targets?: string;
	/** The text of the outside file, or of the file `directory` in an outside directory. */
	readonly content: string;
	readonly directory?: string;
	readonly files?: Readonly<Record<string, string>>;
}

const test1 = "tests: [{id: t, input: hi, assertions: [{type: contains, value: hi}]}]\n";
const withInput = (input: string) =>
	`tests:\n  - id: t\n    input: ${input}\n    assertions: [{type: contains, value: hi}]\n`;

const kinds: Readonly<Record<string, Kind>> = {
	"an input file": { eval: `input_files: [PATH]\n${test1}`, content: "secret" },
	"a file of a message": { eval: withInput("[{role: user, content: [{type: file, value: PATH}]}]"), content: "secret" },
	"a grader's prompt": {
		eval: "tests:\n  - id: t\n    input: hi\n    assertions: [{type: llm-grader, prompt: file://PATH, target: default}]\n",
		targets: mockTargets('{"score": 1, "assertions": []}'),
		content: "Is {{ output }} good?",
	},
	tests: {
		eval: "tests: PATH\n",
		content: "- {id: t, input: hi, assertions: [{type: contains, value: hi}]}\n",
	},
	"a list of tests": {
		eval: "tests: [PATH]\n",
		content: "- {id: t, input: hi, assertions: [{type: contains, value: hi}]}\n",
	},
	"a glob of tests": {
		eval: 'tests: "PATH/*.yaml"\n',
		content: "- {id: t, input: hi, assertions: [{type: contains, value: hi}]}\n",
		directory: "cases.yaml",
	},
	"an imported suite": { eval: "imports: {suites: [PATH]}\n", content: test1 },
	"imported tests": {
		eval: "imports: {tests: [PATH]}\n",
		content: "- {id: t, input: hi, assertions: [{type: contains, value: hi}]}\n",
	},
	"an include of assertions": {
		eval: "tests: [{id: t, input: hi, assertions: [{include: PATH}]}]\n",
		content: "assertions: [{type: contains, value: hi}]\n",
	},
	"a workspace file": { eval: `workspace: PATH\n${test1}`, content: "isolation: per_test\n" },
	"a template": { eval: `workspace: {template: PATH}\n${test1}`, content: "secret", directory: "id_rsa" },
	"a hook's script": {
		eval: `workspace: {hooks: {before_each: {command: [node, PATH]}}}\n${test1}`,
		content: "process.exit(0)",
	},
	"a hook's working directory": {
		eval: `workspace: {hooks: {before_each: {command: [node, --version], cwd: PATH}}}\n${test1}`,
		content: "secret",
		directory: "id_rsa",
	},
	"a grader's script": {
		eval: "tests: [{id: t, input: hi, assertions: [{type: code-grader, command: [node, PATH]}]}]\n",
		content: "console.log(JSON.stringify({ score: 1, assertions: [] }))",
	},
	"an extension": {
		eval: `extensions: ["file://PATH:beforeAll"]\n${test1}`,
		content: "export const beforeAll = () => ({})\n",
	},
	"agent rules": { eval: `extensions: [{id: "agentv:agent-rules", rules: PATH}]\n${test1}`, content: "secret" },
	"a preprocessor": {
		eval: `preprocessors: [{type: pdf, command: [node, PATH]}]\n${test1}`,
		content: "process.exit(0)",
	},
	"recorded answers": {
		eval: test1,
		targets: "targets: [{name: default, provider: replay, fixtures: PATH}]\n",
		content: '{"test_id": "t", "output": "hi"}\n',
	},
	"a target's script": {
		eval: test1,
		targets: 'targets: [{name: default, provider: cli, command: [node, PATH, "{PROMPT}"]}]\n',
		content: "console.log('hi')",
	},
	"a target's working directory": {
		eval: test1,
		targets: "targets: [{name: default, provider: cli, command: [echo, hi], cwd: PATH}]\n",
		content: "secret",
		directory: "id_rsa",
	},
	"a file that metadata names": {
		eval: "tests: [{id: t, input: hi, metadata: {patch_file: PATH}, assertions: [{type: contains, value: hi}]}]\n",
		content: "secret",
	},
};

const files = (kind: Kind, path: string) => {
	const fill = (text: string) => text.replaceAll("PATH", path);
	return {
		".git/HEAD": "ref: refs/heads/main\n",
		"my.eval.yaml": fill(kind.eval),
		"targets.yaml": fill(kind.targets ?? mockTargets("hi")),
	};
};

/** Creates an outside file or directory for a kind, with the file extension that it needs. */
function outside(kind: Kind, name: string): string {
	const root = tempTree();
	const path = join(root, name);
	if (kind.directory === undefined) writeFileSync(path, kind.content);
	else {
		mkdirSync(path);
		writeFileSync(join(path, kind.directory), kind.content);
	}
	return path;
}

const nameOf = (name: string) =>
	/working|template|glob/.test(name)
		? "dir"
		: /script|extension|preproc/.test(name)
			? "x.mjs"
			: /answers/.test(name)
				? "x.jsonl"
				: /prompt|rules|input|file of/.test(name)
					? "x.md"
					: "x.yaml";

function planIn(root: string, request: Partial<RunRequest> = {}) {
	return planRun({ evals: [join(root, "my.eval.yaml")], ...request }, machineIn(root));
}

/** Returns the messages of a plan that is refused because of outside files. */
function refusals(root: string, request: Partial<RunRequest> = {}): string[] {
	try {
		planIn(root, request);
		return [];
	} catch (error) {
		if (!(error instanceof AgentvError)) throw error;
		expect(error.code).toBe("config");
		const found = locateFindings(error.diagnostics.filter(({ rule }) => rule === "path.outside-repo"));
		for (const { range, diagnostic } of found) {
			// A link has no line to display.
			if (!/^(\.env|targets) file/.test(diagnostic.message)) expect(range, diagnostic.message).toBeDefined();
			expect(diagnostic.hint).toContain("--allow-outside");
		}
		return found.map(({ diagnostic }) => diagnostic.message);
	}
}

describe("refuses a file outside of the eval's root, and reads it if it is allowed:", () => {
	for (const [name, kind] of Object.entries(kinds)) {
		test(name, async () => {
			const path = outside(kind, nameOf(name));
			const absolute = tempTree(files(kind, path));
			expect(refusals(absolute)).not.toEqual([]);

			const linked = tempTree(files(kind, "./linked.d/x"));
			mkdirSync(join(linked, "linked.d"));
			const ending = kind.directory === undefined ? `x${path.slice(path.lastIndexOf("."))}` : "x";
			rmSync(join(linked, "my.eval.yaml"));
			for (const [file, text] of Object.entries(files(kind, `./linked.d/${ending}`)))
				writeFileSync(join(linked, file), text);
			symlinkSync(path, join(linked, "linked.d", ending));
			expect(refusals(linked), "through a link").not.toEqual([]);

			for (const root of [absolute, linked]) {
				expect(refusals(root, { allowOutside: [path] })).toEqual([]);
				expect(refusals(root, { allowOutside: [join(path, "..")] })).toEqual([]);
				expect(refusals(root, { allowOutside: [join(path, "../other")] })).not.toEqual([]);
			}
			const { access } = describePlan(planIn(absolute, { allowOutside: [path] }));
			expect(access.files.map(({ name: file }) => file)).toContainEqual(expect.stringContaining(path));
			const run = await runTree({ root: linked }, { allowOutside: [path] });
			expect(run.row("t").error).toBeUndefined();
		});
	}

	test("a path through a parent directory", () => {
		const root = tempTree({
			"a.txt": "secret",
			"repo/.git/HEAD": "x",
			"repo/my.eval.yaml": `input_files: [../a.txt]\n${test1}`,
			"repo/targets.yaml": mockTargets("hi"),
		});
		expect(refusals(join(root, "repo"))).toEqual(['input file "../a.txt" is outside the repository']);
	});

	test.each([
		["/proc/self/environ", "/proc/self/environ"],
		["a password file", "/etc/passwd"],
		["a device", "/dev/zero"],
		["the user's home directory", homedir()],
	])("%s", (_, path) => {
		for (const text of [`input_files: [${path}]\n${test1}`, `tests: ${path}\n`])
			expect(refusals(tempTree(files({ eval: text, content: "" }, "")))).not.toEqual([]);
	});

	test("a .env file or targets file that is a link", () => {
		const path = join(tempTree({ env: "REGION=secret\n", "targets.yaml": mockTargets("hi") }), "env");
		for (const [link, goal] of [
			[".env", path],
			["targets.yml", join(path, "../targets.yaml")],
			[".agentv/targets.yaml", join(path, "../targets.yaml")],
		] as const) {
			const root = tempTree(files({ eval: test1, content: "" }, ""));
			mkdirSync(join(root, ".agentv"));
			symlinkSync(goal, join(root, link));
			expect(refusals(root), link).toHaveLength(1);
			expect(refusals(root, { allowOutside: [goal] }), link).toEqual([]);
		}
	});

	test("a local repository by path, ~ or URL", () => {
		const place = tempTree();
		const { root: repo } = gitRepository(join(place, "private"), { id_rsa: "secret" });
		const home = repo.slice(0, repo.lastIndexOf("/"));
		for (const written of [
			repo,
			"~/private",
			`file://${repo}`,
			`file:///${repo.slice(1)}`,
			`file://${repo.replace("/private", "/%70rivate")}`,
			`file://${repo.slice(1)}`,
		]) {
			const root = tempTree(
				files({ eval: `workspace: {repos: [{path: a, repo: "${written}"}]}\n${test1}`, content: "" }, ""),
			);
			const machine = { ...machineIn(root), env: { ...machineIn(root).env, HOME: home } };
			const plan = () => planRun({ evals: [join(root, "my.eval.yaml")] }, machine);
			expect(plan, written).toThrow(/can't start/);
		}
	});

	test("a submodule from a local repository", async () => {
		const place = tempTree();
		const secret = gitRepository(join(place, "private"), { id_rsa: "secret" });
		const bare = secret.pushTo(bareRepository(join(place, "private.git")));
		const inner = gitRepository(join(place, "root/inner"), { "a.txt": "a" });
		inner.git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", bare, "sub");
		inner.git("commit", "--quiet", "--message=sub");
		rmSync(join(inner.root, "sub"), { recursive: true });
		const root = join(place, "root");
		for (const [file, text] of Object.entries({
			"my.eval.yaml": `workspace: {repos: [{path: a, repo: ./inner}]}\n${test1}`,
			"targets.yaml": mockTargets("hi"),
		}))
			writeFileSync(join(root, file), text);
		const run = await runTree({ root });
		expect(run.row("t").error?.message).toMatch(/is outside/);
		const allowed = await runTree({ root }, { allowOutside: [place] });
		expect(allowed.row("t").error).toBeUndefined();
	});

	test("a file that is replaced by a link during the run", async () => {
		const secret = join(tempTree({ id_rsa: "secret" }), "id_rsa");
		const root = tempTree({
			...files({ eval: "", content: "" }, ""),
			"my.eval.yaml": `workers: 1\ninput_files: [./a.txt]\ntests: [{id: first, input: hi, assertions: [{type: contains, value: hi}]}, {id: second, input: hi, depends_on: [first], assertions: [{type: contains, value: hi}]}]\n`,
			"a.txt": "harmless",
		});
		let swapped = false;
		const run = await runTree(
			{ root },
			{
				onEvent: (event) => {
					if (swapped || event.type !== "attempt-finished") return;
					swapped = true;
					rmSync(join(root, "a.txt"));
					symlinkSync(secret, join(root, "a.txt"));
				},
			},
		);
		expect(run.row("first").error).toBeUndefined();
		expect(run.row("second").error?.message).toMatch(/input file ".\/a.txt" is outside the repository/);
	});
});

describe("checking for outside files", () => {
	test("accepts programs of the machine and /dev/null", async () => {
		const root = tempTree(
			files(
				{
					eval: `workspace: {hooks: {before_each: {command: [/usr/bin/env, ${process.execPath}, --version]}}}\n${test1}`,
					targets: `targets: [{name: default, provider: cli, command: [${process.execPath}, -e, "console.log('hi')", /dev/null]}]\n`,
					content: "",
				},
				"",
			),
		);
		expect(refusals(root)).toEqual([]);
		expect((await runTree({ root })).row("t").score).toBe(1);
	});

	test("refuses a path through a program directory to another file", () => {
		const secret = join(tempTree({ id_rsa: "secret" }), "id_rsa");
		for (const word of [`/dev/../${secret}`, `/usr/bin/../../${secret}`, secret]) {
			const targets = `targets: [{name: default, provider: cli, command: [cat, ${word}]}]\n`;
			expect(refusals(tempTree(files({ eval: test1, targets, content: "" }, ""))), word).not.toEqual([]);
		}
	});

	test("refuses a program or a device as an argument", () => {
		const script = join(tempTree({ "deploy.sh": "secret" }), "deploy.sh");
		chmodSync(script, 0o755);
		for (const command of [
			["cat", script],
			["/usr/bin/env", "cat", script],
			["cat", "/dev/shm"],
		]) {
			const targets = `targets: [{name: default, provider: cli, command: ${JSON.stringify(command)}}]\n`;
			expect(refusals(tempTree(files({ eval: test1, targets, content: "" }, ""))), command.join(" ")).not.toEqual([]);
		}
	});

	test("accepts the files in the user's own options, and files that these refer to", async () => {
		const own = tempTree({
			"targets.yaml": "targets: [{name: default, provider: replay, fixtures: ./answers.jsonl}]\n",
			"answers.jsonl": '{"test_id": "t", "output": "hi"}\n',
			env: "WORD=hi\n",
		});
		const root = tempTree(files({ eval: test1, content: "" }, ""));
		const request = { targetsFile: join(own, "targets.yaml"), envFile: join(own, "env") };
		expect(refusals(root, request)).toEqual([]);
		expect((await runTree({ root }, { ...request, output: join(own, "out") })).row("t").score).toBe(1);
		expect(describePlan(planIn(root, request)).access.files).toEqual([]);
	});

	test("accepts a file of a checkout that is reached through a link", async () => {
		const root = tempTree({ ...files({ eval: `input_files: [./a.txt]\n${test1}`, content: "" }, ""), "a.txt": "hi" });
		const link = join(tempTree(), "checkout");
		symlinkSync(root, link);
		expect(refusals(link)).toEqual([]);
		expect((await runTree({ root: link })).row("t").score).toBe(1);
	});

	test("uses the root of each eval", () => {
		const one = tempTree(files({ eval: test1, content: "" }, ""));
		const other = tempTree(files({ eval: `input_files: [${join(one, "my.eval.yaml")}]\n${test1}`, content: "" }, ""));
		expect(refusals(one, { evals: [join(one, "my.eval.yaml"), join(other, "my.eval.yaml")] })).toHaveLength(1);
	});

	test("leaves nothing behind after a refusal", async () => {
		const root = tempTree(files({ eval: `input_files: [/etc/passwd]\n${test1}`, content: "" }, ""));
		await expect(runTree({ root }, { output: join(root, "out") })).rejects.toThrow();
		expect(readdirSync(root).sort()).toEqual([".git", "my.eval.yaml", "targets.yaml"]);
	});
});
