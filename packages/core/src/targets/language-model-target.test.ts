import { join } from "node:path";
import { tempTree } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import { modelServer } from "./testing/model-server.ts";
import { message, request } from "./testing/target-from.ts";
import { key, vendors } from "./testing/vendors.ts";

const png = Buffer.from(
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
	"base64",
);

describe.each(vendors)("$name", (vendor) => {
	it("returns text, token usage and facts, and sends the key only in its header", async () => {
		const server = await modelServer(() => ({ json: vendor.answer("four") }));
		const outcome = await vendor.target(server.url).invoke(request("two and two?"));
		expect(outcome).toMatchObject({
			ok: true,
			answer: {
				text: "four",
				messages: [{ role: "assistant", content: "four" }],
				tokenUsage: { input: 120, output: 30, cached: 20 },
				llmCalls: 1,
				metadata: { finish_reason: "stop", model: "model-2026-01-01" },
			},
		});
		const [seen] = server.requests;
		expect(seen?.path).toBe(vendor.path);
		const [header, value] = vendor.keyHeader;
		expect(seen?.headers[header]).toBe(value);
		expect(JSON.stringify([seen?.path, seen?.body, outcome])).not.toContain(key);
	});

	it("sends the settings", async () => {
		const server = await modelServer(() => ({ json: vendor.answer("yes") }));
		const settings = {
			temperature: 0.25,
			max_output_tokens: 77,
			system_prompt: "Be brief.",
			headers: { "x-team": "evals" },
		};
		await vendor.target(server.url, settings).invoke(request("ready?"));
		const [seen] = server.requests;
		expect(seen && vendor.outputLimit(seen)).toBe(77);
		expect(JSON.stringify(seen?.body)).toContain('"temperature":0.25');
		expect(seen && vendor.told(seen)).toContain("Be brief.");
		expect(seen?.headers["x-team"]).toBe("evals");
	});

	it("computes the cost by `pricing`, or uses the cost in the answer", async () => {
		const server = await modelServer(() => ({ json: vendor.answer("yes") }));
		const target = vendor.target(server.url, { pricing: { input: 2, output: 10, cached: 0.5 } });
		const outcome = await target.invoke(request("ready?"));
		const expected = vendor.name === "openrouter" ? 0.0125 : (100 * 2 + 20 * 0.5 + 30 * 10) / 1e6;
		expect(outcome.ok && outcome.answer.costUsd).toBeCloseTo(expected, 10);
	});

	it("sends the whole conversation with its tool calls", async () => {
		const server = await modelServer(() => ({ json: vendor.answer("15 degrees") }));
		const calls = [{ tool: "get.weather", input: { city: "Bern" }, output: { degrees: 15 }, id: "call_1" }];
		const messages = [
			message("system", "You know the weather."),
			message("user", "How warm is it?"),
			{ ...message("assistant", "I'll look."), toolCalls: calls },
			message("assistant", ""),
			message("assistant", "It is warm."),
			message("user", "How much exactly?"),
		];
		expect(await vendor.target(server.url).invoke(request(messages))).toMatchObject({ ok: true });
		const told = server.requests[0] && vendor.told(server.requests[0]);
		for (const text of [
			"You know the weather.",
			"I'll look.",
			"get_weather",
			"Bern",
			"degrees",
			"It is warm.",
			"exactly",
		])
			expect(told).toContain(text);
	});

	it("sends text files as text and images as content", async () => {
		const directory = tempTree({ "notes.md": "remember the milk" });
		const { writeFileSync } = await import("node:fs");
		writeFileSync(join(directory, "dot.png"), png);
		const server = await modelServer(() => ({ json: vendor.answer("a dot") }));
		const content = [
			{ type: "file" as const, path: join(directory, "notes.md"), name: "./notes.md" },
			{ type: "image" as const, path: join(directory, "dot.png"), name: "./dot.png" },
			{ type: "text" as const, text: "What is this?" },
		];
		expect(await vendor.target(server.url).invoke(request([{ role: "user", content }]))).toMatchObject({ ok: true });
		const told = server.requests[0] && vendor.told(server.requests[0]);
		expect(told).toContain("remember the milk");
		expect(told).toContain(png.toString("base64"));
		expect(told).toContain("image/png");
	});

	it("requests an answer by a schema, and omits it if the server doesn't support schemas", async () => {
		const schema = {
			type: "object",
			properties: { score: { type: "number" } },
			required: ["score"],
			additionalProperties: false,
		};
		const answerSchema = { name: "grade", schema };
		const knowing = await modelServer(() => ({ json: vendor.answer('{"score":1}') }));
		expect(await vendor.target(knowing.url).invoke(request("grade", { answerSchema }))).toMatchObject({ ok: true });
		expect(JSON.stringify(knowing.requests[0]?.body)).toContain('"score"');

		const simple = await modelServer(({ body }) =>
			JSON.stringify(body).includes('"score"')
				? { status: 400, json: vendor.error("unknown parameter") }
				: { json: vendor.answer('{"score":1}') },
		);
		const target = vendor.target(simple.url);
		for (const _ of [1, 2]) expect(await target.invoke(request("grade", { answerSchema }))).toMatchObject({ ok: true });
		expect(simple.requests).toHaveLength(3);
	});
});
