import { readdirSync } from "node:fs";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { expect, test } from "vitest";
import { makeBundle } from "./testing/make-bundle.ts";

const evalText = `target: m
tests: [{id: a, input: "\${{ GREETING }} \${{ API_TOKEN:-none }} $\${{ GREETING }}", assertions: [{type: contains, value: "\${{ LIMIT:-1 }}"}]}]
workspace: ./t
`;
const targets = 'targets: [{name: m, provider: mock, response: "${{ GREETING }}", delay_ms: "${{ LIMIT }}"}]';
const files = {
	"eval/e.eval.yaml": evalText,
	"eval/targets.yaml": targets,
	"eval/t/max.txt": "max_tokens: 4096\ntoken: string;\n",
};
const env = { GREETING: "hello", LIMIT: "3", API_TOKEN: "s3cr3t-value-1", WIDE: " x " };

test("writes only the names of variables, never their values", async () => {
	const root = tempTree(files);
	const { read, manifest } = await makeBundle(join(root, "eval/e.eval.yaml"), { env });
	expect(read("eval.yaml")).toContain("${{ GREETING }} ${{ API_TOKEN:-none }} $${{ GREETING }}");
	expect(manifest.variables).toEqual([
		{ name: "API_TOKEN", usedIn: ["eval.yaml"], captured: false, required: false },
		{ name: "GREETING", usedIn: ["eval.yaml", "targets.yaml"], captured: false, required: true },
		{ name: "LIMIT", usedIn: ["eval.yaml", "targets.yaml"], captured: false, required: true },
	]);
	expect(read("workspace/max.txt")).toBe("max_tokens: 4096\ntoken: string;\n");
});

test("--capture-env records values as defaults, except secrets and values that a default can't express", async () => {
	const root = tempTree({ ...files, "eval/.env": "LIMIT=4\n" });
	const wide = { ...env, LIMIT: undefined, GREETING: "two\nlines" };
	const { read, manifest } = await makeBundle(join(root, "eval/e.eval.yaml"), { env: wide, captureEnv: true });
	expect(read("eval.yaml")).toContain("${{ GREETING }} ${{ API_TOKEN:-none }} $${{ GREETING }}");
	expect(read("eval.yaml")).toContain("${{ LIMIT:-4 }}");
	expect(manifest.variables).toMatchObject([
		{ name: "API_TOKEN", captured: false, required: false },
		{ name: "GREETING", captured: false, required: true },
		{ name: "LIMIT", captured: true, required: false },
	]);
	expect(manifest.flags).toEqual(["--capture-env"]);
});

test("refuses a bundle that contains a secret's value, with file and line, and leaves nothing behind", async () => {
	const root = tempTree({ ...files, "eval/t/deep/config.json": '{\n"key": "s3cr3t-value-1"\n}' });
	const made = makeBundle(join(root, "eval/e.eval.yaml"), { env });
	await expect(made).rejects.toMatchObject({
		code: "refused",
		message: expect.stringMatching(/deep\/config\.json:2: the value of API_TOKEN \[[0-9a-f]{12}\]/),
	});
	await expect(made).rejects.not.toMatchObject({ message: expect.stringContaining("s3cr3t-value-1") });
	expect(readdirSync(root)).toEqual(["eval"]);
});

test("refuses token-shaped text anywhere in a file; --allow-secret accepts a false positive", async () => {
	const pem = "-----BEGIN OPENSSH " + "PRIVATE KEY-----";
	const shapes = [
		`ghp_${"aB3".repeat(12)}`,
		`AKIA${"A1B2C3D4".repeat(2)}`,
		`sk-ant-${"x9".repeat(20)}`,
		`xoxb-${"1".repeat(24)}`,
		pem,
		`glpat-${"q".repeat(20)}`,
	];
	const large = "filler ".repeat(160_000);
	const text = (token: string) => `${large}\n${token}\n${large}`;
	const root = tempTree({
		...files,
		...Object.fromEntries(shapes.map((token, index) => [`eval/t/s${index}`, text(token)])),
	});
	const file = join(root, "eval/e.eval.yaml");
	const message = await makeBundle(file).then(
		() => "",
		(error: Error) => error.message,
	);
	const lines = message.split("\n").slice(1);
	expect(lines.map((line) => /s(\d):2: (an? [\w ]+) \[/.exec(line)?.slice(1))).toEqual([
		["0", "a GitHub token"],
		["1", "an AWS access key"],
		["2", "an Anthropic key"],
		["3", "a Slack token"],
		["4", "a private key"],
		["5", "a GitLab token"],
	]);
	const allowedSecrets = lines.map((line) => /\[(\w+)\]/.exec(line)?.[1] ?? "");
	await makeBundle(file, { allowedSecrets });
});

test("accepts words that only resemble tokens", async () => {
	const texts = [
		"task-management-and-a-very-long-class-name-indeed",
		"risk-assessment-of-some-length-and-more",
		"ghp_short",
		"AKIA",
		"sk-circle-fade-dot",
		"__init__",
	];
	const root = tempTree({ ...files, "eval/t/words": texts.join("\n") });
	await makeBundle(join(root, "eval/e.eval.yaml"));
});

test("refuses .env files unless they are named, and includes .env.example", async () => {
	const root = tempTree({ ...files, "eval/t/.env": "A=1", "eval/t/.env.example": "A=" });
	const file = join(root, "eval/e.eval.yaml");
	await expect(makeBundle(file)).rejects.toMatchObject({ diagnostics: [{ rule: "bundle.dot-env" }] });
	await expect(makeBundle(file, { include: ["t/**"] })).rejects.toMatchObject({ code: "refused" });
	const { read } = await makeBundle(file, { include: ["t/.env"] });
	expect([read("workspace/.env"), read("workspace/.env.example"), read("t/.env")]).toEqual(["A=1", "A=", "A=1"]);
});
