import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { waitUntil } from "@agentv/test-support";
import { describe, expect, it } from "vitest";
import type { TargetFailure } from "./contract.ts";
import { modelServer, type Reply } from "./testing/model-server.ts";
import { request } from "./testing/target-from.ts";
import { vendors } from "./testing/vendors.ts";

/** Returns an address without a server. */
async function deadAddress(): Promise<string> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return `http://127.0.0.1:${port}`;
}

describe.each(vendors)("$name", (vendor) => {
	async function failureOf(reply: Reply): Promise<{ failure: TargetFailure | undefined; calls: number }> {
		const server = await modelServer(() => reply);
		const outcome = await vendor.target(server.url).invoke(request("hello"));
		return { failure: outcome.ok ? undefined : outcome.failure, calls: server.requests.length };
	}

	it("calls once and treats a 429 as temporary, with the delay that the server requests", async () => {
		const reply = { status: 429, headers: { "retry-after": "7" }, json: vendor.error("too many requests") };
		const { failure, calls } = await failureOf(reply);
		expect(failure).toMatchObject({ code: "http-429", status: 429, retryable: true, retryAfterMs: 7000 });
		expect(failure?.message).toContain("too many requests");
		expect(calls).toBe(1);
	});

	it.each([500, 502, 503, 529, 408])("treats %i as temporary", async (status) => {
		const { failure } = await failureOf({ status, json: vendor.error("overloaded") });
		expect(failure).toMatchObject({ code: `http-${status}`, retryable: true });
	});

	it.each([400, 401, 403, 404, 422])("treats %i as permanent", async (status) => {
		const { failure } = await failureOf({ status, json: vendor.error("no such model") });
		expect(failure).toMatchObject({ code: `http-${status}`, retryable: false });
		expect(failure?.message).toContain("no such model");
	});

	it("reports an error page of a proxy by its status", async () => {
		const { failure } = await failureOf({ status: 502, text: "<html>Bad Gateway</html>" });
		expect(failure).toMatchObject({ code: "http-502", retryable: true });
	});

	it.each<[string, Reply]>([
		["HTML", { text: "<html>Welcome to the captive portal</html>" }],
		["other JSON", { json: { hello: "world" } }],
		["an empty body", { text: "" }],
		["JSON that is not an object", { json: 7 }],
	])("treats %s in place of an answer as a temporary bad answer", async (_, reply) => {
		const { failure } = await failureOf(reply);
		expect(failure).toMatchObject({ code: "bad-answer", retryable: true });
	});

	it.each<[string, Reply]>([
		["a connection reset before the answer", { reset: true }],
		["an incomplete body", { cut: vendor.answer("a long answer ".repeat(1000)) }],
	])("treats %s as temporary", async (_, reply) => {
		const { failure } = await failureOf(reply);
		expect(failure).toMatchObject({ code: "network", retryable: true });
	});

	it.each(["before headers", "in the body"] as const)(
		"ends a stall %s and the connection at the time limit",
		async (stall) => {
			const server = await modelServer(() => ({ stall }));
			const signal = AbortSignal.timeout(200);
			const started = performance.now();
			const outcome = await vendor.target(server.url).invoke(request("hello", { signal }));
			expect(outcome).toMatchObject({ ok: false, failure: { code: "timeout", retryable: true } });
			expect(performance.now() - started).toBeLessThan(2000);
			await waitUntil(() => server.abandoned() === 1);
		},
	);

	it("ends an interrupted call and does not retry it", async () => {
		const controller = new AbortController();
		const server = await modelServer(() => {
			setTimeout(() => controller.abort(), 20);
			return { stall: "before headers" };
		});
		const outcome = await vendor.target(server.url).invoke(request("hello", { signal: controller.signal }));
		expect(outcome).toMatchObject({ ok: false, failure: { code: "interrupted", retryable: false } });
	});

	it("treats an unreachable server as temporary", async () => {
		const outcome = await vendor.target(await deadAddress()).invoke(request("hello"));
		expect(outcome).toMatchObject({ ok: false, failure: { code: "network", retryable: true } });
	});

	it("reports an unreadable file and does not retry", async () => {
		const server = await modelServer(() => ({ json: vendor.answer("yes") }));
		const content = [{ type: "file" as const, path: "/nonexistent/notes.md", name: "notes.md" }];
		const outcome = await vendor.target(server.url).invoke(request([{ role: "user", content }]));
		expect(outcome).toMatchObject({ ok: false, failure: { retryable: false } });
		expect(!outcome.ok && outcome.failure.message).toContain("notes.md");
	});
});
