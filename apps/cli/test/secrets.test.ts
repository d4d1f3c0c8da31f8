import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { agentv, agentvBin, tempTree, waitUntil } from "@agentv/test-support";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// Plants all kinds of secrets together and searches every output for each of them.

const key = (head: string, length = 36) => head + "a1B2c3D4".repeat(8).slice(0, length);
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";
const pemBody = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDplanted";

/** Texts of agents, graders and servers, and the secret part of each. */
const said: Readonly<Record<string, readonly [text: string, secret: string]>> = {
	"a JSON web token": [jwt, jwt],
	"an OpenAI key": [key("sk-proj-"), key("sk-proj-")],
	"an Anthropic key": [key("sk-ant-api03-"), key("sk-ant-api03-")],
	"an OpenRouter key": [key("sk-or-v1-"), key("sk-or-v1-")],
	"a Groq key": [key("gsk_"), key("gsk_")],
	"an xAI key": [key("xai-"), key("xai-")],
	"an AWS key": ["AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"],
	"a GitHub token": [key("ghp_"), key("ghp_")],
	"a fine-grained GitHub token": [key("github_pat_"), key("github_pat_")],
	"a GitLab token": [key("glpat-", 20), key("glpat-", 20)],
	"a Slack token": [key("xoxb-", 30), key("xoxb-", 30)],
	"a Google key": [key("AIza", 35), key("AIza", 35)],
	"a Hugging Face token": [key("hf_"), key("hf_")],
	"an npm token": [key("npm_"), key("npm_")],
	"a private key": [`-----BEGIN PRIVATE KEY-----\n${pemBody}\n-----END PRIVATE KEY-----`, pemBody],
	"a bearer token": ["Authorization: Bearer planted-bearer-1", "planted-bearer-1"],
	"basic credentials": ["Basic cGxhbnRlZDpiYXNpYw==", "cGxhbnRlZDpiYXNpYw=="],
	"a connection string": ["postgres://app:planted-db@db/x", "planted-db"],
	"a storage key": ["AccountName=a;AccountKey=cGxhbnRlZC1zdG9yYWdlLTAx;", "cGxhbnRlZC1zdG9yYWdlLTAx"],
	"a signed URL": ["https://store/x?sv=1&sig=planted%2Bsig", "planted%2Bsig"],
	"a code in a URL": ["https://host/cb?code=planted-code&state=1", "planted-code"],
	"a token in a fragment": ["https://host/#access_token=planted-fragment", "planted-fragment"],
	"an assigned key": ['{"api_key": "planted-json-1"}', "planted-json-1"],
	"a registry's token": ["//registry.npmjs.org/:_authToken=planted-npmrc-01", "planted-npmrc-01"],
	"a netrc login in lines of a diff": [
		"+machine host\n+  login ada\n+  password planted-netrc-diff",
		"planted-netrc-diff",
	],
	"a command with a password": ["mysql -pplanted-command db", "planted-command"],
	"a command with a login": ["curl -u ada:plantedcurl http://host", "plantedcurl"],
	"a netrc login": ["machine host login ada password planted-netrc", "planted-netrc"],
};
/** Variables whose values have no recognisable format. */
const env = {
	MY_API_TOKEN: 'planted"env/one',
	ODD_TOKEN: "plänted & <odd>'1/2\"",
	FOO: "planted foo two",
	DATABASE: "mysql://root:planted-env-db@db/x",
	CUSTOM: "planted header four",
	PGPASSWORD: "planted name one",
	MYSQL_PWD: "planted name two",
	DBPASSWORD: "planted name three",
	GHTOKEN: "planted name four",
	TENANT: "planted-tenant",
	API_KEY2: "planted name five",
} as const;
/** Variables that are secret only because of their use in an eval. */
const used = { IN_REPO: "planted+use-one", IN_CONFIG: "planted use two", AS_USER: "planted-use-three" };
const dotEnv = { SERVICE_PASSWORD: "planted dotenv three" };
const settings = {
	password: "planted-url-pw",
	query: "planted-url-key",
	fragment: "planted-url-frag",
	header: "planted-header",
	neutral: "planted-neutral-1",
};
const known: Readonly<Record<string, string>> = {
	...Object.fromEntries(Object.entries(said).map(([name, [, secret]]) => [name, secret])),
	"a variable of a secret's name": env.MY_API_TOKEN,
	"a variable with characters that are escaped": env.ODD_TOKEN,
	"a variable under api_key": env.FOO,
	"a variable in a header": env.CUSTOM,
	...Object.fromEntries(
		(["PGPASSWORD", "MYSQL_PWD", "DBPASSWORD", "GHTOKEN", "API_KEY2"] as const).map((name) => [name, env[name]]),
	),
	...used,
	"a connection string in a variable": "planted-env-db",
	"a secret of a .env file": dotEnv.SERVICE_PASSWORD,
	"a password of base_url": settings.password,
	"a key in base_url's query": settings.query,
	"a fragment of base_url": settings.fragment,
	"a value in base_url's query": settings.neutral,
	"a variable in base_url's query": env.TENANT,
	"a literal header": settings.header,
};

const spoken = Object.values(said)
	.map(([text]) => text)
	.join("\n");
const all = [spoken, ...Object.values(env), ...Object.values(dotEnv), ...Object.values(settings)].join("\n");

/** Returns the text in the encodings of URLs, HTML and JSON that Python, Go and PHP use. */
const written = (text: string): string[] => {
	const json = JSON.stringify(text).slice(1, -1);
	const code = (one: string) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;
	return [
		...[text, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(text)],
		encodeURIComponent(text).replaceAll("'", "%27").replaceAll("%2F", "/"),
		encodeURIComponent(text).replace(/%../g, (one) => one.toLowerCase()),
		json.replace(/[^\x20-\x7e]/g, code),
		json.replace(/[&<>]/g, code),
		json.replaceAll("/", "\\/"),
		text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll("'", "&#39;"),
	];
};

let root = "";
const places = new Map<string, string>();

async function run(name: string, ...args: string[]) {
	const session = await agentv(args, { cwd: root, env: { ...env, ...used } });
	places.set(`${name}: stdout`, session.stdout);
	places.set(`${name}: stderr`, session.stderr);
	return session;
}

/** Adds all files under a directory to the searched outputs. */
function keepFiles(directory: string, name: string): void {
	for (const path of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
		const file = join(directory, path);
		if (statSync(file).isFile()) places.set(`${name}: ${path}`, `${path}\n${readFileSync(file, "latin1")}`);
	}
}

async function studio() {
	const token = "studio-session-token-of-the-test";
	const child = spawn(process.execPath, [agentvBin(), "studio", "--no-open", "--port", "0", "--token", token], {
		cwd: root,
		env: { PATH: process.env.PATH ?? "", HOME: root, AGENTV_HOME: join(root, ".home"), ...env, ...used },
	});
	let out = "";
	child.stdout.on("data", (chunk) => {
		out += chunk;
	});
	await waitUntil(() => /http:\/\/\S+/.test(out));
	const { origin } = new URL(/http:\/\/\S+/.exec(out)?.[0] ?? "");
	const get = async (path: string) => {
		const answer = await fetch(`${origin}/api${path}`, { headers: { "x-agentv-token": token } });
		const text = await answer.text();
		places.set(`Studio ${path}`, text);
		return JSON.parse(text.startsWith("{") ? text : "{}");
	};
	for (const one of (await get("/evals")).items) {
		await get(`/evals/${one.id}`);
		await get(`/evals/${one.id}/run/plan`);
		await get(`/evals/${one.id}/tests`);
	}
	for (const one of (await get("/runs")).items) {
		await get(`/runs/${one.id}`);
		for (const row of (await get(`/runs/${one.id}/tests`)).items)
			for (const attempt of row.attempts ?? [row]) await get(`/runs/${one.id}/tests/${attempt.id}`);
	}
	await get("/benchmarks");
	await get("/runs/history");
	await get("/about");
	child.kill("SIGINT");
	await once(child, "exit");
}

beforeAll(async () => {
	root = realpathSync(mkdtempSync(join(tmpdir(), "agentv-secrets-")));
	// A server that repeats the request in its errors.
	const server = createServer((request, response) => {
		const message = `refused ${request.url} ${JSON.stringify(request.headers)} ${all}`;
		const isGit = request.url?.includes("info/refs");
		response.writeHead(isGit ? 403 : 400, { "content-type": isGit ? "text/plain" : "application/json" });
		response.end(isGit ? message : JSON.stringify({ error: { message, code: "bad" } }));
	}).listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	const { password, query, fragment, header } = settings;
	const token = said["a GitHub token"]?.[0] ?? "";
	const files = {
		"work/a.eval.yaml": `description: ${JSON.stringify(all)}
target: agent
workspace: { template: ./template, hooks: { before_each: { command: [node, say.mjs] } } }
tests:
  - { id: "a ${token}", input: ${JSON.stringify(all)}, assertions: [{ type: code-grader, command: [node, grade.mjs] }] }
  - { id: "a ${token.slice(0, -1)}5", input: hi, metadata: { note: ${JSON.stringify(all)}, password: plain word }, assertions: [{ type: contains, value: nowhere }] }
`,
		"work/server.eval.yaml": `target: server\ntests: [{ id: s, input: hi, assertions: [{ type: contains, value: x }] }]\n`,
		"work/targets.yaml": `targets:
  - { name: agent, provider: cli, command: [node, ${root}/work/agent.mjs] }
  - name: server
    provider: openai
    model: m
    max_retries: 0
    api_key: \${{ FOO }}
    base_url: http://ada:${password}@127.0.0.1:${port}/v1?key=${query}&x=${settings.neutral}&y=\${{ TENANT }}#${fragment}
    headers: { X-Custom: "\${{ CUSTOM }}", X-Plain: ${header} }
`,
		"work/said.json": JSON.stringify(all),
		"work/written.txt": written(env.ODD_TOKEN).join("\n"),
		"work/uses.eval.yaml": `target: server
workspace: { repos: [{ path: x, repo: "http://bob:\${{ IN_REPO }}@127.0.0.1:${port}/x.git" }] }
tests:
  - id: u
    input: ${JSON.stringify(Object.values(used).join("\n"))}
    metadata: { seen: ${JSON.stringify(Object.values(used))}, url: "http://\${{ AS_USER }}@host" }
    assertions: [{ type: code-grader, command: [node, grade.mjs], config: { api_key: "\${{ IN_CONFIG }}" } }]
`,
		"work/template/file.txt": "one\n",
		"work/.env": `SERVICE_PASSWORD=${dotEnv.SERVICE_PASSWORD}\n`,
		"work/agent.mjs": `import { readFileSync, writeFileSync } from "node:fs";
const all = JSON.parse(readFileSync(${JSON.stringify(join(root, "work/said.json"))}, "utf8"));
writeFileSync("file.txt", all);
writeFileSync("binary", Buffer.concat([Buffer.from([0, 1, 2]), Buffer.from(all)]));
// A key, and what is known, is one in any spelling.
const encoded = all.split("\\n").filter((line) => /^[\\w ."/-]+$/.test(line) && !/PRIVATE|MII|machine|login|Basic|mysql|curl/.test(line)).map(encodeURIComponent);
console.error(all);
console.log(readFileSync(${JSON.stringify(join(root, "work/written.txt"))}, "utf8"));
console.log("x".repeat(70_000) + "\\n" + all + "\\n" + JSON.stringify({ all }) + JSON.stringify(JSON.stringify(all)) + encoded + Buffer.from(process.env.MY_API_TOKEN).toString("base64"));
`,
		"work/say.mjs": `import { readFileSync } from "node:fs";
console.log(JSON.parse(readFileSync(${JSON.stringify(join(root, "work/said.json"))}, "utf8")));
`,
		"work/grade.mjs": `import { readFileSync } from "node:fs";
const all = JSON.parse(readFileSync(${JSON.stringify(join(root, "work/said.json"))}, "utf8"));
console.log(JSON.stringify({ score: 0, assertions: [{ text: all, passed: false, evidence: all }], details: { all } }));
`,
		".home/benchmarks.yaml": `benchmarks:
  - { id: remote, path: ${root}/clone, source: { url: "http://127.0.0.1:${port}/x.git" } }
  - { id: literal, path: ${root}/clone2, source: { url: "http://ada:${password}@127.0.0.1:${port}/x.git" } }
  - { id: query, path: ${root}/clone3, source: { url: "http://127.0.0.1:${port}/x.git?private_token=${query}#${fragment}" } }
`,
	};
	for (const [path, content] of Object.entries(files)) {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), content);
	}
	await run("run", "eval", "run", "work/a.eval.yaml", "--output", "runs/a");
	for (const format of ["github", "junit", "json"]) {
		await run(`run ${format}`, "eval", "run", "work/a.eval.yaml", "--output", `runs/${format}`, "--reporter", format);
	}
	await run("run against a server", "eval", "run", "work/server.eval.yaml", "--output", "runs/server", "--cache");
	await run("run with debug", "--debug", "eval", "run", "work/server.eval.yaml", "--target", all.slice(0, 2000));
	await run("run of what uses secrets", "eval", "run", "work/uses.eval.yaml", "--output", "runs/uses");
	await run("dry run", "eval", "run", "work/a.eval.yaml", "work/server.eval.yaml", "--dry-run");
	const recorded = await run("record", "eval", "record", "work/a.eval.yaml", "--out", "runs/recorded.jsonl");
	expect([recorded.exitCode, recorded.stderr]).toEqual([0, expect.anything()]);
	for (const format of ["text", "json", "github", "junit", "sarif"])
		await run(`validate ${format}`, "eval", "validate", "work", "--format", format);
	for (const which of ["runs/a", "runs/server"]) {
		await run(`show ${which}`, "results", "show", which);
		await run(`show tests of ${which}`, "results", "show", which, "--test", "*");
		await run(`list ${which}`, "results", "list");
		for (const format of ["junit", "json", "jsonl", "html", "markdown"]) {
			await run(`export ${which} ${format}`, "results", "export", which, "--format", format);
			await run(
				`export ${which} ${format} to a file`,
				"results",
				"export",
				which,
				"--format",
				format,
				"--output",
				`runs/${format}.out`,
			);
		}
	}
	await run("run into the results folder", "eval", "run", "work/a.eval.yaml");
	await run("list of the results folder", "results", "list", "--json");
	await run("compare", "results", "compare", "runs/a", "runs/json");
	await run("verify", "results", "verify", "runs/a");
	for (const command of ["list", "status", "sync"]) {
		await run(`benchmark ${command}`, "benchmark", command);
		await run(`benchmark ${command} json`, "benchmark", command, "--json");
	}
	await run("add", "benchmark", "add", `http://127.0.0.1:${port}/y.git?token=${query}`);
	await run("doctor", "doctor");
	await studio();
	keepFiles(join(root, "runs"), "record");
	for (const place of [".agentv", "work/.agentv"])
		if (existsSync(join(root, place))) keepFiles(join(root, place), "results folder");
	const home = join(root, ".home");
	for (const name of readdirSync(home)) // Files that the agent wrote are not redacted in its workspace.
		if (name !== "workspaces" && statSync(join(home, name)).isDirectory()) keepFiles(join(home, name), `home ${name}`);
	server.close();
}, 120_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("redaction", () => {
	test("is tested with texts that reach every output", () => {
		expect(places.get("run: stdout")).toContain("***");
		expect(places.get("run github: stdout")).toContain("::error");
		expect([...places.keys()].some((name) => name.endsWith("1.output.txt"))).toBe(true);
		expect([...places.keys()].some((name) => name.endsWith(".diff"))).toBe(true);
		expect([...places.keys()].filter((name) => name.startsWith("record: a/tests/")).length).toBe(8);
		expect(places.get("record: recorded.jsonl")).toContain("***");
		expect(places.get("run: stdout")).toContain("a ***~2");
		expect([...places.keys()].filter((name) => name.startsWith("Studio /runs/")).length).toBeGreaterThan(3);
		expect(places.get("run against a server: stdout")).toContain("refused");
		expect(places.get("benchmark status: stdout")).toContain("403");
	});

	test.each(Object.entries(known))("removes %s from every output", (_, secret) => {
		const forms = written(secret);
		const leaks = [...places].filter(([, text]) => forms.some((form) => text.includes(form)));
		expect(
			leaks.map(
				([name, text]) => `${name} … ${text.slice(Math.max(0, text.indexOf(secret) - 80), text.indexOf(secret) + 20)}`,
			),
		).toEqual([]);
	});
});

describe("a bundle", () => {
	const evalText =
		"target: m\ntests: [{ id: a, input: hi, assertions: [{ type: contains, value: x }] }]\nworkspace: ./t\n";
	const bundle = async (files: Record<string, string>, ...args: string[]) => {
		const cwd = tempTree({
			"e/e.eval.yaml": evalText,
			"e/targets.yaml": "targets: [{ name: m, provider: mock, response: x }]\n",
			"e/t/readme.txt": "max_tokens: 4096\ntoken: string;\n",
			...files,
		});
		const session = await agentv(["bundle", "e/e.eval.yaml", "--output", "out", ...args], { cwd, env });
		return { ...session, cwd };
	};

	test.each([".env", ".env.local", ".netrc", ".git-credentials", "id_rsa", "id_ed25519", ".pgpass"])(
		"refuses %s",
		async (name) => {
			const { exitCode, stderr } = await bundle({ [`e/t/${name}`]: "planted\n" });
			expect([exitCode, stderr]).toEqual([1, expect.stringContaining(name)]);
		},
	);

	test.each(
		[
			"a JSON web token",
			"a Groq key",
			"an xAI key",
			"an OpenRouter key",
			"a private key",
			"a storage key",
			"a registry's token",
		].map((name) => [name, ...(said[name] ?? ["", ""])] as const),
	)("refuses a file with %s", async (_, text, secret) => {
		const { exitCode, stderr } = await bundle({ "e/t/config": `x\n${text}\n` });
		expect([exitCode, stderr]).toEqual([1, expect.stringContaining("config:2: ")]);
		expect(stderr).not.toContain(secret);
	});

	test("never captures a secret, regardless of its variable's name", async () => {
		const targets = `targets:
  - name: m
    provider: openai
    model: \${{ MODEL }}
    api_key: \${{ FOO }}
    base_url: https://u:\${{ DATABASE }}@host/v1?key=\${{ QUERY }}
    headers: { X-Custom: "\${{ CUSTOM }}" }
`;
		const more = "e/.env";
		const dot = "MODEL=gpt-planted\nQUERY=planted-query\nSERVICE_PASSWORD=planted-dotenv\n";
		const { exitCode, cwd, stdout, stderr } = await bundle({ "e/targets.yaml": targets, [more]: dot }, "--capture-env");
		expect([exitCode, stderr]).toEqual([0, expect.anything()]);
		keepFiles(join(cwd, "out"), "bundle");
		const text =
			[...places].flatMap(([name, content]) => (name.startsWith("bundle: ") ? [content] : [])).join("\n") +
			stdout +
			stderr;
		expect(text).toContain("${{ MODEL:-gpt-planted }}");
		for (const secret of [...Object.values(env), "planted-query", "planted-dotenv", "planted-env-db"])
			expect(text).not.toContain(secret);
	});
});
