import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { agentv, agentvBin, tempTree, waitUntil } from "@agentv/test-support";
import { describe, expect, it } from "vitest";

const examples = resolve(import.meta.dirname, "../../../examples");
const evals = readdirSync(examples, { recursive: true, encoding: "utf8" })
	.filter((file) => /\.eval\.ya?ml$/.test(file))
	.sort();

/** Runs an eval of the examples, with its results in a temporary directory. */
async function run(file: string) {
	const cwd = tempTree();
	const output = join(cwd, "results");
	const session = await agentv(["eval", "run", join(examples, file), "--output", output], { cwd });
	const rows = () =>
		readFileSync(join(output, "index.jsonl"), "utf8")
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line) as { test_id: string; metadata: Record<string, unknown> });
	return { session, rows };
}

describe("every example", () => {
	it.each(evals)("%s is valid and passes, offline", async (file) => {
		const validated = await agentv(["eval", "validate", join(examples, file)], { cwd: tempTree() });
		expect(validated, validated.stdout).toMatchObject({ exitCode: 0 });
		const { session, rows } = await run(file);
		expect(session, session.stdout + session.stderr).toMatchObject({ exitCode: 0 });
		expect(rows().length).toBeGreaterThan(0);
	});
});

describe("an example's results", () => {
	it("include the paths of the agent's rules", async () => {
		const found = await run("agent-rules/discovered.eval.yaml");
		expect(found.rows()[0]?.metadata.agent_rules_paths).toMatchObject({
			...{ skills: [expect.stringMatching(/\/\.claude\/skills$/)], rules: [expect.stringMatching(/\/AGENTS\.md$/)] },
		});
		const staged = await run("agent-rules/staged.eval.yaml");
		expect(staged.rows()[0]?.metadata.agent_rules_paths).toMatchObject({
			skills: [expect.stringMatching(/\/\.agentv\/agent-rules\/skills\/dates$/)],
		});
	});

	it("include the metadata that extensions returned", async () => {
		const { rows } = await run("extensions/extensions.eval.yaml");
		for (const { metadata } of rows()) {
			expect(metadata).toMatchObject({ prepared_by: "beforeEach", token: expect.stringMatching(/^token-[12]$/) });
		}
	});
});

it.runIf(process.platform === "linux")(
	"an example runs in a session whose leader has exited, like CI jobs",
	async () => {
		const cwd = tempTree();
		const words = [
			process.execPath,
			agentvBin(),
			"eval",
			"run",
			join(examples, "quickstart/evals/quickstart.eval.yaml"),
		];
		const command = [...words, "--output", join(cwd, "results")].map((word) => `'${word}'`).join(" ");
		const script = `(${command} >out 2>&1 </dev/null; echo $? >exit-code.new; mv exit-code.new exit-code) &`;
		execFileSync("setsid", ["sh", "-c", script], { cwd, env: { ...process.env, HOME: cwd }, stdio: "ignore" });
		await waitUntil(() => existsSync(join(cwd, "exit-code")), 60_000);
		expect(readFileSync(join(cwd, "exit-code"), "utf8"), readFileSync(join(cwd, "out"), "utf8")).toBe("0\n");
	},
);

it("the script of the pinned repository creates the commits of the eval", () => {
	const directory = join(examples, "pinned-repository");
	const goal = join(tempTree(), "shop.bundle");
	const said = execFileSync(process.execPath, [join(directory, "scripts/make-repository.mjs"), goal], {
		encoding: "utf8",
	});
	const heads = (file: string) => execFileSync("git", ["bundle", "list-heads", file], { encoding: "utf8" });
	expect(heads(goal)).toBe(heads(join(directory, "shop.bundle")));
	const pinned = /commit: ([0-9a-f]{40})/.exec(readFileSync(join(directory, "pinned.eval.yaml"), "utf8"))?.[1];
	expect(said).toContain(`${pinned} add prices`);
});

it("no example writes into its own directory", async () => {
	const listed = () =>
		execFileSync("git", ["status", "--porcelain", "--", examples], { cwd: examples, encoding: "utf8" });
	const before = listed();
	for (const file of evals.filter((name) => basename(name).startsWith("shared"))) await run(file);
	expect(listed()).toBe(before);
});
