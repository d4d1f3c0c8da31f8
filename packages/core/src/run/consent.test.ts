import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, onTestFinished, test } from "vitest";
import { locateFindings } from "../eval/read-shape.ts";
import { grantTrust } from "../eval/trust.ts";
import { AgentvError } from "../lib/errors.ts";
import { describePlan, planRun } from "./plan-run.ts";
import { runEvals } from "./run-evals.ts";
import type { RunRequest } from "./run-request.ts";
import { machineIn } from "./testing/run-fixture.ts";

/** Starts a server that counts requests. */
async function listener() {
	let visits = 0;
	const server = createServer((request) => {
		visits += 1;
		request.socket.destroy();
	}).listen(0, "127.0.0.1");
	await new Promise((resolve) => server.once("listening", resolve));
	onTestFinished(() => void server.close());
	return { visits: () => visits, port: (server.address() as AddressInfo).port };
}

const test1 = "tests: [{id: t, input: hi, assertions: [{type: contains, value: hello}]}]\n";
const offline = "targets: [{name: default, provider: mock, response: hello}]\n";
const model = (settings: string) =>
	`targets: [{name: default, provider: openai, model: m, max_retries: 0, ${settings}}]\n`;

/** The name of each kind of access in the refusal; `files` are those of the benchmark. */
const kinds = {
	"a variable in a prompt": {
		files: {
			"a.eval.yaml": `tests: [{id: t, input: "\${{ SECRET }}", assertions: [{type: contains, value: hello}]}]\n`,
			"targets.yaml": offline,
		},
		says: "the variable SECRET",
	},
	"a variable in a test's data": {
		files: {
			"a.eval.yaml": "tests: ./t.jsonl\n",
			"t.jsonl": `{"id": "t", "input": "\${{ SECRET }}", "assertions": [{"type": "contains", "value": "hello"}]}\n`,
			"targets.yaml": offline,
		},
		says: "the variable SECRET",
	},
	"a variable with a harmless name": {
		files: {
			"a.eval.yaml": `tests: [{id: t, input: "\${{ USER_NOTE:-none }}", assertions: [{type: contains, value: hello}]}]\n`,
			"targets.yaml": offline,
		},
		says: "the variable USER_NOTE",
	},
	"a variable in a target": {
		files: {
			"a.eval.yaml": test1,
			"targets.yaml": `targets: [{name: default, provider: mock, response: "hello \${{ SECRET }}"}]\n`,
		},
		says: "the variable SECRET",
	},
	"a variable that chooses a target": {
		files: {
			"a.eval.yaml": test1,
			"targets.yaml": `targets: [{name: default, use_target: "\${{ WHICH:-m }}"}, {name: m, provider: mock, response: hello}]\n`,
		},
		says: "the variable WHICH",
	},
	"a variable in a hook": {
		files: {
			"a.eval.yaml": `workspace: {hooks: {before_each: {command: [echo, "\${{ SECRET }}"]}}}\n${test1}`,
			"targets.yaml": offline,
		},
		says: "the variable SECRET",
	},
	"the host of a model": {
		files: { "a.eval.yaml": test1, "targets.yaml": model("base_url: http://127.0.0.1:PORT/v1") },
		says: "the host 127.0.0.1:PORT",
	},
	"a host that a variable names": {
		files: { "a.eval.yaml": test1, "targets.yaml": model(`base_url: "http://\${{ HOST:-127.0.0.1:PORT }}/v1"`) },
		says: "the host 127.0.0.1:PORT",
	},
	"a host in the eval itself": {
		files: {
			"a.eval.yaml": `target: {name: x, provider: openai, model: m, max_retries: 0, base_url: "http://127.0.0.1:PORT/v1"}\n${test1}`,
		},
		says: "the host 127.0.0.1:PORT",
	},
	"a vendor's own host": {
		files: {
			"a.eval.yaml": test1,
			"targets.yaml": "targets: [{name: default, provider: openai, model: m, max_retries: 0}]\n",
		},
		says: "the host api.openai.com",
	},
	"a vendor's usual key": {
		files: {
			"a.eval.yaml": test1,
			"targets.yaml": "targets: [{name: default, provider: openai, model: m, max_retries: 0}]\n",
		},
		says: "the variable OPENAI_API_KEY",
	},
	"the host of a judge": {
		files: {
			"a.eval.yaml": "tests: [{id: t, input: hi, assertions: [{type: llm-grader, prompt: good?, target: judge}]}]\n",
			"targets.yaml":
				'targets: [{name: default, provider: mock, response: hello}, {name: judge, provider: openai, model: m, base_url: "http://127.0.0.1:PORT/v1"}]\n',
		},
		says: "the host 127.0.0.1:PORT",
	},
	"the host of a fallback": {
		files: {
			"a.eval.yaml": test1,
			"targets.yaml":
				'targets: [{name: default, provider: mock, response: hello, fallback_targets: [f]}, {name: f, provider: openai, model: m, base_url: "http://127.0.0.1:PORT/v1"}]\n',
		},
		says: "the host 127.0.0.1:PORT",
	},
	"the host of a health check": {
		files: {
			"a.eval.yaml": test1,
			"targets.yaml":
				'targets: [{name: default, provider: cli, command: [echo, hello], healthcheck: {url: "http://127.0.0.1:PORT/"}}]\n',
		},
		says: "the host 127.0.0.1:PORT",
	},
	"an agent's own address": {
		files: {
			"a.eval.yaml": test1,
			"targets.yaml":
				'targets: [{name: default, provider: claude, executable: /bin/false, env: {ANTHROPIC_BASE_URL: "http://127.0.0.1:PORT"}}]\n',
		},
		says: "the host 127.0.0.1:PORT",
	},
	"an ACP agent's address": {
		files: {
			"a.eval.yaml": test1,
			"targets.yaml": 'targets: [{name: default, provider: acp, command: [echo, "--server=http://127.0.0.1:PORT"]}]\n',
		},
		says: "the host 127.0.0.1:PORT",
	},
	"a proxy for the commands of a workspace": {
		files: {
			"a.eval.yaml": `workspace: {env: {HTTPS_PROXY: "http://127.0.0.1:PORT"}}\n${test1}`,
			"targets.yaml": offline,
		},
		says: "the host 127.0.0.1:PORT",
	},
	"a proxy without its scheme": {
		files: {
			"a.eval.yaml": `workspace: {env: {https_proxy: "127.0.0.1:PORT"}}\n${test1}`,
			"targets.yaml": offline,
		},
		says: "the host 127.0.0.1:PORT",
	},
	"an agent's address in a .env file": {
		files: { ".env": "ANTHROPIC_BASE_URL=http://127.0.0.1:PORT\n", "a.eval.yaml": test1, "targets.yaml": offline },
		says: "the host 127.0.0.1:PORT",
	},
	"the host of a repository": {
		files: {
			"a.eval.yaml": `workspace: {repos: [{path: r, repo: "http://x:\${{ SECRET }}@127.0.0.1:PORT/r.git"}]}\n${test1}`,
			"targets.yaml": offline,
		},
		says: "the host 127.0.0.1:PORT",
	},
	"a repository on GitHub": {
		files: { "a.eval.yaml": `workspace: {repos: [{path: r, repo: acme/none}]}\n${test1}`, "targets.yaml": offline },
		says: "the host github.com",
	},
	"a repository by ssh": {
		files: {
			"a.eval.yaml": `workspace: {repos: [{path: r, repo: "git@git.invalid:a/b.git"}]}\n${test1}`,
			"targets.yaml": offline,
		},
		says: "the host git.invalid",
	},
} satisfies Record<string, { files: Readonly<Record<string, string>>; says: string }>;

/** Creates a benchmark that is synced from a repository, with its registry. */
function benchmark(files: Readonly<Record<string, string>>, port: number) {
	const filled = Object.entries(files).map(([path, text]) => [path, text.replaceAll("PORT", String(port))] as const);
	const root = tempTree({ ".git/HEAD": "ref: refs/heads/main\n", ...Object.fromEntries(filled) });
	const registry = `benchmarks: [{id: b, path: ${JSON.stringify(root)}, source: {url: "https://example.invalid/b.git"}}]\n`;
	const cwd = tempTree({ ".home/benchmarks.yaml": registry });
	const machine = machineIn(cwd, {
		SECRET: "s3cret-0123456789",
		OPENAI_API_KEY: "sk-0123456789abcdef",
		PYTHONDONTWRITEBYTECODE: "1",
	});
	const plan = (request: Partial<RunRequest> = {}) =>
		planRun({ evals: [join(root, "a.eval.yaml")], ...request }, machine);
	return { machine, plan };
}

async function refusal(plan: ReturnType<typeof planRun>, machine: ReturnType<typeof machineIn>): Promise<AgentvError> {
	try {
		for await (const event of runEvals(plan, machine, { signal: new AbortController().signal }))
			throw new Error(`it ran: ${event.type}`);
	} catch (error) {
		if (error instanceof AgentvError) return error;
		throw error;
	}
	throw new Error("it was not refused");
}

describe("a synced benchmark needs consent for its first access to", () => {
	for (const [name, { files, says }] of Object.entries(kinds)) {
		test(name, async () => {
			const { visits, port } = await listener();
			const { machine, plan } = benchmark(files, port);
			const what = says.replace("PORT", String(port));
			const refused = await refusal(plan(), machine);
			expect(refused.code).toBe("config");
			expect(refused.hint).toContain("agentv benchmark trust b");
			const places = locateFindings(refused.diagnostics);
			expect(places.map(({ diagnostic }) => diagnostic.message)).toContainEqual(expect.stringContaining(what));
			// No line of a .env file is displayed.
			for (const { range, diagnostic } of places)
				expect(range !== undefined).toBe(!diagnostic.at.file.endsWith(".env"));
			const named = { name: what.split(" ").at(-1), isNew: true };
			const described = describePlan(plan()).access;
			expect([...described.variables, ...described.hosts]).toContainEqual(named);
			expect(plan({ trust: "any" }).newAccess).toEqual([]);
			expect(visits()).toBe(0);
			await grantTrust(plan().newAccess, machine.env);
			expect(plan().newAccess).toEqual([]);
			const after = describePlan(plan()).access;
			expect([...after.variables, ...after.hosts]).toContainEqual({ ...named, isNew: false });
		});
	}

	test("an outside file, even if it is allowed", async () => {
		const files = { "a.eval.yaml": `input_files: [/etc/hostname]\n${test1}`, "targets.yaml": offline };
		const { machine, plan } = benchmark(files, 0);
		const allowed = { allowOutside: ["/etc/hostname"] };
		expect((await refusal(plan(allowed), machine)).diagnostics).toMatchObject([
			{ message: expect.stringContaining("the file /etc/hostname") },
		]);
		await grantTrust(plan(allowed).newAccess, machine.env);
		expect(plan(allowed).newAccess).toEqual([]);
		expect(() => plan()).toThrow(/can't start/);
	});

	test("variables, except those that AgentV sets or that only other tests use", () => {
		const files = {
			"a.eval.yaml": `tests:
  - {id: t, input: "\${{ PYTHONDONTWRITEBYTECODE }}", assertions: [{type: contains, value: hello}]}
  - {id: u, input: "\${{ SECRET }}", assertions: [{type: contains, value: hello}]}
`,
			"targets.yaml": offline,
		};
		const { plan } = benchmark(files, 0);
		expect(plan({ tests: ["t"] }).newAccess).toEqual([]);
		expect(plan({ tests: ["u"] }).newAccess.map(({ item }) => item.value)).toEqual(["SECRET"]);
	});
});
