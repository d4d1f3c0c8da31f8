import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { EvalListAnswer } from "../describe-eval.ts";
import type { RunPlanAnswer } from "../plans.ts";
import { testStudio } from "../testing/test-studio.ts";

const secret = "s3cret-0123456789";

/** Creates a Studio with a synced benchmark of these files, and a server that records requests. */
async function studioWith(files: Readonly<Record<string, string>>) {
	const heard: string[] = [];
	const server = createServer((request, answer) => {
		request.on("data", (chunk) => heard.push(String(chunk)));
		request.on("end", () => answer.writeHead(400).end("{}"));
	}).listen(0, "127.0.0.1");
	await new Promise((resolve) => server.once("listening", resolve));
	onTestFinished(() => void server.close());
	const { port } = server.address() as AddressInfo;
	const evals = Object.entries(files).map(([path, text]) => [`evals/${path}`, text.replaceAll("PORT", `${port}`)]);
	const studio = testStudio(
		{
			"home/benchmarks.yaml": 'benchmarks: [{id: b, path: ../evals, source: {url: "https://example.invalid/b.git"}}]\n',
			"evals/.git/HEAD": "ref: refs/heads/main\n",
			...Object.fromEntries(evals),
		},
		{ env: { SECRET: secret } },
	);
	const id = async () => (await studio.json<EvalListAnswer>("/api/evals?benchmark=b")).items[0]?.id ?? "";
	return { studio, heard, port, id: await id() };
}

const reading = {
	"a.eval.yaml": `target: m
tests:
  - {id: one, input: "\${{ SECRET }}", assertions: [{type: contains, value: x}]}
  - {id: two, input: "\${{ OTHER:-x }}", assertions: [{type: contains, value: x}]}
`,
	"targets.yaml":
		'targets: [{name: m, provider: openai, model: m, max_retries: 0, base_url: "http://127.0.0.1:PORT/v1"}]\n',
};

describe("running an eval with new variables or hosts", () => {
	it("is refused until the user trusts them, and nothing is sent before", async () => {
		const { studio, heard, port, id } = await studioWith(reading);
		const plan = await studio.json<RunPlanAnswer>(`/api/evals/${id}/run/plan`);
		const host = `127.0.0.1:${port}`;
		expect(plan.access).toEqual([
			{ kind: "variable", name: "OTHER", new: true },
			{ kind: "variable", name: "SECRET", new: true },
			{ kind: "host", name: host, new: true },
		]);
		for (const body of [{}, { trust: true }, { trust: true, digest: "other" }])
			expect((await studio.request(`/api/evals/${id}/run`, { body })).status).toBe(409);
		const refused = await studio.request(`/api/evals/${id}/run`, { body: { digest: plan.digest } });
		const text = await refused.text();
		expect([refused.status, text]).toEqual([422, expect.stringContaining("the variable SECRET")]);
		expect(text).not.toContain(secret);
		expect(heard).toEqual([]);

		const body = { digest: plan.digest, trust: true, tests: ["one"] };
		const { job } = await studio.json<{ job: string }>(`/api/evals/${id}/run`, { body });
		await studio.events(`/api/jobs/${job}/events`);
		expect(heard).toEqual([expect.stringContaining(secret)]);
		expect(readFileSync(join(studio.root, "home/state/trust.json"), "utf8")).not.toMatch(/SECRET|127\.0/);
		const after = await studio.json<RunPlanAnswer>(`/api/evals/${id}/run/plan`);
		expect(after.access.map((one) => one.new)).toEqual([false, false, false]);
		expect((await studio.request(`/api/evals/${id}/run`, { body: { digest: after.digest } })).status).toBe(202);
	});

	it("is refused if the eval has changed since it was shown", async () => {
		const { studio, heard, id } = await studioWith(reading);
		const plan = await studio.json<RunPlanAnswer>(`/api/evals/${id}/run/plan`);
		studio.write({
			"evals/targets.yaml": "targets: [{name: m, provider: openai, model: m, base_url: http://127.0.0.1:9}]\n",
		});
		const answer = await studio.request(`/api/evals/${id}/run`, { body: { digest: plan.digest, trust: true } });
		expect([answer.status, await answer.text()]).toEqual([409, expect.stringContaining("has changed")]);
		expect(heard).toEqual([]);
	});

	it("is refused for a file outside the benchmark, even if trusted", async () => {
		const files = { ...reading, "a.eval.yaml": `input_files: [/proc/self/environ]\n${reading["a.eval.yaml"]}` };
		const { studio, heard, id } = await studioWith(files);
		const plan = await studio.json<RunPlanAnswer>(`/api/evals/${id}/run/plan`);
		expect(plan.problems).toContainEqual(expect.stringContaining("is outside the repository"));
		const answer = await studio.request(`/api/evals/${id}/run`, { body: { digest: plan.digest, trust: true } });
		expect(answer.status).toBe(422);
		expect(heard).toEqual([]);
	});
});
