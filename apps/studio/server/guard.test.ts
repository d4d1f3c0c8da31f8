import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { testStudio } from "./testing/test-studio.ts";

const cancel = "/api/jobs/none/cancel";
const code = async (answer: Response) => ({
	status: answer.status,
	code: ((await answer.json()) as { error: { code: string } }).error.code,
});

describe("the Host allow-list", () => {
	it.each(["127.0.0.1:3117", "localhost", "[::1]:3117", "LOCALHOST:80"])("accepts requests for %s", async (host) => {
		expect((await testStudio().request("/api/about", { headers: { host } })).status).toBe(200);
	});

	it.each(["evil.example:3117", "127.0.0.1.evil.example", "evil@localhost", "localhost.", "", "10.0.0.7:3117"])(
		"refuses requests for %j, both for pages and the API",
		async (host) => {
			const studio = testStudio();
			for (const path of ["/", "/api/about", "/assets/x.js"]) {
				const answer = await studio.request(path, { headers: { host: host || undefined } });
				expect(await code(answer)).toEqual({ status: 403, code: "host-not-allowed" });
			}
		},
	);

	it("accepts the names of --allow-host on any port", async () => {
		const studio = testStudio({}, { allowHosts: ["Studio.internal"] });
		expect((await studio.request("/api/about", { headers: { host: "studio.internal:8443" } })).status).toBe(200);
	});

	it("shows a page with a hint in the browser", async () => {
		const headers = { host: "evil.example", accept: "text/html" };
		expect(await (await testStudio().request("/", { headers })).text()).toContain("--allow-host");
	});
});

describe("writes", () => {
	it.each([
		["a foreign Origin", { origin: "https://evil.example" }, 403, "foreign-origin"],
		["the null Origin", { origin: "null" }, 403, "foreign-origin"],
		["Studio's host on another port", { origin: "http://127.0.0.1:9999" }, 403, "foreign-origin"],
		["a page of the same site only", { "sec-fetch-site": "same-site" }, 403, "foreign-origin"],
		["another site", { "sec-fetch-site": "cross-site" }, 403, "foreign-origin"],
		["a form's text/plain", { "content-type": "text/plain" }, 415, "json-only"],
		["a form", { "content-type": "application/x-www-form-urlencoded" }, 415, "json-only"],
		["JSON only in a parameter", { "content-type": "text/plain; application/json" }, 415, "json-only"],
		["no content type", { "content-type": undefined }, 415, "json-only"],
		["no token", { authorization: undefined }, 401, "login-needed"],
		["a wrong token", { authorization: `Bearer ${"x".repeat(43)}` }, 401, "login-needed"],
		[
			"a wrong token in the deprecated header",
			{ authorization: undefined, "x-agentv-token": "x" },
			401,
			"login-needed",
		],
	])("with %s are refused", async (_what, headers, status, expected) => {
		expect(await code(await testStudio().request(cancel, { body: "{}", headers }))).toEqual({ status, code: expected });
	});

	it.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])(
		"by %s without a token are refused in the same way, regardless of the content type",
		async (method) => {
			for (const type of [undefined, "text/plain", "application/json"]) {
				const headers = { authorization: undefined, "content-type": type };
				const answer = await testStudio().request(cancel, { method, headers });
				expect(await code(answer)).toEqual({ status: 401, code: "login-needed" });
			}
		},
	);

	it("of Studio's own pages are accepted", async () => {
		const headers = { origin: "http://127.0.0.1:3117", "sec-fetch-site": "same-origin" };
		expect(await code(await testStudio().request(cancel, { body: {}, headers }))).toEqual({
			status: 404,
			code: "not-found",
		});
	});

	it("larger than 1 MB are refused", async () => {
		const body = JSON.stringify({ text: "x".repeat(1024 * 1024) });
		expect(await code(await testStudio().request(cancel, { body }))).toEqual({ status: 413, code: "too-large" });
	});

	it("have no route in a read-only Studio", async () => {
		const studio = testStudio({}, { readOnly: true });
		expect(await code(await studio.request(cancel, { body: {} }))).toEqual({ status: 404, code: "not-found" });
		expect((await studio.request("/api/jobs")).status).toBe(200);
	});
});

describe("reads", () => {
	it.each([
		{ "sec-fetch-site": "cross-site" },
		{ "sec-fetch-site": "same-site" },
		{ origin: "http://127.0.0.1:9999" },
		{ origin: "null" },
	])("with %j are refused, including event streams", async (headers) => {
		for (const path of ["/api/about", "/api/jobs/none/events", "/api/evals/marks", "/api/bundles/none/archive"])
			expect(await code(await testStudio().request(path, { headers }))).toEqual({
				status: 403,
				code: "foreign-origin",
			});
	});

	it("never have CORS headers", async () => {
		const answer = await testStudio().request("/api/about", { headers: { origin: "https://evil.example" } });
		expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
	});
});

describe("every response", () => {
	it.each(["/", "/deep/link", "/api/about", "/api/nothing", "/assets/none.js"])(
		"for %s has the security headers",
		async (path) => {
			const { headers } = await testStudio().request(path);
			const policy = headers.get("content-security-policy") ?? "";
			expect(policy).toContain("default-src 'none'");
			expect(policy).toContain("script-src 'self';");
			expect(policy).toContain("frame-ancestors 'none'");
			expect(headers.get("x-content-type-options")).toBe("nosniff");
			expect(headers.get("x-frame-options")).toBe("DENY");
			expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
			expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
			expect(headers.get("referrer-policy")).toBe("no-referrer");
			expect(headers.get("cache-control")).toBe("no-store");
		},
	);

	it("for an unknown API path is an error, not a page", async () => {
		expect(await code(await testStudio().request("/api/nothing"))).toEqual({ status: 404, code: "not-found" });
	});
});

describe("static files", () => {
	const script = "console.log(1);\n".repeat(500);
	const files = { "pages/assets/index-abc.js": script, "outside.js": "secret" };

	it("are sent compressed and cacheable, with their type", async () => {
		const answer = await testStudio(files).request("/assets/index-abc.js", { headers: { "accept-encoding": "gzip" } });
		expect(answer.headers.get("content-encoding")).toBe("gzip");
		expect(answer.headers.get("content-type")).toContain("javascript");
		expect(answer.headers.get("cache-control")).toContain("immutable");
		expect(gunzipSync(Buffer.from(await answer.arrayBuffer())).toString()).toBe(script);
	});

	it.each([
		"/assets/..%2f..%2foutside.js",
		"/assets/%2e%2e/%2e%2e/outside.js",
		"/assets/index-abc.js/../../../outside.js",
	])("%s does not redirect to another host", async (path) => {
		expect(await (await testStudio(files).request(path)).text()).not.toContain("secret");
	});
});
