import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ModelServer, modelServer, type SeenRequest } from "../targets/testing/model-server.ts";
import { key, vendors } from "../targets/testing/vendors.ts";
import { runTree } from "./testing/run-fixture.ts";

const chat = vendors[0];
if (!chat) throw new Error("no vendor");
const answer = (text: string) => ({ json: chat.answer(text) });
const told = ({ body }: SeenRequest) => JSON.stringify(body["messages"]);
const isJudging = (request: SeenRequest) => told(request).includes("You are a strict and fair grader");
const verdict = (score: number) => answer(JSON.stringify({ score, assertions: [], reasoning: "r" }));

/** Returns a targets file with models at one server, all with the settings `more`. */
const models = ({ url }: ModelServer, more = "", names = ["default"]) =>
	`targets:\n${names.map((name) => `  - {name: ${name}, provider: openai, model: ${name}, base_url: "${url}/v1", api_key: "\${{ KEY }}", retry_initial_delay_ms: 5, ${more}}\n`).join("")}`;
const env = { KEY: key };
const tests = (count: number, more = "assertions: [{type: contains, value: yes}]") =>
	`tests:\n${Array.from({ length: count }, (_, index) => `  - {id: t${index}, input: question ${index}, ${more}}\n`).join("")}`;

describe("a run against a language model", () => {
	test("records answers, usage and cost, and never the key", async () => {
		const server = await modelServer(() => answer(`yes, your key is ${key}`));
		const run = await runTree(
			{ "my.eval.yaml": tests(1), "targets.yaml": models(server, "pricing: {input: 1, output: 2}") },
			{ env },
		);
		expect(run.row("t0")).toMatchObject({
			executionStatus: "ok",
			tokenUsage: { input: 120, output: 30 },
			costUsd: 0.00018,
		});
		for (const text of filesBelow(run.runDir)) expect(text).not.toContain(key);
		expect(JSON.stringify(run.events)).not.toContain(key);
	});

	test("waits as long as a busy server requests, and reports that", async () => {
		const server = await modelServer((_, index) =>
			index < 2 ? { status: 429, headers: { "retry-after": "1" }, json: chat.error(`busy, ${key}`) } : answer("yes"),
		);
		const started = performance.now();
		const run = await runTree({ "my.eval.yaml": tests(1), "targets.yaml": models(server) }, { env });
		expect(run.row("t0").executionStatus).toBe("ok");
		expect(performance.now() - started).toBeGreaterThanOrEqual(2000);
		expect(run.events.filter(({ type }) => type === "retry")).toMatchObject([
			{ waitMs: 1000, message: "the server responded with 429: busy, ***" },
			{ waitMs: 1000 },
		]);
	});

	test("does not wait for a server that requests an hour", async () => {
		const busy = { status: 429, headers: { "retry-after": "3600" }, json: chat.error("busy") };
		const server = await modelServer(() => busy);
		const run = await runTree({ "my.eval.yaml": tests(1), "targets.yaml": models(server) }, { env });
		expect(run.row("t0").error).toMatchObject({ stage: "target", code: "http-429" });
		expect(server.requests).toHaveLength(1);
	});

	test("sends a conversation turn by turn", async () => {
		const server = await modelServer((_, index) => answer(["Berlin", "Paris, yes"][index] ?? ""));
		const turns =
			"mode: conversation, turns: [{input: Germany?, assertions: [{type: contains, value: Berlin}]}, {input: France?, assertions: [{type: contains, value: Paris}]}]";
		const run = await runTree(
			{ "my.eval.yaml": `tests:\n  - {id: t, input: Capitals., ${turns}}\n`, "targets.yaml": models(server) },
			{ env },
		);
		expect(run.row("t")).toMatchObject({ score: 1, tokenUsage: { input: 240, output: 60 } });
		expect(server.requests[1]?.body["messages"]).toEqual([
			{ role: "user", content: "Capitals." },
			{ role: "user", content: "Germany?" },
			{ role: "assistant", content: "Berlin" },
			{ role: "user", content: "France?" },
		]);
	});

	test("respects a target's requests per minute and excludes the waiting time from durations", async () => {
		const server = await modelServer(() => answer("yes"));
		const started = performance.now();
		const run = await runTree(
			{ "my.eval.yaml": tests(5), "targets.yaml": models(server, "requests_per_minute: 240") },
			{ env, workers: 5, timeoutSeconds: 0.9 },
		);
		expect(run.summary.passed).toBe(5);
		expect(performance.now() - started).toBeGreaterThanOrEqual(1000);
	});
});

describe("a model that grades", () => {
	const criteria = tests(1, "criteria: It says yes.");

	test.each([
		["by the grader", "assertions: [{type: llm-grader, prompt: Yes?, target: named}]", "grader_target: judge", "named"],
		["by the target", "criteria: It says yes.", "grader_target: judge", "judge"],
		["as the target itself, which is a model", "criteria: It says yes.", "", "default"],
	])("is chosen %s", async (_, more, settings, model) => {
		const server = await modelServer((request) => (isJudging(request) ? verdict(0.9) : answer("yes")));
		const targets = models(server, settings, ["default", "judge", "named"]);
		const run = await runTree({ "my.eval.yaml": tests(1, more), "targets.yaml": targets }, { env });
		expect(server.requests.map(({ body }) => body["model"])).toEqual(["default", model]);
		expect(run.row("t0")).toMatchObject({
			score: 0.9,
			tokenUsage: { input: 120 },
			scores: [{ usage: { target: model, model, tokenUsage: { input: 120, output: 30 } } }],
		});
		expect(run.summary).toMatchObject({ tokenUsage: { input: 120 }, graderTokenUsage: { input: 120 } });
	});

	test.each([
		["is missing", "{name: default, provider: mock}", 'target "default" has no `grader_target`'],
		["does not exist", "{name: default, provider: mock, grader_target: none}", "none"],
	])("is an error before any test if it %s", async (_, target, said) => {
		const failing = runTree({ "my.eval.yaml": criteria, "targets.yaml": `targets: [${target}]\n` });
		const error = await failing.catch((thrown: unknown) => thrown);
		expect(error).toMatchObject({ code: "config" });
		const { diagnostics } = error as { readonly diagnostics: readonly { readonly message: string }[] };
		expect(diagnostics.map(({ message }) => message).join("\n")).toContain(said);
	});

	test("is an error before any test if it has no key", async () => {
		const targets =
			"targets:\n  - {name: default, provider: mock, grader_target: judge}\n  - {name: judge, provider: anthropic, model: m}\n";
		await expect(runTree({ "my.eval.yaml": criteria, "targets.yaml": targets })).rejects.toMatchObject({
			code: "config",
			message: 'target "judge" can\'t be used to grade: target "judge" has no api_key',
			hint: expect.stringContaining("ANTHROPIC_API_KEY"),
		});
	});

	test("causes an execution error, not a low score, if it returns no verdict in two attempts", async () => {
		const server = await modelServer((request) => answer(isJudging(request) ? "Nice answer!" : "yes"));
		const run = await runTree({ "my.eval.yaml": criteria, "targets.yaml": models(server) }, { env });
		expect(run.row("t0")).toMatchObject({
			executionStatus: "execution_error",
			error: { stage: "grader", code: "bad-reply" },
		});
		expect(server.requests.filter(isJudging)).toHaveLength(2);
	});

	test("is part of the row's fingerprint, with its prompts", async () => {
		const server = await modelServer((request) => (isJudging(request) ? verdict(1) : answer("yes")));
		const of = async (judge: string) => {
			const targets = models(server, `grader_target: ${judge}`, ["default", "one", "two"]);
			const run = await runTree({ "my.eval.yaml": criteria, "targets.yaml": targets }, { env });
			return run.row("t0").fingerprint;
		};
		const [one, two, again] = [await of("one"), await of("two"), await of("one")];
		expect(one).toEqual(again);
		expect(one?.graders).not.toBe(two?.graders);
	});
});

function* filesBelow(directory: string): Generator<string> {
	for (const name of readdirSync(directory)) {
		const path = join(directory, name);
		if (statSync(path).isDirectory()) yield* filesBelow(path);
		else yield readFileSync(path, "utf8");
	}
}
