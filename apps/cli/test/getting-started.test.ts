import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { agentv, git, tempTree } from "@agentv/test-support";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

const root = resolve(import.meta.dirname, "../../..");

function filesBelow(directory: string): string[] {
	return readdirSync(directory, { recursive: true, encoding: "utf8", withFileTypes: true })
		.filter((entry) => !entry.isDirectory())
		.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
		.sort();
}

/** Returns the rules that `eval validate` reports. */
async function warnings(cwd: string) {
	const { stdout } = await agentv(["eval", "validate", "evals", "--format", "json"], { cwd });
	const document = JSON.parse(stdout) as { evals: { diagnostics: { rule: string }[] }[]; summary: unknown };
	return document.evals.flatMap(({ diagnostics }) => diagnostics.map(({ rule }) => rule));
}

/** Validates a YAML file against the schema named in its first line, as an editor would. */
function judgedByItsSchema(file: string) {
	const text = readFileSync(file, "utf8");
	const named = /^# yaml-language-server: \$schema=(.+)\n/.exec(text)?.[1];
	const schema = JSON.parse(readFileSync(resolve(dirname(file), named ?? "no modeline"), "utf8"));
	const validate = new Ajv2020({ strict: false }).compile(schema);
	return { ok: validate(parse(text)), refuses: !validate({ tests: [{ input: "no id" }], targets: "none" }) };
}

describe("agentv init", () => {
	it("writes an eval that is valid and passes offline, and prints the next steps", async () => {
		const cwd = tempTree();
		const session = await agentv(["init"], { cwd });
		expect(session).toMatchInlineSnapshot(`
			{
			  "exitCode": 0,
			  "stderr": "",
			  "stdout": "wrote evals/greeting.eval.yaml             the eval
			wrote evals/cases.jsonl                    its tests, one per line
			wrote evals/targets.yaml                   targets: an offline mock, and a model
			wrote evals/scripts/check-length.mjs       a custom grader
			wrote evals/.env.example                   its environment variables
			wrote evals/.gitignore                     keeps keys out of git
			wrote .agentv/schemas/eval.schema.json     for editors
			wrote .agentv/schemas/targets.schema.json  for editors

			Try it:
			  agentv eval validate evals
			  agentv eval evals/greeting.eval.yaml
			",
			}
		`);
		expect(await warnings(cwd)).toEqual(["git.no-repo"]);
		const run = await agentv(["eval", "evals/greeting.eval.yaml", "--json"], { cwd });
		expect(run.exitCode, run.stderr).toBe(0);
		expect(JSON.parse(run.stdout).summary).toMatchObject({ planned: 2, passed: 2 });
	});

	it("writes schemas that editors find offline", async () => {
		const cwd = tempTree();
		await agentv(["init"], { cwd });
		for (const file of ["evals/greeting.eval.yaml", "evals/targets.yaml"])
			expect(judgedByItsSchema(join(cwd, file)), file).toEqual({ ok: true, refuses: true });
	});

	it("works in a repository: committed files cause no warnings, and git ignores keys and results", async () => {
		const cwd = tempTree({ "README.md": "# Mine\n" });
		git(cwd, "init", "--quiet");
		const session = await agentv(["init"], { cwd });
		const [, added = ""] = /^ {2}git add (.+)$/m.exec(session.stdout) ?? [];
		writeFileSync(join(cwd, "evals/.env"), "OPENAI_API_KEY=mine\n");
		git(cwd, "add", "README.md", ...added.split(" "));
		git(cwd, "commit", "--quiet", "-m", "Begin");
		expect(await warnings(cwd)).toEqual([]);
		const home = { AGENTV_HOME: tempTree() };
		expect((await agentv(["eval", "evals"], { cwd, env: home })).exitCode).toBe(0);
		expect(git(cwd, "status", "--porcelain")).toBe("");
	});

	it("refuses to overwrite files, and keeps existing schemas", async () => {
		const cwd = tempTree({ "evals/targets.yaml": "mine\n", "evals/other.txt": "mine\n" });
		symlinkSync("/nowhere", join(cwd, "evals/cases.jsonl"));
		const before = filesBelow(cwd);
		const refused = await agentv(["init", "."], { cwd });
		expect(refused).toEqual({
			exitCode: 1,
			stdout: "",
			stderr:
				"error: evals/cases.jsonl, evals/targets.yaml are already there, so nothing was written\n" +
				"hint: Use another directory: agentv init <directory>.\n",
		});
		expect(filesBelow(cwd)).toEqual(before);

		const other = tempTree({ ".agentv/schemas/eval.schema.json": "{}" });
		const kept = await agentv(["init"], { cwd: other });
		expect(kept.stdout).toMatch(/^kept {2}\.agentv\/schemas\/eval\.schema\.json +already exists$/m);
		expect(readFileSync(join(other, ".agentv/schemas/eval.schema.json"), "utf8")).toBe("{}");
	});

	it("creates the given directory, and reports why if it can't", async () => {
		const cwd = tempTree({ file: "" });
		const made = await agentv(["init", "my project/sub"], { cwd });
		expect(made.stdout).toContain("my project/sub/evals/greeting.eval.yaml");
		const refused = await agentv(["init", "file"], { cwd });
		expect(refused).toMatchObject({ exitCode: 2, stdout: "" });
		expect(refused.stderr).toMatch(/^error: .*not a directory/);
	});

	it.skipIf(process.platform !== "linux")("fails if nothing can be written", async () => {
		const refused = await agentv(["init", "/proc/self/new"], { cwd: tempTree() });
		expect(refused.stderr).toMatch(/^error: /);
		expect(refused.stderr).not.toContain("inside AgentV");
		expect(refused.exitCode).toBeGreaterThan(0);
	});
});

describe("agentv schema", () => {
	/** Compiles the schema that the command prints. */
	async function schemaOf(format: string) {
		const { stdout, exitCode } = await agentv(["schema", format], { cwd: tempTree() });
		expect(exitCode).toBe(0);
		expect(stdout).toBe(readFileSync(join(root, `docs/schemas/${format}.schema.json`), "utf8"));
		const validate = new Ajv2020({ strict: false, allErrors: true }).compile(JSON.parse(stdout));
		return (value: unknown) => (validate(value) ? [] : (validate.errors ?? []));
	}

	const examples = join(root, "examples");
	const named = (pattern: RegExp) => filesBelow(examples).filter((file) => pattern.test(file));
	const read = (file: string) => readFileSync(join(examples, file), "utf8");

	it.each([
		["eval", named(/\.eval\.ya?ml$/)],
		["targets", named(/(^|\/)targets\.ya?ml$/)],
		["benchmarks", named(/(^|\/)benchmarks\.ya?ml$/)],
	])("prints the schema of %s, which every such file of the examples matches", async (format, files) => {
		const problems = await schemaOf(format);
		expect(files.length).toBeGreaterThan(0);
		for (const file of files) expect(problems(parse(read(file))), file).toEqual([]);
		expect(problems([])).not.toEqual([]);
	});

	it("prints the schemas of a bundle's manifest and a run's rows", async () => {
		const cwd = tempTree();
		const evalFile = join(examples, "quickstart/evals/quickstart.eval.yaml");
		expect((await agentv(["bundle", evalFile, "--output", "bundle"], { cwd })).exitCode).toBe(0);
		const manifest = JSON.parse(readFileSync(join(cwd, "bundle/manifest.json"), "utf8"));
		const ofManifest = await schemaOf("manifest");
		expect(ofManifest(manifest)).toEqual([]);
		expect(ofManifest({ ...manifest, digest: "short" })).not.toEqual([]);

		expect((await agentv(["eval", "run", "bundle/eval.yaml", "--output", "out"], { cwd })).exitCode).toBe(0);
		const rows = readFileSync(join(cwd, "out/index.jsonl"), "utf8").trimEnd().split("\n");
		const ofResults = await schemaOf("results");
		for (const row of rows) expect(ofResults(JSON.parse(row))).toEqual([]);
		expect(ofResults({})).not.toEqual([]);
	});

	it("prints the schema of the project's configuration", async () => {
		const problems = await schemaOf("config");
		expect(problems({ validate: { rules: { "git.dirty": "off" } } })).toEqual([]);
		expect(problems({ validate: { rules: { "git.dirty": "never" } } })).not.toEqual([]);
	});

	it("lists the formats if the given one is unknown", async () => {
		const session = await agentv(["schema", "tests"], { cwd: tempTree() });
		expect(session).toMatchObject({ exitCode: 2, stdout: "" });
		expect(session.stderr).toContain("Allowed choices are eval, targets, benchmarks, config, manifest, results");
	});
});
